//! How far a run is. Set from outside the simulated hosts, read by them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the chaos is over. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Phase(Arc<AtomicBool>);

impl Phase {
    /// The chaos is over: settle what is open and end.
    pub(crate) fn end(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it is.
    pub(crate) fn is_over(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
