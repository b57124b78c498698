//! The clocks of a simulated machine.

use std::time::Duration;

use tenure_types::{BootTime, Clock, WallTime};

/// Simulated time, as every host of the world has it.
pub(crate) struct SimClock;

impl Clock for SimClock {
    fn boot(&self) -> BootTime {
        BootTime::from_nanos(nanos(turmoil::sim_elapsed()))
    }

    fn wall(&self) -> WallTime {
        WallTime::from_unix_millis(1_700_000_000_000 + nanos(turmoil::sim_elapsed()) / 1_000_000)
    }
}

fn nanos(since: Option<Duration>) -> u64 {
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
