//! A clock that a test moves by hand.
//! Promises: time passes only by [`ManualClock::advance`]. Never reads the machine's clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tenure_types::{BootTime, Clock, WallTime};

/// Stands still until it is advanced. Boot time and wall time move together.
#[derive(Debug)]
pub struct ManualClock {
    boot_nanos: AtomicU64,
}

/// The wall time at boot: some moment in 2023.
const WALL_MILLIS_AT_BOOT: u64 = 1_700_000_000_000;

impl ManualClock {
    /// A clock that has just booted.
    pub const fn new() -> Self {
        Self {
            boot_nanos: AtomicU64::new(0),
        }
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
        WallTime::from_unix_millis(WALL_MILLIS_AT_BOOT + since_boot_millis)
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
    }
}
