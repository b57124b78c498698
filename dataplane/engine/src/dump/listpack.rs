//! Listpacks: what Redis 7 and its heirs keep small hashes in.
//! Promises: every length of the listpack is checked, also those that are there only to be read backwards.
//!
//! ```text
//!   listpack = bytes of all (4), number of entries (2), entries, 0xff           little endian
//!   entry    = a string or a number, and how long that was: 7 bits a byte, high ones first, the first byte below 128
//! ```

use super::DumpError;
use super::packed::{COUNT_UNKNOWN, body, take, take_array, take_integer};
use crate::number::write_i64;

const HEADER_BYTES: usize = 4 + 2;

/// The entries, numbers as their digits.
pub(super) fn entries(packed: &[u8]) -> Result<impl Iterator<Item = Result<Vec<u8>, DumpError>>, DumpError> {
    let mut header = packed;
    let bytes = u32::from_le_bytes(take_array(&mut header)?);
    let count = u16::from_le_bytes(take_array(&mut header)?);
    if usize::try_from(bytes) != Ok(packed.len()) {
        return Err(DumpError::BadFormat);
    }
    let mut entries = Entries {
        rest: body(packed, HEADER_BYTES)?,
    };
    // Counted before any is kept.
    let counted = Entries { rest: entries.rest }.count();
    if count != COUNT_UNKNOWN && usize::from(count) != counted {
        return Err(DumpError::BadFormat);
    }
    Ok(std::iter::from_fn(move || entries.next()))
}

struct Entries<'a> {
    rest: &'a [u8],
}

impl Entries<'_> {
    fn read(&mut self) -> Result<Vec<u8>, DumpError> {
        let before = self.rest.len();
        let value = read_value(&mut self.rest)?;
        let length = before - self.rest.len();
        let (backwards, bytes) = backwards_length(length);
        if take(&mut self.rest, bytes)? != &backwards[..bytes] {
            return Err(DumpError::BadFormat);
        }
        Ok(value)
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Vec<u8>, DumpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = self.read();
        if entry.is_err() {
            self.rest = &[];
        }
        Some(entry)
    }
}

fn read_value(rest: &mut &[u8]) -> Result<Vec<u8>, DumpError> {
    let [first] = take_array(rest)?;
    let length = match first {
        0x00..=0x7f => return Ok(write_i64(i64::from(first))),
        0x80..=0xbf => usize::from(first & 0x3f),
        0xc0..=0xdf => {
            let [low] = take_array(rest)?;
            // 13 bits, moved up so that the sign of them is the sign of 16.
            let number = i16::from_be_bytes([first & 0x1f, low]) << 3 >> 3;
            return Ok(write_i64(i64::from(number)));
        }
        0xe0..=0xef => {
            let [low] = take_array(rest)?;
            usize::from(u16::from_be_bytes([first & 0x0f, low]))
        }
        0xf0 => usize::try_from(u32::from_le_bytes(take_array(rest)?)).map_err(|_| DumpError::BadFormat)?,
        0xf1 => return take_integer::<2>(rest),
        0xf2 => return take_integer::<3>(rest),
        0xf3 => return take_integer::<4>(rest),
        0xf4 => return take_integer::<8>(rest),
        0xf5..=0xff => return Err(DumpError::BadFormat),
    };
    Ok(take(rest, length)?.to_vec())
}

/// The length as it stands behind an entry, and how many bytes of the array that takes.
fn backwards_length(length: usize) -> ([u8; 5], usize) {
    // The bounds are one lower than 7 bits a byte would need: so they are written.
    let bytes: usize = match length {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    };
    let mut backwards = [0; 5];
    let mut left = length as u64;
    for byte in backwards[..bytes].iter_mut().rev() {
        *byte = 0x80 | left.to_le_bytes()[0];
        left >>= 7;
    }
    backwards[0] &= 0x7f;
    (backwards, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// redis 7.0.15 writes entries of these lengths so.
    #[test]
    fn lengths_stand_behind_entries_in_as_many_bytes_as_redis_takes() {
        let cases: [(usize, &[u8]); 7] = [
            (2, &[2]),
            (127, &[127]),
            (128, &[1, 0x80]),
            (16_382, &[0x7f, 0xfe]),
            (16_383, &[0, 0xff, 0xff]),
            (2_097_150, &[0x7f, 0xff, 0xfe]),
            (2_097_151, &[0, 0xff, 0xff, 0xff]),
        ];
        for (length, expected) in cases {
            let (backwards, bytes) = backwards_length(length);
            assert_eq!(&backwards[..bytes], expected, "{length}");
        }
    }
}
