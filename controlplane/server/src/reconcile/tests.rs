//! Reconcilers that ask the log, over SQLite on a file and the log in memory.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt};
use tenure_control_model::{
    Change, Expect, FailoverAttempt, FailoverOutcome, Operation, OperationId, OperationKind, OperationState, Revision,
    Standing, Step, StepState, World, Write,
};
use tenure_control_store::{Page, SqliteStore, Store};
use tenure_log::{
    Append, Appended, Chain, Create, CreateRefused, Delete, DescribeAnswer, Draft, EngineVersion, Fence, FenceRefused,
    Granted, Log, LogStatus, ManualClock, MemoryLog, MemoryOptions, Nomination, NotHeld, Release, Released, Renew,
    RenewAnswer, Reply, Tailing, Trim, TrimRefused, Trimmed, Unknown, Unsettled,
};
use tenure_types::{Clock, Lsn, Owner, StreamId, TenantId, WallTime};
use tokio::sync::{Notify, watch};

use super::Reconcilers;
use crate::authority::Authority;
use crate::observe::observe_once;
use crate::shared::{Observed, Options, Shared};
use crate::testing::{ByItsWord, L, owner, report, seen, stream, world};

/// A log that looks into the database when a fence comes, and may damage what is read.
struct Watched {
    log: MemoryLog,
    store: Arc<SqliteStore>,
    /// Attempts that stood in SQL when a fence came.
    at_fences: Arc<Mutex<Vec<FailoverAttempt>>>,
    damages: bool,
}

impl Log for Watched {
    fn append(&self, append: Append) -> Reply<Appended, Unsettled> {
        self.log.append(append)
    }

    fn fence(&self, fence: Fence) -> Reply<Granted, FenceRefused> {
        let (store, seen) = (Arc::clone(&self.store), Arc::clone(&self.at_fences));
        let answer = self.log.fence(fence);
        Box::pin(async move {
            let attempts = store.failovers(&page()).await.unwrap();
            seen.lock().unwrap().extend(attempts);
            answer.await
        })
    }

    fn renew(&self, renews: Vec<Renew>) -> BoxStream<'static, RenewAnswer> {
        self.log.renew(renews)
    }

    fn release(&self, release: Release) -> Reply<Released, NotHeld> {
        self.log.release(release)
    }

    fn trim(&self, trim: Trim) -> Reply<Trimmed, TrimRefused> {
        self.log.trim(trim)
    }

    fn create(&self, create: Create) -> Reply<(), CreateRefused> {
        self.log.create(create)
    }

    fn delete(&self, delete: Delete) -> BoxFuture<'static, Result<(), Unknown>> {
        self.log.delete(delete)
    }

    fn describe(&self, streams: Vec<StreamId>) -> BoxStream<'static, DescribeAnswer> {
        self.log.describe(streams)
    }

    fn status(&self) -> BoxFuture<'static, Result<LogStatus, Unknown>> {
        self.log.status()
    }

    fn tail(&self, stream: StreamId, from: Lsn) -> Tailing {
        let damages = self.damages;
        let damaged = self.log.tail(stream, from).map(move |batch| {
            batch.map(|mut batch| {
                if damages && let Some(record) = batch.records.last_mut() {
                    record.payload = Bytes::from_static(b"damaged");
                }
                batch
            })
        });
        damaged.boxed()
    }
}

fn page() -> Page {
    Page {
        after: None,
        rows_max: 100,
    }
}

/// The world of [`world`] in a database, its shards owned in a log. Each has two records.
struct Platform {
    store: Arc<SqliteStore>,
    clock: Arc<ManualClock>,
    at_fences: Arc<Mutex<Vec<FailoverAttempt>>>,
    shared: Shared,
    tell: watch::Sender<Arc<Observed>>,
    reconcilers: Reconcilers,
    _folder: tempfile::TempDir,
}

