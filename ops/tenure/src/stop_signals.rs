//! SIGINT and SIGTERM: how a process of the platform is asked to end.
//! Promises: nothing that arrives after [`StopSignals::listen`] is lost. Leaves to each command: what ending means, and
//! that a second signal ends at once.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{DEFECT, Failure, OrHint};

/// SIGINT and SIGTERM, from the moment this is made. Each of several sees all of them.
pub(crate) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    pub(crate) fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).context("could not listen for signals").or_hint(DEFECT);
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
