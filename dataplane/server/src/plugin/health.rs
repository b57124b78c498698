//! How often a plugin broke, and whether it may run.
//! Promises: after more than [`FAULTS_MAX`] faults within [`FAULTS_WITHIN`] it does not run for a while, which doubles if it
//! goes on so; what is remembered is bounded. Without faults it costs one look at a number. The clock is handed in.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tenure_plugin_abi::Fault;
use tenure_types::BootTime;

/// Faults that are borne.
pub(super) const FAULTS_MAX: usize = 10;
/// Within this time.
pub(super) const FAULTS_WITHIN: Duration = Duration::from_secs(60);
/// How long it does not run at first.
pub(super) const QUARANTINE_MIN: Duration = Duration::from_secs(60);
/// The longest that it does not run.
pub(super) const QUARANTINE_MAX: Duration = Duration::from_secs(60 * 60);

/// See the top of the file.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Until when it does not run, in nanoseconds since boot.
    until_nanos: AtomicU64,
    record: Mutex<Record>,
}

#[derive(Debug, Default)]
struct Record {
    /// The newest faults, the oldest first.
    faults: VecDeque<BootTime>,
    /// The newest quarantine.
    newest: Option<Quarantine>,
}

#[derive(Debug, Clone)]
struct Quarantine {
    until: BootTime,
    length: Duration,
    /// What brought it about.
    fault: Fault,
}

impl Health {
    /// For how long it may not run, and why. `None`: it may.
    #[inline]
    pub(super) fn quarantine(&self, now: BootTime) -> Option<(Duration, Fault)> {
        if now.as_nanos() >= self.until_nanos.load(Ordering::Relaxed) {
            return None;
        }
        let record = self.record();
        let newest = record.newest.as_ref()?;
        Some((newest.until.elapsed_since(now), newest.fault.clone()))
    }

    /// The same, as a sentence that stays the same throughout.
    pub(super) fn sentence(&self, now: BootTime) -> Option<String> {
        let (_, fault) = self.quarantine(now)?;
        let length = self.record().newest.as_ref()?.length.as_secs();
        let (faults, within) = (FAULTS_MAX, FAULTS_WITHIN.as_secs());
        Some(format!(
            "it failed more than {faults} times within {within} s and does not run for {length} s; the last time: {fault}"
        ))
    }

    /// It broke. Tells for how long it does not run from now on, if it is that bad.
    pub(super) fn note(&self, now: BootTime, fault: &Fault) -> Option<Duration> {
        // The node's fault.
        if let Fault::NoRoom = fault {
            return None;
        }
        let mut record = self.record();
        record.faults.push_back(now);
        let is_old = |at: &BootTime| now.elapsed_since(*at) > FAULTS_WITHIN;
        while record.faults.front().is_some_and(is_old) {
            record.faults.pop_front();
        }
        if record.faults.len() <= FAULTS_MAX {
            return None;
        }
        record.faults.clear();
        let length = record.newest.as_ref().map_or(QUARANTINE_MIN, |newest| newest.next(now));
        let until = now.saturating_add(length);
        record.newest = Some(Quarantine {
            until,
            length,
            fault: fault.clone(),
        });
        self.until_nanos.store(until.as_nanos(), Ordering::Relaxed);
        Some(length)
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        // Nothing is half-way in it when somebody panics.
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Quarantine {
    /// How long the next one is: twice as long, unless it held well for as long as it was locked away.
    fn next(&self, now: BootTime) -> Duration {
        if now.elapsed_since(self.until) > self.length.max(FAULTS_WITHIN) {
            QUARANTINE_MIN
        } else {
            (self.length * 2).min(QUARANTINE_MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAULT: Fault = Fault::StackOverflow;

    fn at(seconds: u64) -> BootTime {
        BootTime::from_nanos(seconds * 1_000_000_000)
    }

    fn break_down(health: &Health, seconds: u64) -> Option<Duration> {
        let noted = (0..=FAULTS_MAX).map(|_| health.note(at(seconds), &FAULT));
        noted.last().flatten()
    }

    #[test]
    fn faults_that_come_slowly_are_borne() {
        let health = Health::default();
        for number in 0..100 {
            assert_eq!(health.note(at(number * 7), &FAULT), None);
            assert_eq!(health.quarantine(at(number * 7)), None);
        }
        assert!(health.record().faults.len() <= FAULTS_MAX);
    }

    #[test]
    fn faults_that_come_fast_end_in_quarantine_until_it_is_over() {
        let health = Health::default();
        for number in 0..10 {
            assert_eq!(health.note(at(number), &FAULT), None);
        }
        assert_eq!(health.note(at(10), &FAULT), Some(QUARANTINE_MIN));
        assert_eq!(health.quarantine(at(30)), Some((Duration::from_secs(40), FAULT)));
        let sentence = health.sentence(at(69)).unwrap();
        assert!(sentence.ends_with("the last time: used up its stack"), "{sentence}");
        assert_eq!((health.quarantine(at(70)), health.sentence(at(70))), (None, None));
    }

    #[test]
    fn quarantines_double_while_it_goes_on_and_begin_anew_when_it_held() {
        let health = Health::default();
        let (mut now, mut lengths) = (0, Vec::new());
        for _ in 0..9 {
            let length = break_down(&health, now).unwrap().as_secs();
            lengths.push(length);
            now += length + 1;
        }
        assert_eq!(lengths, [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
        assert_eq!(break_down(&health, now + 4000), Some(QUARANTINE_MIN));
    }

    #[test]
    fn a_node_without_room_is_not_the_plugins_fault() {
        let health = Health::default();
        for _ in 0..100 {
            assert_eq!(health.note(at(1), &Fault::NoRoom), None);
        }
        assert_eq!(health.quarantine(at(1)), None);
    }
}
