//! How often to try what costs others something.
//! Promises: a try is due at once, and after every failure more rarely, but never further apart than `APART_MAX`. It
//! counts what asks, not time, so whoever asks at regular times has a clock.

/// Most questions between two that say that a try is due: at ten a second, seconds.
const APART_MAX: u32 = 64;

/// Counts failures and questions.
pub(crate) struct Backoff {
    /// The next failure makes tries this far apart.
    apart: u32,
    /// Questions that are still answered with no.
    skip: u32,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { apart: 2, skip: 0 }
    }

    /// Whether a try is due. It stays due until one fails.
    pub(crate) fn is_due(&mut self) -> bool {
        let due = self.skip == 0;
        self.skip = self.skip.saturating_sub(1);
        due
    }

    /// Whether nothing failed since the last success.
    pub(crate) fn is_calm(&self) -> bool {
        self.apart == Self::new().apart
    }

    pub(crate) fn note_failure(&mut self) {
        self.skip = self.apart - 1;
        self.apart = (2 * self.apart).min(APART_MAX);
    }

    pub(crate) fn note_success(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(backoff: &mut Backoff, questions: u32) -> Vec<u32> {
        let due = (0..questions).filter(|_| {
            let due = backoff.is_due();
            if due {
                backoff.note_failure();
            }
            due
        });
        due.collect()
    }

    #[test]
    fn tries_become_rare_and_stay_that_rare() {
        let mut backoff = Backoff::new();
        assert_eq!(due(&mut backoff, 260), [0, 2, 6, 14, 30, 62, 126, 190, 254]);
    }

    #[test]
    fn after_a_success_a_try_is_due_at_once() {
        let mut backoff = Backoff::new();
        due(&mut backoff, 100);
        assert!(!backoff.is_due() && !backoff.is_calm());
        backoff.note_success();
        assert!(backoff.is_calm());
        assert_eq!(due(&mut backoff, 5), [0, 2]);
    }

    #[test]
    fn a_try_stays_due_until_it_fails() {
        let mut backoff = Backoff::new();
        assert!(backoff.is_due() && backoff.is_due());
        backoff.note_failure();
        assert!(!backoff.is_due() && backoff.is_due() && backoff.is_due());
    }
}
