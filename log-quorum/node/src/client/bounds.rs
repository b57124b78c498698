//! How much may be without an answer at once.
//! Promises: whatever takes a place gives it back when it is dropped, and never more than the bounds is taken, but for a
//! single call that is larger than all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A bound on calls and their bytes.
#[derive(Debug)]
pub(super) struct Bounds {
    taken: Mutex<Taken>,
    calls_max: usize,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Taken {
    calls: usize,
    bytes: usize,
}

/// Room for one call, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    bounds: Arc<Bounds>,
    bytes: usize,
}

impl Bounds {
    pub(super) fn new(calls_max: usize, bytes_max: usize) -> Arc<Self> {
        Arc::new(Self {
            taken: Mutex::default(),
            calls_max,
            bytes_max,
        })
    }

    /// A place for a call of this size; `None` if there is no room.
    pub(super) fn take(self: &Arc<Self>, bytes: usize) -> Option<Place> {
        let mut taken = self.lock();
        let fits = taken.calls == 0 || taken.bytes.saturating_add(bytes) <= self.bytes_max;
        if taken.calls >= self.calls_max || !fits {
            return None;
        }
        taken.calls += 1;
        taken.bytes += bytes;
        drop(taken);
        Some(Place {
            bounds: Arc::clone(self),
            bytes,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The size of the call.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.bounds.lock();
        taken.calls -= 1;
        taken.bytes -= self.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_calls_than_allowed_have_a_place() {
        let bounds = Bounds::new(2, 1000);
        let first = bounds.take(1);
        let second = bounds.take(1);
        assert!(first.is_some() && second.is_some());
        assert!(bounds.take(1).is_none());
        drop(first);
        assert!(bounds.take(1).is_some());
    }

    #[test]
    fn no_more_bytes_than_allowed_have_a_place_but_for_a_single_large_call() {
        let bounds = Bounds::new(10, 100);
        let large = bounds.take(500);
        assert!(large.is_some());
        assert!(bounds.take(1).is_none());
        drop(large);
        let most = bounds.take(99);
        assert!(most.is_some());
        assert!(bounds.take(2).is_none());
        assert!(bounds.take(1).is_some());
    }
}
