//! Hands for the rules: an owner that fences, seals and appends, and the patience every caller needs.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use tenure_types::{Epoch, Incarnation, LeaseLength, Lsn, NodeId, Owner, StreamId, TenantId, WallTime};

use super::World;
use crate::{
    Append, AppendVerdict, CallError, Chain, Create, Draft, EngineVersion, Fence, Granted, Log, Nomination, Record,
    Release, Renew, Renewed, Reply, StreamPoint, StreamStatus, TAIL_BATCH_PAYLOAD_BYTES_MAX, TAIL_BATCH_RECORDS_MAX,
    TailBatch, Tailing, Trim, Unknown, Unsettled,
};

/// How often a call with an unknown outcome is repeated before the rule gives up, and the time between. 60 s in all.
const ATTEMPTS_MAX: usize = 600;
const PAUSE: Duration = Duration::from_millis(100);

/// Repeats a call until the log says yes or no.
pub(super) async fn settled<T, R>(world: &impl World, mut call: impl FnMut() -> Reply<T, R>) -> Result<T, R> {
    for _ in 0..ATTEMPTS_MAX {
        match call().await {
            Ok(answer) => return Ok(answer),
            Err(CallError::Refused(refused)) => return Err(refused),
            Err(CallError::Unknown(_)) => world.advance(PAUSE).await,
        }
    }
    panic!("the log answered nothing in {ATTEMPTS_MAX} attempts")
}

/// A fresh stream.
pub(super) async fn new_stream(world: &impl World) -> StreamId {
    let stream = world.fresh_stream_id();
    create(world, create_of(stream)).await;
    stream
}

pub(super) fn create_of(stream: StreamId) -> Create {
    Create {
        stream,
        tenant: TenantId::new(1),
        restore_window: false,
    }
}

pub(super) async fn create(world: &impl World, create: Create) {
    settled(world, || world.log().create(create)).await.unwrap();
}

pub(super) fn owner(number: u64) -> Owner {
    Owner {
        node: NodeId::new(number),
        incarnation: Incarnation::new(number).unwrap(),
    }
}

pub(super) fn at(number: u64) -> Lsn {
    Lsn::new(number).unwrap()
}

/// A lease that any quorum allows: L_max, divided.
pub(super) fn part_of_lease_max(world: &impl World, divisor: u32) -> LeaseLength {
    LeaseLength::from_millis(world.lease_max().as_millis() / divisor).unwrap()
}

/// A fence by the control plane.
pub(super) fn fence_of(world: &impl World, stream: StreamId, expect_epoch: Epoch, owner: Owner) -> Fence {
    let lease = part_of_lease_max(world, 2);
    Fence {
        stream,
        expect_epoch,
        owner,
        lease,
        nomination: Nomination::ByControlPlane,
    }
}

pub(super) async fn fence(world: &impl World, fence: Fence) -> Granted {
    settled(world, || world.log().fence(fence)).await.unwrap()
}

/// What the log tells of a stream that exists.
pub(super) async fn describe(world: &impl World, stream: StreamId) -> StreamStatus {
    let log = world.log();
    let described = settled::<_, Unknown>(world, || {
        let mut answers = log.describe(vec![stream]);
        Box::pin(async move {
            let answer = answers.next().await.expect("an answer for the stream named");
            answer.outcome.map_err(CallError::Unknown)
        })
    });
    described.await.unwrap().expect("the stream exists")
}

/// Tries until `attempt` gives something, and fails the rule after as many attempts as a call gets.
pub(super) async fn eventually<T>(world: &impl World, what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..ATTEMPTS_MAX {
        match attempt().await {
            Some(found) => return found,
            None => world.advance(PAUSE).await,
        }
    }
    panic!("{what}: not after {ATTEMPTS_MAX} attempts")
}

/// A reader as every caller has to be: cut off, or told by a node that lags that there is no stream, it goes on behind
/// the last record it has.
pub(super) struct Reader {
    log: Arc<dyn Log>,
    stream: StreamId,
    next: Lsn,
    tailing: Tailing,
}

