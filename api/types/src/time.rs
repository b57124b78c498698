//! Instants, and the trait by which they are handed in.
//! Promises: a boot time only ever orders events of one machine and a wall time only ever labels data, and neither can
//! be passed for the other. Leaves to the edge: reading clocks. Never reads one itself.

use std::fmt;
use std::time::Duration;

/// An instant on one machine's CLOCK_BOOTTIME, in nanoseconds since it booted.
///
/// That clock runs on while the machine sleeps, which leases rely on; `std::time::Instant` stops. Readings of two
/// machines say nothing about each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootTime(u64);

impl BootTime {
    /// The reading with this many nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Its nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The instant `wait` later, or the last there can be, 584 years after boot.
    pub fn saturating_add(self, wait: Duration) -> Self {
        let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(wait))
    }

    /// How long ago `earlier` was at this instant; zero if it is still to come.
    pub fn elapsed_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Time of day in milliseconds since the Unix epoch, as one machine believes it.
///
/// It goes into records so that expiry is the same on every replica. It may jump; no instant is told by it. A lease ends when it
/// says otherwise than the time since boot about how much time has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(u64);

impl WallTime {
    /// The time with this many milliseconds since the Unix epoch.
    pub const fn from_unix_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Its milliseconds since the Unix epoch.
    pub const fn as_unix_millis(self) -> u64 {
        self.0
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms since 1970", self.0)
    }
}

/// Where a component gets the time from. The edge hands in the machine's clocks, a test its own.
pub trait Clock: Send + Sync {
    /// Now, for leases and ages. Never goes back.
    fn boot(&self) -> BootTime;

    /// Now, as a label for data. May jump either way.
    fn wall(&self) -> WallTime;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_to_a_boot_time_saturates() {
        let cases = [
            (0, 5, 5),
            (7, 0, 7),
            (u64::MAX - 1, 5, u64::MAX),
            (u64::MAX, 1, u64::MAX),
        ];
        for (start, wait, end) in cases {
            let sum = BootTime::from_nanos(start).saturating_add(Duration::from_nanos(wait));
            assert_eq!(sum, BootTime::from_nanos(end), "{start} + {wait}");
        }
        assert_eq!(
            BootTime::from_nanos(1).saturating_add(Duration::MAX),
            BootTime::from_nanos(u64::MAX)
        );
    }

    #[test]
    fn what_is_still_to_come_has_elapsed_for_no_time() {
        let (early, late) = (BootTime::from_nanos(10), BootTime::from_nanos(25));
        assert_eq!(late.elapsed_since(early), Duration::from_nanos(15));
        assert_eq!(early.elapsed_since(late), Duration::ZERO);
    }
}