impl Platform {
    async fn new(damages: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(&folder.path().join("a.sqlite")).await.unwrap());
        let clock = Arc::new(ManualClock::new());
        let at_fences = Arc::default();
        let log = Arc::new(Watched {
            log: MemoryLog::new(clock.clone(), MemoryOptions::default()),
            store: Arc::clone(&store),
            at_fences: Arc::clone(&at_fences),
            damages,
        });
        write(&store, &world(), clock.wall()).await;
        for (shard, node) in [(1, 1), (2, 2)] {
            begin(&*log, stream(shard), owner(node, shard)).await;
        }
        let (tell, observed) = watch::channel(Arc::new(Observed::default()));
        let shared = Shared {
            store: store.clone(),
            log,
            clock: clock.clone(),
            observed,
            plugin_check: Arc::new(ByItsWord),
            wake: Arc::new(Notify::new()),
            authority_pem: Arc::from(""),
            options: Arc::new(Options::default()),
            metrics: crate::Metrics::register(&prometheus::Registry::new()).unwrap(),
        };
        let (told, _) = watch::channel(None);
        let (authority, _) = Authority::generate().unwrap();
        Self {
            store,
            clock,
            at_fences,
            reconcilers: Reconcilers::new(shared.clone(), authority, told),
            shared,
            tell,
            _folder: folder,
        }
    }

    /// Everybody tells what there is, and everything is looked at.
    async fn pass(&mut self) {
        let all = [1, 2].map(stream).to_vec();
        let streams = observe_once(&self.shared, &all).await;
        self.tell.send_replace(Arc::new(Observed { streams, log: None }));
        self.reconcilers.pass().await.unwrap();
    }

    /// As after a restart.
    fn forget_everything(&mut self) {
        let (told, _) = watch::channel(None);
        let (authority, _) = Authority::generate().unwrap();
        self.reconcilers = Reconcilers::new(self.shared.clone(), authority, told);
    }

    /// Node 2 and 3 report that they follow; node 1 is dead.
    async fn hear_survivors(&self) {
        let now = self.clock.wall();
        let at = |report| tenure_control_model::NodeReport { at: now, ..report };
        let mut follows = seen(2, 1, Standing::Replica);
        follows.lsn = Lsn::new(2);
        let reports = [
            report(2, vec![follows, seen(2, 2, Standing::Primary)]),
            report(3, Vec::new()),
        ];
        let nodes: Vec<_> = reports.iter().map(|report| report.node).collect();
        self.store.renew_nodes(&nodes, now).await.unwrap();
        let writes = reports.map(|report| Write::PutReport(at(report))).into();
        self.store.apply(Change { writes }).await.unwrap();
    }
}

/// A world as it would have come to be in a database.
async fn write(store: &SqliteStore, world: &World, now: WallTime) {
    let mut writes = Vec::new();
    writes.extend(
        world
            .tenants
            .iter()
            .cloned()
            .map(|row| Write::PutTenant(row, Expect::Absent)),
    );
    for mut node in world.nodes.clone() {
        node.seen_at = now;
        writes.push(Write::PutNode(node, Expect::Absent));
    }
    writes.extend(
        world
            .clusters
            .iter()
            .cloned()
            .map(|row| Write::PutCluster(row, Expect::Absent)),
    );
    writes.extend(
        world
            .shards
            .iter()
            .cloned()
            .map(|row| Write::PutShard(row, Expect::Absent)),
    );
    writes.extend(
        world
            .replicas
            .iter()
            .cloned()
            .map(|row| Write::PutReplica(row, Expect::Absent)),
    );
    store.apply(Change { writes }).await.unwrap();
}

async fn begin(log: &dyn Log, stream: StreamId, owner: Owner) {
    let create = Create {
        stream,
        tenant: TenantId::new(1),
        restore_window: false,
    };
    log.create(create).await.unwrap();
    let fence = Fence {
        stream,
        expect_epoch: tenure_types::Epoch::NONE,
        owner,
        lease: L,
        nomination: Nomination::ByControlPlane,
    };
    let granted = log.fence(fence).await.unwrap();
    let mut chain = Chain::start_of(stream);
    let record = |lsn: u64, chain: &mut Chain| {
        let draft = Draft {
            epoch: granted.epoch,
            incarnation: owner.incarnation,
            written_at: WallTime::from_unix_millis(1),
            engine_version: EngineVersion::new(1),
            payload: Bytes::from_static(b"payload"),
        };
        let record = draft.seal(Lsn::new(lsn).unwrap(), *chain);
        *chain = record.chain;
        record
    };
    let append = Append {
        stream,
        epoch: granted.epoch,
        incarnation: owner.incarnation,
        under_lease: true,
        prev_lsn: None,
        records: vec![record(1, &mut chain), record(2, &mut chain)],
    };
    log.append(append).await.unwrap();
}

