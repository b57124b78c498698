//! The number of a segment, and the file names that come from it.
//! Promises: no two segments of a folder ever share a number, so a later one is a greater one.

use std::fmt;
use std::num::NonZeroU64;

const FILE_PREFIX: &str = "wal-";
const FILE_SUFFIX: &str = ".seg";

/// Number of a segment of the log. The first is 1; a number is never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(NonZeroU64);

impl Sequence {
    pub(crate) const FIRST: Self = Self(NonZeroU64::MIN);

    /// The segment with this number; 0 is none.
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number alone.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Name of the segment's file: `wal-` and 16 hexadecimal digits.
    pub fn file_name(self) -> String {
        format!("{FILE_PREFIX}{self}{FILE_SUFFIX}")
    }

    /// The segment that a file is, by its name; `None` for every other file.
    pub fn from_file_name(name: &str) -> Option<Self> {
        let digits = name.strip_prefix(FILE_PREFIX)?.strip_suffix(FILE_SUFFIX)?;
        let sequence = Self::new(u64::from_str_radix(digits, 16).ok()?)?;
        (sequence.file_name() == name).then_some(sequence)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_read_back_and_no_other_spelling_is() {
        let sequence = Sequence::new(0xab).unwrap();
        assert_eq!(sequence.file_name(), "wal-00000000000000ab.seg");
        assert_eq!(Sequence::from_file_name(&sequence.file_name()), Some(sequence));
        for name in [
            "wal-0000000000000000.seg",
            "wal-00000000000000AB.seg",
            "wal-ab.seg",
            "wal-00000000000000ab.tmp",
            "identity",
        ] {
            assert_eq!(Sequence::from_file_name(name), None, "{name}");
        }
    }
}
