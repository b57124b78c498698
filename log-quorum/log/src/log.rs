//! The `Log` trait: all that the planes may ask of the log quorum, and what every implementation owes them.
//! The rules below are held by the suite in `contract/`; a rule that is not tried there is marked as such.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use tenure_log_protocol::{
    Append, AppendVerdict, Create, CreateRefused, Delete, Fence, FenceRefused, Granted, NotHeld, Release, Released,
    Renew, Trim, TrimRefused, Trimmed, Unsettled,
};
use tenure_types::{Lsn, StreamId};

use crate::{CallError, Credit, LogStatus, StreamStatus, Tailing, Unknown};

/// The answer to a call, once it comes.
pub type Reply<T, R> = BoxFuture<'static, Result<T, CallError<R>>>;

/// The log quorum: streams of records, each written by one owner at a time, on the disks of a majority before anybody
/// hears of them.
///
/// ```text
///   records of one stream:   1 … trim │ trim+1 … tail │ appended, no verdict yet
///                            dropped  │  committed    │ unknown: committed or never, decided once
///                                     └── Tail reads ─┘
/// ```
///
/// # What holds for every call
///
/// * A call is *submitted* when its method is called, before the returned future is first polled. Dropping the future
///   cancels nothing; it only gives up hearing the answer.
/// * [`Unknown`] says nothing about the call: it may have taken effect, may take effect later, or never. Every call may
///   be repeated as it was, and a repeat of one that took effect is answered as that one was, until something newer
///   took its place.
/// * An implementation must not answer from a state older than the call's arrival: what was answered to anybody before
///   a call was submitted is seen by that call. Only [`tail`](Log::tail) and [`status`](Log::status) may lag.
/// * An implementation must not retry an append on its own behind the caller's back once it returned [`Unknown`] for it,
///   longer than the time it documents: every sending costs the group. (Not tried.)
///
/// # Time
///
/// An owner's deadline is L after the *first* sending of an append or renewal that later succeeded, so it reads its
/// clock before it calls [`append`](Log::append) or [`renew`](Log::renew). The log never tells an owner how long its
/// own lease is still good for.
pub trait Log: Send + Sync {
    /// Adds records behind `prev_lsn`.
    ///
    /// * Only the two [`AppendVerdict`]s are final. `Ok` covers every record that the sender sealed under this epoch up to
    ///   its position, also ones whose own verdict never came. After any error the sender goes back to its first record without a verdict
    ///   and sends the same bytes in order.
    /// * Must not answer `Ok` before the records are on the disks of a majority.
    /// * Appends of one stream, submitted one after the other through one handle, must be judged in that order, unless
    ///   one of them ends as `Unknown`. So a sender may have many under way.
    /// * Must not apply a record twice, nor one of an older epoch after a fence, however often and late it was sent.
    /// * Must not refuse an append for lack of credit.
    /// * A verdict for one stream must not wait for another stream's.
    fn append(&self, append: Append) -> Reply<Appended, Unsettled>;

    /// Begins an epoch. The only way to change who may write.
    ///
    /// * Of all fences that expect one epoch, exactly one owner must win.
    /// * A repeat by the winner must be granted the same epoch, `fence_lsn` and wait-out, until the next fence.
    /// * A self-nomination must fail unless the tail it names is the tail at the moment the fence takes effect.
    fn fence(&self, fence: Fence) -> Reply<Granted, FenceRefused>;

    /// Asks, for many streams at once, whether the sender still owns them.
    ///
    /// * Yields exactly one answer for each renewal, in any order, and ends. Streams of one group are confirmed
    ///   together; an answer must not wait for another group's, so that one lost group costs no lease in the others.
    /// * Must not answer `Ok` for a stream unless its leader, *after the call arrived*, confirmed by a majority that it
    ///   leads and had applied everything committed before.
    fn renew(&self, renews: Vec<Renew>) -> BoxStream<'static, RenewAnswer>;

    /// Gives an epoch up. Once submitted, the sender never serves under it again, whatever the answer.
    ///
    /// * Once it took effect, every append and renewal of the epoch must be refused as fenced, and the next owner must
    ///   be granted [`WaitOut::Nothing`](tenure_log_protocol::WaitOut::Nothing).
    fn release(&self, release: Release) -> Reply<Released, NotHeld>;

    /// Drops records that verified snapshots cover.
    ///
    /// * Must not drop a record past `upto`, nor anything if the request breaks a rule of [`Trim`].
    fn trim(&self, trim: Trim) -> Reply<Trimmed, TrimRefused>;

    /// Begins a stream.
    fn create(&self, create: Create) -> Reply<(), CreateRefused>;

    /// Ends a stream and drops its records. Ending one that does not exist succeeds.
    fn delete(&self, delete: Delete) -> BoxFuture<'static, Result<(), Unknown>>;

    /// Tells of many streams at once.
    ///
    /// * Yields exactly one answer for each stream named, in any order, and ends. As for renewals, streams of one group
    ///   are confirmed together and wait for no other group.
    /// * Must come from a leader that confirmed its leadership after the call arrived, as for [`renew`](Log::renew):
    ///   replicas decide by the age in it whether to nominate themselves.
    fn describe(&self, streams: Vec<StreamId>) -> BoxStream<'static, DescribeAnswer>;

    /// Tells of the groups. For people, not for decisions.
    fn status(&self) -> BoxFuture<'static, Result<LogStatus, Unknown>>;

    /// Reads records from position `from` on, and waits for more when there are none.
    ///
    /// * Must yield committed records only, each once, in order and without a gap, the first at `from`.
    /// * Must not read ahead of the reader without bound: the reader's asking is the credit.
    /// * May be served by a node that lags. What it yields is a prefix of what the leader has.
    /// * Must end with [`TailError::Trimmed`](crate::TailError) when the next record is dropped, and never skip it.
    /// * A slow or vanished reader must cost writers nothing. (Not tried.)
    fn tail(&self, stream: StreamId, from: Lsn) -> Tailing;
}

/// The verdict on an append, and what may be written next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Final for the records it covers.
    pub verdict: AppendVerdict,
    /// The stream's credit. Means nothing to a sender that is fenced.
    pub credit: Credit,
}

/// What a leader told of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DescribeAnswer {
    /// The stream.
    pub stream: StreamId,
    /// How it stands; `None` if it does not exist. An [`Unknown`] of one stream says nothing about the others.
    pub outcome: Result<Option<StreamStatus>, Unknown>,
}

/// What became of one renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenewAnswer {
    /// The renewal, whole: two lives of one node may renew the same stream, and only one of them holds it.
    pub renew: Renew,
    /// Whether its sender still owns it. An [`Unknown`] of one stream says nothing about the others.
    pub outcome: Result<Renewed, CallError<NotHeld>>,
}

/// The sender still owned the stream after its renewal arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewed {
    /// How long, by the leader's clock from now, until every lease of earlier owners has ended. `None`: it cannot tell.
    ///
    /// Only the answer to a Renew that was sent *after its owner learned of its fence* may shorten the owner's
    /// wait-out, to this long by the owner's own clock, from the moment the answer came. The leader's mark is W past the
    /// last request already, so drift between the two clocks is allowed for (ARCHITECTURE.md, "Protocol notes").
    pub clear_in: Option<Duration>,
    /// The stream's credit.
    pub credit: Credit,
}
