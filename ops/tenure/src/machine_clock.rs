//! The clocks of this machine.
//! Promises: boot time runs on while the machine sleeps, which leases rely on. Leaves to `Clock`: what each is for.

use std::time::SystemTime;

use rustix::time::{ClockId, clock_gettime};
use tenure_types::{BootTime, Clock, WallTime};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// CLOCK_BOOTTIME and the time of day.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MachineClock;

impl Clock for MachineClock {
    fn boot(&self) -> BootTime {
        let now = clock_gettime(ClockId::Boottime);
        // Neither part is ever negative: the clock starts at zero. 2^64 ns are 584 years.
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        let nanos = u64::try_from(now.tv_nsec).unwrap_or(0);
        BootTime::from_nanos(seconds * NANOS_PER_SECOND + nanos)
    }

    fn wall(&self) -> WallTime {
        // A machine that believes it is before 1970 labels its data with 1970.
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        WallTime::from_unix_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn boot_time_never_goes_back() {
        let readings: Vec<BootTime> = (0..1000).map(|_| MachineClock.boot()).collect();
        assert!(readings.is_sorted());
    }

    #[test]
    fn boot_time_is_the_uptime_of_the_machine() {
        let uptime = || -> f64 {
            let text = fs::read_to_string("/proc/uptime").unwrap();
            text.split(' ').next().unwrap().parse().unwrap()
        };
        let before = uptime();
        let now = std::time::Duration::from_nanos(MachineClock.boot().as_nanos()).as_secs_f64();
        // The file has two decimals, cut off.
        assert!(before <= now && now <= uptime() + 0.01, "{before} {now}");
    }
}
