//! How long a call has run, as processor time of its thread.
//! Promises: a thread that the system does not run loses nothing. A call that is over before its first tick asks the system
//! for no time at all: the clock begins at that tick, so that the limit is met one tick late, and a call that does nothing
//! costs nothing.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};
use tenure_plugin_abi::Fault;

#[derive(Debug)]
pub(crate) struct Clock {
    limit_millis: u32,
    /// Processor time of the thread at the first tick of this call.
    begun: Option<Duration>,
}

impl Clock {
    pub(crate) fn new(limit_millis: u32) -> Self {
        Self {
            limit_millis,
            begun: None,
        }
    }

    /// A call begins.
    pub(crate) fn restart(&mut self, limit_millis: u32) {
        *self = Self::new(limit_millis);
    }

    /// A tick passed: whether the call may go on.
    pub(crate) fn look(&mut self) -> Result<(), Fault> {
        self.judge(processor_time())
    }

    fn judge(&mut self, now: Duration) -> Result<(), Fault> {
        let begun = *self.begun.get_or_insert(now);
        if now.saturating_sub(begun) < Duration::from_millis(self.limit_millis.into()) {
            return Ok(());
        }
        Err(Fault::TimeOut {
            limit_millis: self.limit_millis,
        })
    }
}

fn processor_time() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(tv_sec).unwrap_or(0);
    let nanos = u32::try_from(tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_may_run_for_its_limit_from_its_first_tick_on() {
        let mut clock = Clock::new(10);
        let at = Duration::from_micros;

        assert_eq!(clock.judge(at(500_000)), Ok(()));
        assert_eq!(clock.judge(at(509_999)), Ok(()));
        assert_eq!(clock.judge(at(510_000)), Err(Fault::TimeOut { limit_millis: 10 }));
    }

    #[test]
    fn the_next_call_begins_anew() {
        let mut clock = Clock::new(10);
        let at = Duration::from_millis;
        assert_eq!(clock.judge(at(1)), Ok(()));

        clock.restart(2);

        assert_eq!(clock.judge(at(100)), Ok(()));
        assert_eq!(clock.judge(at(102)), Err(Fault::TimeOut { limit_millis: 2 }));
    }
}
