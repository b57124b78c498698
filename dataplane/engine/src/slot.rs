//! Which of the 16384 slots a key lies in.
//! Promises: the slot that Redis Cluster and every client of it computes: CRC-16/XMODEM of the key or of its hash tag.

use crc::{CRC_16_XMODEM, Crc, Table};

const CRC: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_XMODEM);

/// How many slots there are.
pub const SLOTS: u16 = 16_384;

/// One slot: below [`SLOTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u16);

impl Slot {
    /// The slot with this number; `None` past the last.
    pub const fn new(number: u16) -> Option<Self> {
        if number < SLOTS { Some(Self(number)) } else { None }
    }

    /// Its number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// The slot of a key: of what stands between its first `{` and the next `}` if that is not empty, else of all of it.
pub fn key_slot(key: &[u8]) -> Slot {
    Slot(CRC.checksum(hash_tag(key).unwrap_or(key)) % SLOTS)
}

fn hash_tag(key: &[u8]) -> Option<&[u8]> {
    let (_, behind) = split_at_byte(key, b'{')?;
    let (tag, _) = split_at_byte(behind, b'}')?;
    (!tag.is_empty()).then_some(tag)
}

fn split_at_byte(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let position = bytes.iter().position(|byte| *byte == at)?;
    Some((&bytes[..position], &bytes[position + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `redis-cli cluster keyslot` of redis 7.0.15 says the same.
    #[test]
    fn slots_are_those_of_redis_cluster() {
        let cases: [(&[u8], u16); 7] = [
            (b"foo", 12_182),
            (b"123456789", 12_739),
            (b"{user1000}.following", 3_443),
            (b"{user1000}.followers", 3_443),
            (b"foo{}{bar}", 8_363),
            (b"foo{{bar}}zap", 4_015),
            (b"", 0),
        ];
        for (key, slot) in cases {
            assert_eq!(key_slot(key).get(), slot, "{}", String::from_utf8_lossy(key));
        }
    }
}
