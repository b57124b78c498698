//! The life of a replica: it follows until the shard is its own, owns it until it is fenced, and follows again.
//! Promises: ends only when the node stops, or when the stream does not fit the image.

use std::rc::Rc;

use tokio::sync::watch;
use tracing::{error, info};

use super::Replica;
use super::follow::follow;
use super::own::{Ended, own};
use super::role::{Broken, Role};
use super::take::{create, take};

/// Lives until `stop` is set.
pub(crate) async fn live(replica: Rc<Replica>, stop: watch::Receiver<bool>) {
    if let Err(broken) = live_soundly(&replica, stop).await {
        error!(?replica, error = error_chain(&broken), "the shard cannot go on");
        replica.change_role(Role::Broken);
    }
}

async fn live_soundly(replica: &Rc<Replica>, mut stop: watch::Receiver<bool>) -> Result<(), Broken> {
    tokio::select! {
        created = create(replica) => created?,
        () = stopped(&mut stop) => return Ok(()),
    }
    loop {
        info!(?replica, incarnation = %replica.incarnation(), "following");
        let taken = tokio::select! {
            taken = follow_until_taken(replica) => taken?,
            () = stopped(&mut stop) => return Ok(()),
        };
        match own(replica, taken, stop.clone()).await? {
            Ended::Stopped => return Ok(()),
            Ended::Fenced | Ended::HandedOver => {}
        }
    }
}

/// Follows until the shard is its own.
async fn follow_until_taken(replica: &Replica) -> Result<super::take::Taken, Broken> {
    loop {
        let called = tokio::select! {
            followed = follow(replica) => match followed? {},
            called = replica.called() => called,
        };
        // Nothing is read meanwhile. If the fence took effect there is nothing to read, else it goes on from here.
        if let Some(taken) = take(replica, called).await? {
            return Ok(taken);
        }
    }
}

/// Resolves when the node stops.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A node that is gone has stopped.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// An error with its causes.
pub(crate) fn error_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