#[tokio::test]
async fn an_attempt_stands_in_sql_before_its_fence_and_its_outcome_after_with_an_event() {
    let mut platform = Platform::new(false).await;
    platform.pass().await;
    assert!(
        platform.store.failovers(&page()).await.unwrap().is_empty(),
        "the owners are heard of"
    );
    platform.at_fences.lock().unwrap().clear();
    platform.clock.advance(L.as_duration() * 2);
    platform.hear_survivors().await;
    platform.pass().await;
    let at_fence = platform.at_fences.lock().unwrap().clone();
    assert_eq!(at_fence[0].outcome, FailoverOutcome::Unknown);
    let attempts = platform.store.failovers(&page()).await.unwrap();
    let won: Vec<_> = attempts
        .iter()
        .filter(|attempt| matches!(attempt.outcome, FailoverOutcome::Won(_)))
        .collect();
    assert_eq!((won.len(), won[0].to), (1, owner(2, 1)), "{attempts:?}");
    assert_eq!(won[0].id, at_fence[0].id);
    let events = platform.store.events(None, None, &page()).await.unwrap();
    assert!(events.iter().any(|event| event.kind == "failover"), "{events:?}");
    // The next look sees the new owner, which has been silent for no time.
    platform.pass().await;
    assert_eq!(platform.store.failovers(&page()).await.unwrap().len(), attempts.len());
}

#[tokio::test]
async fn a_shard_whose_attempt_has_no_outcome_yet_is_not_tried_again() {
    let mut platform = Platform::new(false).await;
    platform.pass().await;
    // Begun by a process that died before it heard what came of it.
    let attempt = FailoverAttempt {
        id: tenure_control_model::FailoverId::new(1),
        shard: tenure_control_model::ShardId::new(1),
        expect: tenure_types::Epoch::new(1),
        to: owner(2, 1),
        reason: tenure_control_model::FailoverReason::OwnerSilent,
        outcome: FailoverOutcome::Unknown,
        begun_at: platform.clock.wall(),
        ended_at: None,
    };
    let begun = Change::default().with(Write::PutFailover(attempt));
    platform.store.apply(begun).await.unwrap();
    platform.forget_everything();
    platform.clock.advance(L.as_duration() * 2);
    platform.hear_survivors().await;
    platform.pass().await;
    let attempts = platform.store.failovers(&page()).await.unwrap();
    let of_shard = attempts.iter().filter(|attempt| attempt.shard.get() == 1);
    assert_eq!(of_shard.count(), 1, "{attempts:?}");
}

async fn verified(platform: &mut Platform) -> Operation {
    let step = Step {
        name: "read streams".to_owned(),
        state: StepState::Pending,
        detail: String::new(),
    };
    let operation = Operation {
        id: OperationId::new(1),
        tenant: None,
        cluster: None,
        kind: OperationKind::VerifyLog,
        state: OperationState::Pending,
        steps: vec![step],
        error: None,
        created_at: platform.clock.wall(),
        finished_at: None,
        revision: Revision::FIRST,
    };
    let asked = Change::default().with(Write::PutOperation(operation.clone(), Expect::Absent));
    platform.store.apply(asked).await.unwrap();
    loop {
        platform.pass().await;
        let operation = platform.store.operation(operation.id).await.unwrap().unwrap();
        if operation.state.is_over() {
            return operation;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn streams_that_are_whole_are_said_to_be_with_the_number_of_their_records() {
    let operation = verified(&mut Platform::new(false).await).await;
    assert_eq!(operation.state, OperationState::Succeeded);
    assert_eq!(operation.steps[0].detail, "2 streams with 4 records are whole");
}

#[tokio::test]
async fn a_record_that_is_not_what_was_written_is_named() {
    let operation = verified(&mut Platform::new(true).await).await;
    let error = operation.error.unwrap();
    assert_eq!(
        (operation.state, error.code.as_str()),
        (OperationState::Failed, "damaged")
    );
    assert!(
        error
            .detail
            .starts_with("stream-0-1 of demo/shop/0001: the record at 2"),
        "{}",
        error.detail
    );
}
