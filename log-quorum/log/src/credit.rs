//! Credit: how much an owner may still write.
//! Promises: it is a limit on a counter that only grows, so a grant that is lost, repeated or late does no harm.

/// Up to where an owner may append: a limit on the stream's `appended_bytes`. Granted credit is never taken back: a holder
/// keeps the highest limit it heard, also when a new leader, which does not know of it, names a lower one.
///
/// An owner executes a write only while it has any credit left; one turn may overdraw it, and an append is never
/// refused for it (DESIGN, section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Credit {
    limit_bytes: u64,
}

impl Credit {
    /// No credit at all: what an owner holds before its first answer.
    pub const NONE: Self = Self { limit_bytes: 0 };

    /// Credit until the stream's `appended_bytes` reach `limit_bytes`.
    pub const fn up_to(limit_bytes: u64) -> Self {
        Self { limit_bytes }
    }

    /// The limit, for encodings.
    pub const fn limit_bytes(self) -> u64 {
        self.limit_bytes
    }

    /// What an owner holds after hearing of `other` too. Answers may come in any order.
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }

    /// Bytes left once `appended_bytes` are appended, those under way included. Zero when it is overdrawn.
    pub const fn left(self, appended_bytes: u64) -> u64 {
        self.limit_bytes.saturating_sub(appended_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overdrawn_credit_leaves_nothing() {
        for (limit, appended, left) in [(0, 0, 0), (10, 4, 6), (10, 10, 0), (10, 11, 0)] {
            assert_eq!(Credit::up_to(limit).left(appended), left, "{appended} of {limit}");
        }
    }

    #[test]
    fn a_late_grant_takes_nothing_back() {
        assert_eq!(Credit::up_to(10).or(Credit::up_to(7)), Credit::up_to(10));
        assert_eq!(Credit::NONE.or(Credit::up_to(7)), Credit::up_to(7));
    }
}
