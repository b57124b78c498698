//! Turns: what only a few do at a time.
//! Promises: nobody waits for long, who finds no turn is told to come again, and no caller takes the places of all others.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::problem::{Code, Fault};
use super::rate::Caller;

/// Requests of one caller that may wait for the end of an operation at a time.
pub(super) const WAITING_OF_ONE_MAX: usize = 16;

/// Modules of one caller that are received and held at a time. Fewer than are looked at at a time: whoever pushes one after the other
/// leaves others a place.
pub(super) const MODULES_OF_ONE_MAX: usize = 1;

/// Seconds after which somebody who found no turn may come again.
const RETRY_SECONDS: u32 = 1;

/// A turn, in the order of asking, if one comes within `wait_max`. It ends when it is dropped.
pub(super) async fn turn(turns: &Semaphore, wait_max: Duration) -> Result<SemaphorePermit<'_>, Fault> {
    let detail = format!("others make so many changes that this one had no turn within {wait_max:?}: send it again");
    let busy = |_| Fault {
        retry_after: Some(RETRY_SECONDS),
        ..Fault::new(Code::Busy, detail)
    };
    let turn = timeout(wait_max, turns.acquire()).await.map_err(busy)?;
    // Nobody closes it.
    turn.map_err(|_| Fault::internal())
}

/// How many places of a kind each caller has, such as those of requests that wait for the end of an operation.
#[derive(Debug, Default)]
pub(super) struct Waiters(Mutex<HashMap<Caller, usize>>);

impl Waiters {
    /// A place, unless the caller has as many as one may have.
    pub(super) fn place(&self, caller: Caller, places_max: usize) -> Option<Place<'_>> {
        let mut counts = self.counts();
        let count = counts.entry(caller).or_default();
        if *count >= places_max {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Place { waiters: self, caller })
    }

    fn leave(&self, caller: Caller) {
        let mut counts = self.counts();
        if let Some(count) = counts.get_mut(&caller) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&caller);
            }
        }
    }

    /// A count is changed whole or not at all, also if somebody panics.
    fn counts(&self) -> MutexGuard<'_, HashMap<Caller, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody has a place, until this is dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    waiters: &'a Waiters,
    caller: Caller,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.waiters.leave(self.caller);
    }
}

#[cfg(test)]
mod tests {
    use tenure_control_model::{ApiKeyId, TenantKey};

    use super::*;

    #[test]
    fn a_caller_has_so_many_places_and_gives_them_back() {
        let waiters = Waiters::default();
        let (one, other) = (Caller::Tenant(TenantKey::new(1)), Caller::Platform(ApiKeyId::new(1)));
        let mut places: Vec<_> = (0..WAITING_OF_ONE_MAX)
            .map(|_| waiters.place(one, WAITING_OF_ONE_MAX).unwrap())
            .collect();
        assert!(waiters.place(one, WAITING_OF_ONE_MAX).is_none());
        places.push(waiters.place(other, WAITING_OF_ONE_MAX).unwrap());
        places.swap_remove(0);
        places.push(waiters.place(one, WAITING_OF_ONE_MAX).unwrap());
        assert!(waiters.place(one, WAITING_OF_ONE_MAX).is_none());
        drop(places);
        assert!(waiters.counts().is_empty(), "who has left takes no memory");
    }
}
