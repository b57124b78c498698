//! One process's way to a log that others reach too: it can be cut.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, pending, ready};
use futures::stream::{self, BoxStream, StreamExt};
use tenure_log::{
    Append, Appended, CallError, Chain, Create, CreateRefused, Delete, DescribeAnswer, Fence, FenceRefused, Granted,
    Log, LogStatus, MemoryLog, NotHeld, Release, Released, Renew, RenewAnswer, Reply, TailBatch, TailError, Tailing,
    Trim, TrimRefused, Trimmed, Unknown, Unsettled,
};
use tenure_types::{GroupId, Lsn, StreamId};
use tokio::sync::{oneshot, watch};

/// What becomes of those who read.
#[derive(Default)]
struct Reading {
    is_refused: bool,
    twist: Option<Twist>,
    /// From where they began.
    begun: Vec<Lsn>,
}

/// What a log node that has lost its way makes of a batch.
#[derive(Debug, Clone, Copy)]
pub(super) enum Twist {
    /// Its records come at later positions.
    Skips,
    /// Its records are others.
    Forges,
}

impl Twist {
    fn of(self, mut batch: TailBatch) -> TailBatch {
        match self {
            Self::Skips => batch.first = batch.first.next().unwrap(),
            Self::Forges => batch.records[0].payload = Bytes::new(),
        }
        batch
    }
}

/// The log in memory. While it is cut, nothing reaches it from here, and callers hear that nothing is known.
#[derive(Clone)]
pub(super) struct CutLog {
    inner: MemoryLog,
    is_cut: watch::Sender<bool>,
    /// How often its readers were made to hear nothing more.
    silenced: watch::Sender<u64>,
    /// How often it was asked how streams stand.
    asked: Arc<AtomicU64>,
    reading: Arc<Mutex<Reading>>,
    tells_another_history: Arc<AtomicBool>,
    loses_fence: Arc<AtomicBool>,
    loses_release: Arc<AtomicBool>,
    /// What the next fence waits for before it leaves.
    fence_gate: Arc<Mutex<Option<oneshot::Receiver<()>>>>,
    /// No answer comes from this group to those who ask how streams stand.
    mute: Arc<Mutex<Option<GroupId>>>,
}

impl CutLog {
    pub(super) fn new(inner: MemoryLog) -> Self {
        Self {
            inner,
            is_cut: watch::Sender::new(false),
            silenced: watch::Sender::new(0),
            asked: Arc::default(),
            reading: Arc::default(),
            tells_another_history: Arc::default(),
            loses_fence: Arc::default(),
            loses_release: Arc::default(),
            fence_gate: Arc::default(),
            mute: Arc::default(),
        }
    }

    pub(super) fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    pub(super) fn heal(&self) {
        self.is_cut.send_replace(false);
    }

    /// Those who read now hear nothing more, as of a log node that is cut off from the others. Who begins anew hears all.
    pub(super) fn silence_readers(&self) {
        self.silenced.send_modify(|silenced| *silenced += 1);
    }

    /// Whether those who begin to read are sent away.
    pub(super) fn refuse_readers(&self, is_refused: bool) {
        self.reading.lock().unwrap().is_refused = is_refused;
    }

    /// From now on batches come like this.
    pub(super) fn twist(&self, twist: Twist) {
        self.reading.lock().unwrap().twist = Some(twist);
    }

    /// From where its readers began.
    pub(super) fn begun_to_read(&self) -> Vec<Lsn> {
        self.reading.lock().unwrap().begun.clone()
    }

    /// It tells of chains that nothing has.
    pub(super) fn tell_another_history(&self) {
        self.tells_another_history.store(true, Ordering::Relaxed);
    }

    /// How often it was asked how streams stand.
    pub(super) fn times_asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// The next fence takes effect, and its caller hears that nothing is known.
    pub(super) fn lose_answer_of_next_fence(&self) {
        self.loses_fence.store(true, Ordering::Relaxed);
    }

    /// The next release never arrives, and its caller hears that nothing is known.
    pub(super) fn lose_next_release(&self) {
        self.loses_release.store(true, Ordering::Relaxed);
    }

    /// The next fence leaves once this is told to go.
    pub(super) fn hold_next_fence(&self) -> oneshot::Sender<()> {
        let (go, gate) = oneshot::channel();
        self.fence_gate.lock().unwrap().replace(gate);
        go
    }

