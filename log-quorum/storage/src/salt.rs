//! What keeps the bytes of one segment from being taken for those of another.
//! Promises: 2^32 segments in a row have different salts, and no bytes have the same checksum under two of them. So
//! what a recycled file held before never validates in it. Leaves to the caller: a start that nobody else has.

/// The seed of every checksum in one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Salt(u32);

impl Salt {
    /// The salt of the first segment of a folder.
    pub(crate) fn first(unique: u64) -> Self {
        Self(crc32c::crc32c(&unique.to_le_bytes()))
    }

    pub(crate) const fn stored(value: u32) -> Self {
        Self(value)
    }

    pub(crate) const fn get(self) -> u32 {
        self.0
    }

    /// The salt of the next segment: a linear congruence that takes every value before it takes one again.
    pub(crate) fn next(self) -> Self {
        Self(self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223))
    }

    /// Checksum of `head` and `body`, one after the other. For given bytes it is a bijection of the salt.
    pub(crate) fn checksum(self, head: &[u8], body: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c_append(self.0, head), body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_never_have_the_same_checksum_under_two_salts() {
        let mut salt = Salt::first(7);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..10_000 {
            assert!(seen.insert(salt.checksum(b"head", b"body")), "{salt:?}");
            salt = salt.next();
        }
    }
}
