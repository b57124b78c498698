//! Lengths of leases, and how long somebody else must wait until one has surely ended.
//! Promises: a wait is never rounded down, and the one assumption about clocks, their rate error ρ, is written here only.
//! Leaves to the holder and the log: when a lease began.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// ρ: how far the rate of any two clocks may lie from true time, in thousandths. 5 is 0.5 %.
///
/// Quartz is within 0.02 % and NTP slews by at most 0.05 %, so this leaves a sevenfold margin (DESIGN, section 6).
pub const CLOCK_RATE_ERROR_PER_MILLE: u32 = 5;

const NANOS_PER_MILLI: u64 = 1_000_000;

/// How long an owner may answer after it sent a request that later succeeded, in milliseconds. Never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseLength(NonZeroU32);

impl LeaseLength {
    /// A lease of this many milliseconds; `None` for 0, under which an owner could never answer.
    pub const fn from_millis(millis: u32) -> Option<Self> {
        match NonZeroU32::new(millis) {
            Some(millis) => Some(Self(millis)),
            None => None,
        }
    }

    /// Its milliseconds, for encodings.
    pub const fn as_millis(self) -> u32 {
        self.0.get()
    }

    /// Its length as the holder's clock measures it.
    pub const fn as_duration(self) -> Duration {
        Duration::from_millis(self.0.get() as u64)
    }

    /// W = L(1+ρ)/(1−ρ), rounded up to a nanosecond: how long another process waits, by its own clock, until a lease of
    /// this length has surely ended.
    pub fn wait_out(self) -> Duration {
        let slowest = u64::from(1000 - CLOCK_RATE_ERROR_PER_MILLE);
        let fastest = u64::from(1000 + CLOCK_RATE_ERROR_PER_MILLE);
        // Less than 2^32 ms is less than 2^52 ns, so the product stays below 2^62.
        let nanos = u64::from(self.as_millis()) * NANOS_PER_MILLI;
        Duration::from_nanos((nanos * fastest).div_ceil(slowest))
    }
}

impl fmt::Display for LeaseLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_lease_of_zero() {
        assert_eq!(LeaseLength::from_millis(0), None);
    }

    #[test]
    fn a_wait_out_is_longer_than_its_lease_and_rounded_up() {
        // 1.2 s × 1005/995 = 1.212060301507…; exact multiples of 995 stay exact.
        let cases = [
            (1, 1_010_051),
            (995, 1_005_000_000),
            (1_200, 1_212_060_302),
            (3_000, 3_030_150_754),
        ];
        for (millis, nanos) in cases {
            let lease = LeaseLength::from_millis(millis).unwrap();
            assert_eq!(lease.wait_out(), Duration::from_nanos(nanos), "lease of {lease}");
        }
    }

    #[test]
    fn the_longest_lease_can_be_waited_out() {
        let lease = LeaseLength::from_millis(u32::MAX).unwrap();
        assert!(lease.wait_out() > lease.as_duration());
    }
}
