//! What an owner does without being asked: deletes keys whose time has come, and tells its replicas that time passes.
//! Promises: a cluster without expiring keys causes no work here; each pass is bounded.

use std::time::Duration;

use super::{Replica, Standing};

/// How often an owner with expiring keys looks.
const EVERY: Duration = Duration::from_millis(100);

/// Most keys deleted in one pass.
const KEYS_MAX: usize = 1000;

/// An owner with expiring keys that wrote nothing for so many passes logs a tick: its replicas hide what is expired.
const TICK_AFTER_PASSES: u32 = 10;

/// Runs until it is dropped.
pub(super) async fn maintain<T>(replica: &Replica) -> T {
    let mut changes = replica.changes();
    let mut silent_passes = 0;
    loop {
        if replica.has_expiring_keys() {
            tokio::time::sleep(EVERY).await;
            silent_passes = replica.pass(silent_passes);
        } else if changes.changed().await.is_err() {
            // Nothing changes any more.
            return std::future::pending().await;
        }
    }
}

impl Replica {
    fn has_expiring_keys(&self) -> bool {
        self.state.borrow().image.keyspace().volatile() > 0
    }

    /// One pass; how many in a row wrote nothing.
    fn pass(&self, silent_passes: u32) -> u32 {
        let mut turn = self.begin_turn();
        if turn.standing() != Standing::Primary || !turn.can_expire() || turn.backlog().is_some() {
            return silent_passes;
        }
        if turn.expire(KEYS_MAX) > 0 {
            return 0;
        }
        if silent_passes + 1 >= TICK_AFTER_PASSES {
            turn.tick();
            return 0;
        }
        silent_passes + 1
    }
}