impl Reader {
    pub(super) fn at(world: &impl World, stream: StreamId, from: u64) -> Self {
        let (log, next) = (world.log(), at(from));
        let tailing = log.tail(stream, next);
        Self {
            log,
            stream,
            next,
            tailing,
        }
    }

    /// The next batch. It follows the one before.
    pub(super) async fn batch(&mut self) -> TailBatch {
        for _ in 0..ATTEMPTS_MAX {
            match self.tailing.next().await.expect("a tail ends after an error only") {
                Ok(batch) => return self.checked(batch),
                Err(error) if error.is_retryable() => self.tailing = self.log.tail(self.stream, self.next),
                Err(error) => panic!("reading from {}: {error}", self.next),
            }
        }
        panic!("nothing to read in {ATTEMPTS_MAX} attempts")
    }

    /// Whether there is nothing to read right now.
    pub(super) fn waits(&mut self) -> bool {
        match self.tailing.next().now_or_never() {
            None => true,
            Some(Some(Err(error))) if error.is_retryable() => {
                self.tailing = self.log.tail(self.stream, self.next);
                true
            }
            Some(_) => false,
        }
    }

    fn checked(&mut self, batch: TailBatch) -> TailBatch {
        assert_eq!(batch.first, self.next, "batches follow each other without a gap");
        assert!(batch.records.len() <= TAIL_BATCH_RECORDS_MAX, "batches are bounded");
        let bytes: usize = batch.records.iter().map(|record| record.payload.len()).sum();
        assert!(
            batch.records.len() == 1 || bytes <= TAIL_BATCH_PAYLOAD_BYTES_MAX,
            "batches are bounded in bytes"
        );
        let (last, _) = batch.numbered().last().expect("a batch is never empty");
        assert!(batch.tail >= last, "a tail lies behind the records of the stream");
        self.next = last.next().expect("no stream is so long");
        batch
    }
}

/// Records `from` and on, `count` of them.
pub(super) async fn read(world: &impl World, stream: StreamId, from: u64, count: usize) -> Vec<Record> {
    let mut reader = Reader::at(world, stream, from);
    let mut records = Vec::new();
    while records.len() < count {
        records.extend(reader.batch().await.records);
    }
    records
}

/// The owner of one epoch, with all records it sealed in it.
pub(super) struct Writer {
    log: Arc<dyn Log>,
    pub(super) stream: StreamId,
    pub(super) owner: Owner,
    pub(super) granted: Granted,
    pub(super) sealed: Vec<Record>,
}

impl Writer {
    /// Makes writer `number` the owner, whatever the epoch is, and starts at the tail.
    pub(super) async fn fencing(world: &impl World, stream: StreamId, number: u64) -> Self {
        let current = describe(world, stream).await.description.ownership;
        let expect_epoch = current.map_or(Epoch::NONE, |current| current.epoch);
        let granted = fence(world, fence_of(world, stream, expect_epoch, owner(number))).await;
        Self::granted(world, stream, owner(number), granted)
    }

    pub(super) fn granted(world: &impl World, stream: StreamId, owner: Owner, granted: Granted) -> Self {
        Self {
            log: world.log(),
            stream,
            owner,
            granted,
            sealed: Vec::new(),
        }
    }

    /// The same image in another life, as if its process had been started anew beside it.
    pub(super) fn reloaded(&self, incarnation: u64) -> Self {
        let owner = Owner {
            incarnation: Incarnation::new(incarnation).unwrap(),
            ..self.owner
        };
        let granted = Granted {
            tail: self.tail(),
            chain: self.chain(),
            ..self.granted
        };
        Self {
            log: Arc::clone(&self.log),
            stream: self.stream,
            owner,
            granted,
            sealed: Vec::new(),
        }
    }

    /// The same owner, that believes in another epoch.
    pub(super) fn in_epoch(&self, epoch: Epoch) -> Self {
        let granted = Granted { epoch, ..self.granted };
        Self {
            log: Arc::clone(&self.log),
            stream: self.stream,
            owner: self.owner,
            granted,
            sealed: Vec::new(),
        }
    }

