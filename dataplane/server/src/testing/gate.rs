//! A log whose answers to owners a test holds back.

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use tenure_log::{
    Append, Appended, Create, CreateRefused, Delete, DescribeAnswer, Fence, FenceRefused, Granted, Log, LogStatus,
    MemoryLog, NotHeld, Release, Released, Renew, RenewAnswer, Reply, Tailing, Trim, TrimRefused, Trimmed, Unknown,
    Unsettled,
};
use tenure_types::{Lsn, StreamId};
use tokio::sync::watch;

/// Takes appends and releases at once, and tells of it when its gate is open.
#[derive(Clone)]
pub(crate) struct GatedLog {
    inner: MemoryLog,
    is_open: watch::Sender<bool>,
    never: watch::Sender<bool>,
}

impl GatedLog {
    pub(crate) fn new(inner: MemoryLog) -> Self {
        Self {
            inner,
            is_open: watch::Sender::new(true),
            never: watch::Sender::new(false),
        }
    }

    pub(crate) fn open(&self) {
        self.is_open.send_replace(true);
    }

    pub(crate) fn close(&self) {
        self.is_open.send_replace(false);
    }

    fn once_open<T: Send + 'static>(&self, answer: BoxFuture<'static, T>) -> BoxFuture<'static, T> {
        let mut is_open = self.is_open.subscribe();
        async move {
            let _ = is_open.wait_for(|is_open| *is_open).await;
            answer.await
        }
        .boxed()
    }

    /// A stop that does not come while this log is there.
    pub(super) fn never(&self) -> watch::Receiver<bool> {
        self.never.subscribe()
    }
}

impl Log for GatedLog {
    fn append(&self, append: Append) -> Reply<Appended, Unsettled> {
        self.once_open(self.inner.append(append))
    }

    fn fence(&self, fence: Fence) -> Reply<Granted, FenceRefused> {
        self.inner.fence(fence)
    }

    fn renew(&self, renews: Vec<Renew>) -> BoxStream<'static, RenewAnswer> {
        self.inner.renew(renews)
    }

    fn release(&self, release: Release) -> Reply<Released, NotHeld> {
        self.once_open(self.inner.release(release))
    }

    fn trim(&self, trim: Trim) -> Reply<Trimmed, TrimRefused> {
        self.inner.trim(trim)
    }

    fn create(&self, create: Create) -> Reply<(), CreateRefused> {
        self.inner.create(create)
    }

    fn delete(&self, delete: Delete) -> BoxFuture<'static, Result<(), Unknown>> {
        self.inner.delete(delete)
    }

    fn describe(&self, streams: Vec<StreamId>) -> BoxStream<'static, DescribeAnswer> {
        self.inner.describe(streams)
    }

    fn status(&self) -> BoxFuture<'static, Result<LogStatus, Unknown>> {
        self.inner.status()
    }

    fn tail(&self, stream: StreamId, from: Lsn) -> Tailing {
        self.inner.tail(stream, from)
    }
}
