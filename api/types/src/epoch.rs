//! Numbers of a stream's successive owners.
//! Promises: an epoch is only ever followed by the next number; it never wraps around to one that was used.

use std::fmt;

/// Which owner of a stream: bumped by every fence. A call of an older epoch is refused, whatever it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// The stream has no owner yet. No call can hold it; the first fence expects it.
    pub const NONE: Self = Self(0);

    /// The epoch with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number, for encodings.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The epoch that a fence of this one begins; `None` after 2^64 − 1, which no clusters' life reaches.
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_follow_each_other_and_never_wrap() {
        assert_eq!(Epoch::NONE.next(), Some(Epoch::new(1)));
        assert_eq!(Epoch::new(u64::MAX).next(), None);
        assert!(Epoch::NONE < Epoch::new(1));
    }
}
