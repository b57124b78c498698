//! The life of a replica: which role follows which.
//! Promises: ends only when the node stops, or when the stream does not fit the image.

use std::rc::Rc;

use tokio::sync::watch;
use tracing::{error, info};

use super::Replica;
use super::follow::Reader;
use super::own::{Ended, own};
use super::role::{Broken, Role};

/// Lives until `stop` is set. The primary of the layout owns the shard; when it is fenced it follows, as the others do.
pub(crate) async fn live(replica: Rc<Replica>, mut stop: watch::Receiver<bool>) {
    let mut reader = Reader::new(&replica);
    if replica.shard.primary == replica.node {
        match own(&replica, stop.clone()).await {
            Ok(Ended::Stopped) => return,
            Ok(Ended::Fenced(Some(kept))) => reader = Reader::at(&replica, kept),
            // The image held what never will be; it is read anew.
            Ok(Ended::Fenced(None)) => {}
            Err(broken) => return break_down(&replica, broken),
        }
        info!(?replica, "following from now on");
    }
    tokio::select! {
        Err(broken) = reader.follow() => break_down(&replica, broken),
        () = stopped(&mut stop) => {}
    }
}

fn break_down(replica: &Replica, broken: Broken) {
    error!(?replica, error = error_chain(&broken), "the shard cannot go on");
    replica.change_role(Role::Broken);
}

/// Resolves when the node stops.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A node that is gone has stopped.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// An error with its causes.
pub(super) fn error_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