    /// From now on nobody hears how streams of this group stand.
    pub(super) fn mute(&self, group: GroupId) {
        self.mute.lock().unwrap().replace(group);
    }

    fn is_cut(&self) -> bool {
        *self.is_cut.borrow()
    }

    fn call<T: Send + 'static, R: Send + 'static>(&self, call: impl FnOnce(&MemoryLog) -> Reply<T, R>) -> Reply<T, R> {
        if self.is_cut() {
            return ready(Err(CallError::Unknown(Unknown::Disconnected))).boxed();
        }
        call(&self.inner)
    }
}

impl Log for CutLog {
    fn append(&self, append: Append) -> Reply<Appended, Unsettled> {
        self.call(|log| log.append(append))
    }

    fn fence(&self, fence: Fence) -> Reply<Granted, FenceRefused> {
        if let Some(gate) = self.fence_gate.lock().unwrap().take() {
            let inner = self.inner.clone();
            return async move {
                let _ = gate.await;
                inner.fence(fence).await
            }
            .boxed();
        }
        let answer = self.call(|log| log.fence(fence));
        if self.loses_fence.swap(false, Ordering::Relaxed) {
            return ready(Err(CallError::Unknown(Unknown::Disconnected))).boxed();
        }
        answer
    }

    fn renew(&self, renews: Vec<Renew>) -> BoxStream<'static, RenewAnswer> {
        if self.is_cut() {
            let unknown = |renew| RenewAnswer {
                renew,
                outcome: Err(CallError::Unknown(Unknown::Disconnected)),
            };
            return stream::iter(renews.into_iter().map(unknown)).boxed();
        }
        self.inner.renew(renews)
    }

    fn release(&self, release: Release) -> Reply<Released, NotHeld> {
        if self.loses_release.swap(false, Ordering::Relaxed) {
            return ready(Err(CallError::Unknown(Unknown::Disconnected))).boxed();
        }
        self.call(|log| log.release(release))
    }

    fn trim(&self, trim: Trim) -> Reply<Trimmed, TrimRefused> {
        self.call(|log| log.trim(trim))
    }

    fn create(&self, create: Create) -> Reply<(), CreateRefused> {
        self.call(|log| log.create(create))
    }

    fn delete(&self, delete: Delete) -> BoxFuture<'static, Result<(), Unknown>> {
        self.inner.delete(delete)
    }

    fn describe(&self, streams: Vec<StreamId>) -> BoxStream<'static, DescribeAnswer> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mute = *self.mute.lock().unwrap();
        if streams.iter().any(|stream| Some(stream.group()) == mute) {
            return stream::pending().boxed();
        }
        if self.is_cut() {
            let unknown = |stream| DescribeAnswer {
                stream,
                outcome: Err(Unknown::Disconnected),
            };
            return stream::iter(streams.into_iter().map(unknown)).boxed();
        }
        if self.tells_another_history.load(Ordering::Relaxed) {
            let other = |mut answer: DescribeAnswer| {
                if let Ok(Some(status)) = &mut answer.outcome {
                    status.description.chain = Chain::start_of(answer.stream);
                }
                answer
            };
            return self.inner.describe(streams).map(other).boxed();
        }
        self.inner.describe(streams)
    }

    fn status(&self) -> BoxFuture<'static, Result<LogStatus, Unknown>> {
        self.inner.status()
    }

    fn tail(&self, stream: StreamId, from: Lsn) -> Tailing {
        let mut reading = self.reading.lock().unwrap();
        reading.begun.push(from);
        if reading.is_refused {
            return stream::iter([Err(TailError::Interrupted(Unknown::Disconnected))]).boxed();
        }
        drop(reading);
        let reading = Arc::clone(&self.reading);
        let mut is_cut = self.is_cut.subscribe();
        let cut = async move {
            let _ = is_cut.wait_for(|is_cut| *is_cut).await;
        };
        let silenced = self.silenced.subscribe();
        let begun = *silenced.borrow();
        let heard = self.inner.tail(stream, from).then(move |batch| {
            let is_silenced = *silenced.borrow() > begun;
            let twist = reading.lock().unwrap().twist;
            async move {
                if is_silenced {
                    return pending().await;
                }
                match twist {
                    Some(twist) => batch.map(|batch| twist.of(batch)),
                    None => batch,
                }
            }
        });
        heard.take_until(cut).boxed()
    }
}
