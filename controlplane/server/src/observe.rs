//! Asking the log how every stream stands.
//! Promises: what is older than a few seconds is forgotten, so nobody decides by it; a log that does not answer is no error.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tenure_control_model::{StreamSeen, World};
use tenure_log::{DescribeAnswer, Log, LogStatus};
use tenure_types::{StreamId, WallTime};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::shared::{Observed, Shared};

/// Pause between two rounds. A sixth of the shortest lease: silence is known as soon as nodes know it.
const EVERY: Duration = Duration::from_millis(200);
/// How long a round waits for answers. Groups that do answer are told of meanwhile.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);
/// An answer that is older says nothing any more.
const FORGET_AFTER: Duration = Duration::from_secs(5);

/// Asks for ever, and tells.
pub(crate) async fn observe(
    shared: Shared,
    world: watch::Receiver<Option<Arc<World>>>,
    told: watch::Sender<Arc<Observed>>,
) {
    let mut streams = BTreeMap::new();
    loop {
        let newest = world.borrow().clone();
        let shards = newest.iter().flat_map(|world| &world.shards);
        let asked: Vec<_> = shards.map(|shard| shard.stream).collect();
        let (heard, status) = tokio::join!(
            describe(&*shared.log, asked.clone(), || shared.now()),
            status(&*shared.log)
        );
        let changed = heard.iter().any(|seen| is_news(streams.get(&seen.stream), seen));
        streams.extend(heard.into_iter().map(|seen| (seen.stream, seen)));
        let now = shared.now();
        streams.retain(|stream, seen: &mut StreamSeen| asked.contains(stream) && !is_old(seen.at, now));
        told.send_replace(Arc::new(Observed {
            streams: streams.clone(),
            log: status,
        }));
        if changed {
            shared.wake.notify_one();
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// One round, for tests.
#[cfg(test)]
pub(crate) async fn observe_once(shared: &Shared, streams: &[StreamId]) -> BTreeMap<StreamId, StreamSeen> {
    let heard = describe(&*shared.log, streams.to_vec(), || shared.now()).await;
    heard.into_iter().map(|seen| (seen.stream, seen)).collect()
}

async fn describe(log: &dyn Log, streams: Vec<StreamId>, now: impl Fn() -> WallTime) -> Vec<StreamSeen> {
    if streams.is_empty() {
        return Vec::new();
    }
    let mut answers = log.describe(streams);
    let mut heard = Vec::new();
    let all = async {
        while let Some(answer) = answers.next().await {
            heard.extend(seen(&answer, now()));
        }
    };
    // What came until then is told of.
    let _ = timeout(ANSWERS_WITHIN, all).await;
    heard
}

async fn status(log: &dyn Log) -> Option<LogStatus> {
    timeout(ANSWERS_WITHIN, log.status()).await.ok()?.ok()
}

fn seen(answer: &DescribeAnswer, at: WallTime) -> Option<StreamSeen> {
    let status = answer.outcome.ok()??;
    let ownership = status.description.ownership;
    Some(StreamSeen {
        stream: answer.stream,
        at,
        owned: ownership.map(|current| (current.epoch, current.owner)),
        lease: ownership.map(|current| current.lease),
        released: ownership.is_some_and(|current| current.released),
        tail: status.description.tail,
        silent: status.last_request_age,
        retained_bytes: status.retained_bytes,
    })
}

/// Whether a reconciler may have something to do.
fn is_news(before: Option<&StreamSeen>, after: &StreamSeen) -> bool {
    before.is_none_or(|before| (before.owned, before.released) != (after.owned, after.released))
}

fn is_old(at: WallTime, now: WallTime) -> bool {
    let age = now.as_unix_millis().saturating_sub(at.as_unix_millis());
    u128::from(age) > FORGET_AFTER.as_millis()
}
