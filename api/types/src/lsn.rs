//! Positions of records in a stream.
//! Promises: no arithmetic on positions happens outside this file, and none of it wraps around.
//! A tail, and every other "position up to here", is an `Option<Lsn>`: `None` is the place before the first record,
//! and `None < Some(_)`, so such positions compare as one would read them.

use std::fmt;
use std::iter;
use std::num::NonZeroU64;

/// Position of a record in one stream. The first record is 1, there are no gaps, and 0 does not exist.
///
/// So a position is also a count: the record at 17 is the seventeenth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(NonZeroU64);

impl Lsn {
    /// The position of a stream's first record.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// The position with this number; `None` for 0.
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number, for encodings.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The position after this one; `None` after the last there can be (2^64 − 1).
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The position that a record appended behind `tail` takes.
    pub fn after(tail: Option<Self>) -> Option<Self> {
        tail.map_or(Some(Self::FIRST), Self::next)
    }

    /// The positions that records appended behind `tail` take, in order.
    pub fn all_after(tail: Option<Self>) -> impl Iterator<Item = Self> {
        iter::successors(Self::after(tail), |lsn| lsn.next())
    }

    /// How many records there are up to and with this position: 0 for the empty stream.
    pub fn count(position: Option<Self>) -> u64 {
        position.map_or(0, Self::get)
    }

    /// How many records lie behind `earlier`, up to and with `later`; `None` if `later` is the earlier one.
    pub fn distance(earlier: Option<Self>, later: Option<Self>) -> Option<u64> {
        Self::count(later).checked_sub(Self::count(earlier))
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: u64) -> Option<Lsn> {
        Lsn::new(number)
    }

    #[test]
    fn the_first_record_is_one_and_zero_does_not_exist() {
        assert_eq!(Lsn::new(0), None);
        assert_eq!(Lsn::FIRST.get(), 1);
        assert_eq!(Lsn::after(None), Some(Lsn::FIRST));
    }

    #[test]
    fn positions_follow_each_other_and_never_wrap() {
        for (tail, next) in [
            (None, at(1)),
            (at(1), at(2)),
            (at(u64::MAX - 1), at(u64::MAX)),
            (at(u64::MAX), None),
        ] {
            assert_eq!(Lsn::after(tail), next);
        }
        let three: Vec<u64> = Lsn::all_after(at(4)).take(3).map(Lsn::get).collect();
        assert_eq!(three, [5, 6, 7]);
        assert_eq!(Lsn::all_after(at(u64::MAX)).count(), 0);
    }

    #[test]
    fn a_distance_counts_records_and_has_no_sign() {
        let cases = [
            (None, None, Some(0)),
            (None, at(3), Some(3)),
            (at(3), at(3), Some(0)),
            (at(3), at(5), Some(2)),
            (at(5), at(3), None),
            (at(1), None, None),
            (None, at(u64::MAX), Some(u64::MAX)),
        ];
        for (earlier, later, records) in cases {
            assert_eq!(Lsn::distance(earlier, later), records, "from {earlier:?} to {later:?}");
        }
    }

    #[test]
    fn the_empty_stream_is_before_every_position() {
        assert!(None < at(1));
        assert_eq!(Lsn::count(None), 0);
    }
}