    /// Submits an append and does not wait for the answer.
    pub(super) fn submit_unheard(&mut self, payload: &str) {
        let append = self.write(payload);
        drop(self.log.append(append));
    }

    /// Position of the newest record it sealed.
    pub(super) fn tail(&self) -> Option<Lsn> {
        Lsn::new(Lsn::count(self.granted.tail) + self.sealed.len() as u64)
    }

    fn chain(&self) -> Chain {
        self.sealed.last().map_or(self.granted.chain, |record| record.chain)
    }

    /// Seals one more record and gives the append that carries it alone.
    pub(super) fn write(&mut self, payload: &str) -> Append {
        let lsn = Lsn::after(self.tail()).unwrap();
        let draft = Draft {
            epoch: self.granted.epoch,
            incarnation: self.owner.incarnation,
            written_at: WallTime::from_unix_millis(1_700_000_000_000),
            engine_version: EngineVersion::new(1),
            payload: Bytes::copy_from_slice(payload.as_bytes()),
        };
        let record = draft.seal(lsn, self.chain());
        self.sealed.push(record);
        self.appending(lsn.get(), lsn.get())
    }

    /// An append of its records at these positions.
    pub(super) fn appending(&self, first: u64, last: u64) -> Append {
        let base = Lsn::count(self.granted.tail);
        let index = |lsn: u64| usize::try_from(lsn - base).unwrap();
        Append {
            stream: self.stream,
            epoch: self.granted.epoch,
            incarnation: self.owner.incarnation,
            under_lease: true,
            prev_lsn: Lsn::new(first - 1),
            records: self.sealed[index(first) - 1..index(last)].to_vec(),
        }
    }

    /// Sends an append until the log says yes or no to it.
    pub(super) async fn append(&self, world: &impl World, append: &Append) -> Result<AppendVerdict, Unsettled> {
        settled(world, || self.log.append(append.clone()))
            .await
            .map(|appended| appended.verdict)
    }

    /// Seals and appends some records, one by one.
    pub(super) async fn write_through(&mut self, world: &impl World, records: usize) {
        for _ in 0..records {
            let append = self.write("x");
            let lsn = self.tail().unwrap();
            assert_eq!(self.append(world, &append).await, Ok(AppendVerdict::Ok { lsn }));
        }
    }

    pub(super) fn renewing(&self) -> Renew {
        Renew {
            stream: self.stream,
            epoch: self.granted.epoch,
            incarnation: self.owner.incarnation,
            under_lease: true,
        }
    }

    pub(super) fn releasing(&self) -> Release {
        Release {
            stream: self.stream,
            epoch: self.granted.epoch,
            incarnation: self.owner.incarnation,
        }
    }

    /// Renews alone, until the log says yes or no.
    pub(super) async fn renew(&self, world: &impl World) -> Result<Renewed, crate::NotHeld> {
        settled(world, || {
            let mut answers = self.log.renew(vec![self.renewing()]);
            Box::pin(async move { answers.next().await.expect("an answer for the stream named").outcome })
        })
        .await
    }

    /// Renews until the leader can tell how long old leases last.
    pub(super) async fn clear_in(&self, world: &impl World) -> Duration {
        eventually(world, "a clear_in", async || self.renew(world).await.unwrap().clear_in).await
    }

    /// The history up to one of its records.
    pub(super) fn point(&self, lsn: u64) -> StreamPoint {
        let index = usize::try_from(lsn - Lsn::count(self.granted.tail)).unwrap();
        StreamPoint {
            lsn: at(lsn),
            chain: self.sealed[index - 1].chain,
        }
    }

    pub(super) fn trimming(&self, upto: u64, second_newest: u64, newest: u64) -> Trim {
        let (second_newest, newest) = (self.point(second_newest), self.point(newest));
        Trim {
            stream: self.stream,
            upto: at(upto),
            newest,
            second_newest,
            archived: None,
        }
    }
}
