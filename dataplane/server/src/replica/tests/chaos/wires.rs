//! A node's way to the log, on which calls and answers wait until the test delivers, loses or forgets them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use futures::{FutureExt, TryFutureExt};
use tenure_engine::Random;
use tenure_log::{
    Append, Appended, CallError, Create, CreateRefused, Delete, DescribeAnswer, Fence, FenceRefused, Granted, Log,
    LogStatus, MemoryLog, NotHeld, Release, Released, Renew, RenewAnswer, Reply, Tailing, Trim, TrimRefused, Trimmed,
    Unknown, Unsettled,
};
use tenure_types::{Lsn, StreamId};
use tokio::sync::{oneshot, watch};

/// What becomes of a call or an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Arrives,
    IsLost,
    /// A call whose sender gave it up, and which arrives nevertheless, later.
    Lingers,
}

type Call = Box<dyn FnOnce(Fate, &mut Waiting) + Send>;
type Answer = Box<dyn FnOnce(Fate) + Send>;

#[derive(Default)]
pub(super) struct Waiting {
    calls: VecDeque<Call>,
    answers: Vec<Answer>,
}

/// See the top of the file.
#[derive(Clone)]
pub(super) struct Wires {
    log: MemoryLog,
    waiting: Arc<Mutex<Waiting>>,
    /// Whether records arrive.
    reads: watch::Sender<bool>,
}

impl Wires {
    pub(super) fn new(log: MemoryLog) -> Self {
        Self {
            log,
            waiting: Arc::default(),
            reads: watch::Sender::new(true),
        }
    }

    /// Decides the fate of the oldest call.
    pub(super) fn call(&self, fate: Fate) {
        let mut waiting = self.waiting.lock().unwrap();
        if let Some(call) = waiting.calls.pop_front() {
            call(fate, &mut waiting);
        }
    }

    /// Decides the fate of some answer.
    pub(super) fn answer(&self, fate: Fate, random: &mut Random) {
        let mut waiting = self.waiting.lock().unwrap();
        if !waiting.answers.is_empty() {
            let at = random.below(waiting.answers.len());
            waiting.answers.swap_remove(at)(fate);
        }
    }

    /// Delivers all there is.
    pub(super) fn deliver(&self) {
        let mut waiting = self.waiting.lock().unwrap();
        while let Some(call) = waiting.calls.pop_front() {
            call(Fate::Arrives, &mut waiting);
        }
        waiting.answers.drain(..).for_each(|answer| answer(Fate::Arrives));
    }

    /// From now on records arrive, or none.
    pub(super) fn read(&self, reads: bool) {
        self.reads.send_replace(reads);
    }

    fn send<T: Send + 'static>(
        &self,
        judge: impl FnOnce(&MemoryLog) -> T + Send + 'static,
        unknown: impl FnOnce() -> T + Send + Clone + 'static,
    ) -> BoxFuture<'static, T> {
        let (told, heard) = oneshot::channel();
        let log = self.log.clone();
        let (lost, never) = (unknown.clone(), unknown.clone());
        let call: Call = Box::new(move |fate, waiting| match fate {
            Fate::Arrives => {
                let judged = judge(&log);
                waiting.answers.push(Box::new(move |fate| {
                    // Who no longer waits does not want to hear it.
                    let _ = told.send(if fate == Fate::Arrives { judged } else { lost() });
                }));
            }
            Fate::IsLost => drop(told.send(lost())),
            Fate::Lingers => {
                drop(told.send(lost()));
                waiting.calls.push_back(Box::new(move |fate, _| {
                    if fate != Fate::IsLost {
                        drop(judge(&log));
                    }
                }));
            }
        });
        self.waiting.lock().unwrap().calls.push_back(call);
        heard.unwrap_or_else(move |_| never()).boxed()
    }

    fn reply<T: Send + 'static, R: Send + 'static>(
        &self,
        judge: impl FnOnce(&MemoryLog) -> Reply<T, R> + Send + 'static,
    ) -> Reply<T, R> {
        // The log in memory has judged a call when its method returns.
        let judge = move |log: &MemoryLog| judge(log).now_or_never().unwrap();
        self.send(judge, || Err(CallError::Unknown(Unknown::Disconnected)))
    }
}

impl Log for Wires {
    fn append(&self, append: Append) -> Reply<Appended, Unsettled> {
        self.reply(|log| log.append(append))
    }

    fn fence(&self, fence: Fence) -> Reply<Granted, FenceRefused> {
        self.reply(move |log| log.fence(fence))
    }

    fn renew(&self, renews: Vec<Renew>) -> BoxStream<'static, RenewAnswer> {
        let asked = renews.clone();
        let judge = |log: &MemoryLog| log.renew(renews).collect::<Vec<_>>().now_or_never().unwrap();
        let unknown = move || {
            let outcome = Err(CallError::Unknown(Unknown::Disconnected));
            asked.into_iter().map(|renew| RenewAnswer { renew, outcome }).collect()
        };
        self.send(judge, unknown).map(stream::iter).flatten_stream().boxed()
    }

    fn release(&self, release: Release) -> Reply<Released, NotHeld> {
        self.reply(move |log| log.release(release))
    }

    fn trim(&self, trim: Trim) -> Reply<Trimmed, TrimRefused> {
        self.reply(move |log| log.trim(trim))
    }

    fn create(&self, create: Create) -> Reply<(), CreateRefused> {
        self.log.create(create)
    }

    fn delete(&self, delete: Delete) -> BoxFuture<'static, Result<(), Unknown>> {
        self.log.delete(delete)
    }

    fn describe(&self, streams: Vec<StreamId>) -> BoxStream<'static, DescribeAnswer> {
        let asked = streams.clone();
        let judge = |log: &MemoryLog| log.describe(streams).collect::<Vec<_>>().now_or_never().unwrap();
        let unknown = move || {
            let outcome = Err(Unknown::Disconnected);
            asked
                .into_iter()
                .map(|stream| DescribeAnswer { stream, outcome })
                .collect()
        };
        self.send(judge, unknown).map(stream::iter).flatten_stream().boxed()
    }

    fn status(&self) -> BoxFuture<'static, Result<LogStatus, Unknown>> {
        self.log.status()
    }

    fn tail(&self, stream: StreamId, from: Lsn) -> Tailing {
        let batches = self.log.tail(stream, from);
        let gate = self.reads.subscribe();
        let gated = stream::unfold((batches, gate), |(mut batches, mut gate)| async move {
            let _ = gate.wait_for(|open| *open).await;
            let batch = batches.next().await?;
            Some((batch, (batches, gate)))
        });
        gated.boxed()
    }
}
