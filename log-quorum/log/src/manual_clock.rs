//! A clock that a test moves by hand.
//! Promises: time passes only by [`ManualClock::advance`] and [`ManualClock::step_wall`]. Never reads the machine's clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tenure_types::{BootTime, Clock, WallTime};

/// Stands still until it is advanced. Boot time and wall time move together, unless wall time is set.
#[derive(Debug)]
pub struct ManualClock {
    boot_nanos: AtomicU64,
    wall_ahead_millis: AtomicU64,
}

/// The wall time at boot: some moment in 2023.
const WALL_MILLIS_AT_BOOT: u64 = 1_700_000_000_000;

impl ManualClock {
    /// A clock that has just booted.
    pub const fn new() -> Self {
        Self {
            boot_nanos: AtomicU64::new(0),
            wall_ahead_millis: AtomicU64::new(0),
        }
    }

    /// Sets the time of day ahead, as somebody may who finds it wrong, or a machine that slept without counting.
    pub fn step_wall(&self, by: Duration) {
        let by_millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.wall_ahead_millis.fetch_add(by_millis, Ordering::SeqCst);
    }

    /// Lets this much time pass.
    pub fn advance(&self, by: Duration) {
        // Advanced by several threads at once, no part may be lost; that one clock stays behind is all it orders.
        let moved = |nanos| Some(BootTime::from_nanos(nanos).saturating_add(by).as_nanos());
        let _ = self.boot_nanos.fetch_update(Ordering::SeqCst, Ordering::SeqCst, moved);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn boot(&self) -> BootTime {
        BootTime::from_nanos(self.boot_nanos.load(Ordering::SeqCst))
    }

    fn wall(&self) -> WallTime {
        let since_boot_millis = self.boot().as_nanos() / 1_000_000;
        let ahead_millis = self.wall_ahead_millis.load(Ordering::SeqCst);
        WallTime::from_unix_millis(WALL_MILLIS_AT_BOOT + since_boot_millis + ahead_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_only_when_advanced() {
        let clock = ManualClock::new();
        let (boot, wall) = (clock.boot(), clock.wall());
        assert_eq!((clock.boot(), clock.wall()), (boot, wall));
        clock.advance(Duration::from_millis(1500));
        assert_eq!(clock.boot().elapsed_since(boot), Duration::from_millis(1500));
        assert_eq!(clock.wall().as_unix_millis() - wall.as_unix_millis(), 1500);
        clock.step_wall(Duration::from_millis(7));
        assert_eq!(clock.boot().elapsed_since(boot), Duration::from_millis(1500));
        assert_eq!(clock.wall().as_unix_millis() - wall.as_unix_millis(), 1507);
    }
}
