//! What a node knows of a part of the table without looking into it.

use tenure_types::WallTime;

/// Counts of a part, and when to look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Summary {
    /// How many items.
    pub(super) len: usize,
    /// How many items have an expiry.
    pub(super) volatile: usize,
    /// No item expires before this: a lower bound, for a removed item may have been the earliest.
    earliest: WallTime,
}

/// Later than anything.
const NEVER: WallTime = WallTime::from_unix_millis(u64::MAX);

impl Default for Summary {
    fn default() -> Self {
        Self {
            len: 0,
            volatile: 0,
            earliest: NEVER,
        }
    }
}

impl Summary {
    pub(super) fn add(&mut self, expires_at: Option<WallTime>) {
        self.len += 1;
        self.volatile += usize::from(expires_at.is_some());
        self.earliest = self.earliest.min(expires_at.unwrap_or(NEVER));
    }

    pub(super) fn subtract(&mut self, expires_at: Option<WallTime>) {
        self.len -= 1;
        self.volatile -= usize::from(expires_at.is_some());
        self.forget_bound();
    }

    pub(super) fn replace(&mut self, before: Option<WallTime>, after: Option<WallTime>) {
        self.subtract(before);
        self.add(after);
    }

    /// Of two parts together.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            len: self.len + other.len,
            volatile: self.volatile + other.volatile,
            earliest: self.earliest.min(other.earliest),
        }
    }

    /// The bound was found anew.
    pub(super) fn tighten(&mut self, earliest: Option<WallTime>) {
        self.earliest = earliest.unwrap_or(NEVER);
        self.forget_bound();
    }

    pub(super) fn earliest(&self) -> Option<WallTime> {
        Some(self.earliest).filter(|_| self.volatile > 0)
    }

    /// Whether an item may be past its time.
    pub(super) fn is_due(&self, now: WallTime) -> bool {
        self.earliest <= now
    }

    fn forget_bound(&mut self) {
        if self.volatile == 0 {
            self.earliest = NEVER;
        }
    }
}
