//! The client against nodes that are made of a log in memory, over real connections of this machine: the whole contract,
//! and what it does when nodes refuse, fall silent or go away.

mod fake;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::StreamExt;
use tenure_log::contract::World;
use tenure_log::{CallError, Log, ManualClock, MemoryLog, MemoryOptions, Renewed, StreamStatus, TailError, Unknown};
use tenure_log_protocol::{
    Append, AppendVerdict, Chain, Create, Draft, EngineVersion, Fence, Granted, Nomination, NotHeld, Renew,
};
use tenure_types::{
    BootTime, Clock, Epoch, GroupId, Incarnation, LeaseLength, Lsn, NodeId, Owner, StreamId, TenantId, WallTime,
};

use self::fake::{Cluster, Mood, Nowhere};
use crate::transport::Transport;

use super::{ClientError, ClientOptions, NodeAddress, QuorumLog};

tenure_log::log_contract!(block_on, ClientWorld::new().await);

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let output = runtime.block_on(future);
    runtime.shutdown_background();
    output
}

/// Shorter than the default: a rule waits for it.
const CALL_DEADLINE: Duration = Duration::from_secs(1);

/// A client of three nodes of which the second leads.
struct ClientWorld {
    clock: Arc<ManualClock>,
    memory: MemoryLog,
    cluster: Cluster,
    log: QuorumLog,
    streams: AtomicU32,
}

impl ClientWorld {
    async fn new() -> Self {
        Self::with(ClientOptions {
            call_deadline: CALL_DEADLINE,
            ..ClientOptions::default()
        })
        .await
    }

    async fn with(options: ClientOptions) -> Self {
        Self::over(fake::transport(), options).await
    }

    async fn over(transport: Transport, options: ClientOptions) -> Self {
        let clock = Arc::new(ManualClock::new());
        let memory = MemoryLog::new(Arc::clone(&clock) as Arc<dyn Clock>, MemoryOptions::default());
        let cluster = Cluster::start(&memory, 3).await;
        cluster.lead(1);
        let runtime = tokio::runtime::Handle::current();
        let log = QuorumLog::new(transport, cluster.addresses(), options, &runtime).unwrap();
        Self {
            clock,
            memory,
            cluster,
            log,
            streams: AtomicU32::new(1),
        }
    }

    fn create(&self, stream: StreamId) -> tenure_log::Reply<(), tenure_log_protocol::CreateRefused> {
        self.log.create(Create {
            stream,
            tenant: TenantId::new(1),
            restore_window: false,
        })
    }

    /// The outcome of one renewal.
    async fn renew(&self, stream: StreamId) -> Result<Renewed, CallError<NotHeld>> {
        self.log.renew(vec![renewal(stream)]).next().await.unwrap().outcome
    }

    /// The outcome of one description of a stream that does not exist.
    async fn describe(&self) -> Result<Option<StreamStatus>, Unknown> {
        let described = self.log.describe(vec![self.fresh_stream_id()]);
        described.collect::<Vec<_>>().await[0].outcome
    }

    /// A stream with an owner, and the terms of its epoch.
    async fn owned_stream(&self) -> (StreamId, Granted) {
        let stream = self.fresh_stream_id();
        self.create(stream).await.unwrap();
        let fence = Fence {
            stream,
            expect_epoch: Epoch::NONE,
            owner: owner(),
            lease: LeaseLength::from_millis(1000).unwrap(),
            nomination: Nomination::ByControlPlane,
        };
        (stream, self.log.fence(fence).await.unwrap())
    }
}

fn owner() -> Owner {
    Owner {
        node: NodeId::new(77),
        incarnation: Incarnation::new(7).unwrap(),
    }
}

fn renewal(stream: StreamId) -> Renew {
    Renew {
        stream,
        epoch: Epoch::new(1),
        incarnation: owner().incarnation,
        under_lease: true,
    }
}

/// Appends of one record each, from the stream's first on.
fn appends(stream: StreamId, count: u64) -> Vec<Append> {
    let mut chain = Chain::start_of(stream);
    let append = |number| {
        let draft = Draft {
            epoch: Epoch::new(1),
            incarnation: owner().incarnation,
            written_at: WallTime::from_unix_millis(1),
            engine_version: EngineVersion::new(1),
            payload: bytes::Bytes::from_static(b"x"),
        };
        let record = draft.seal(Lsn::new(number).unwrap(), chain);
        chain = record.chain;
        Append {
            stream,
            epoch: Epoch::new(1),
            incarnation: owner().incarnation,
            under_lease: true,
            prev_lsn: Lsn::new(number - 1),
            records: vec![record],
        }
    };
    (1..=count).map(append).collect()
}

fn ok(lsn: u64) -> AppendVerdict {
    AppendVerdict::Ok {
        lsn: Lsn::new(lsn).unwrap(),
    }
}

impl World for ClientWorld {
    fn log(&self) -> Arc<dyn Log> {
        Arc::new(self.log.clone())
    }

    fn fresh_stream_id(&self) -> StreamId {
        StreamId::new(GroupId::new(0), self.streams.fetch_add(1, Ordering::Relaxed))
    }

    fn lease_max(&self) -> LeaseLength {
        MemoryOptions::default().lease_max
    }

    fn now(&self) -> BootTime {
        self.clock.boot()
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
        tokio::task::yield_now().await;
    }

    /// Those to its repeats too, for as long as the client makes them.
    async fn lose_next_answer(&self) -> bool {
        // The last repeat leaves just before the deadline and comes after it.
        self.cluster.lose_answers_to_next(CALL_DEADLINE + CALL_DEADLINE / 10);
        true
    }

    async fn discard_next_call(&self) -> bool {
        self.memory.discard_next_call();
        true
    }

    async fn change_leader(&self) -> bool {
        self.cluster.lead(2);
        self.memory.change_leader();
        true
    }

    async fn interrupt_tails(&self) -> bool {
        // The reader's connection is made in the background; a node cannot cut off whom it does not know.
        tokio::time::sleep(Duration::from_millis(50)).await;
        self.memory.interrupt_tails();
        true
    }

    async fn stop_granting_credit(&self) -> bool {
        self.memory.grant_credit(0);
        true
    }
}

#[tokio::test]
async fn appends_of_a_stream_keep_their_order_and_many_may_be_under_way() {
    let world = ClientWorld::new().await;
    let (stream, _) = world.owned_stream().await;
    let under_way: Vec<_> = appends(stream, 1000)
        .into_iter()
        .map(|append| world.log.append(append))
        .collect();
    for (number, reply) in (1..).zip(under_way) {
        assert_eq!(reply.await.unwrap().verdict, ok(number));
    }
}

#[tokio::test]
async fn an_append_to_a_node_that_does_not_lead_is_unknown_and_the_next_reaches_the_leader() {
    let world = ClientWorld::new().await;
    let (stream, _) = world.owned_stream().await;
    world.cluster.lead(2);
    let [first, ..] = &appends(stream, 1)[..] else {
        panic!("no append")
    };
    let hint = Some(world.cluster.id(2));
    let refused = world.log.append(first.clone()).await;
    assert_eq!(refused, Err(CallError::Unknown(Unknown::NoLeader { hint })));
    assert_eq!(world.log.append(first.clone()).await.unwrap().verdict, ok(1));
}

#[tokio::test]
async fn a_call_that_may_be_repeated_finds_the_leader_by_itself() {
    let world = ClientWorld::new().await;
    for leader in [1, 2, 0] {
        world.cluster.lead(leader);
        world.create(world.fresh_stream_id()).await.unwrap();
    }
    world.cluster.lead_nobody();
    let created = world.create(world.fresh_stream_id());
    tokio::time::sleep(Duration::from_millis(100)).await;
    world.cluster.lead(1);
    created.await.unwrap();
}

#[tokio::test]
async fn renewals_and_descriptions_find_the_leader_by_themselves() {
    let world = ClientWorld::new().await;
    let (stream, _) = world.owned_stream().await;
    for leader in [2, 0] {
        world.cluster.lead(leader);
        let described: Vec<_> = world.log.describe(vec![stream, stream]).collect().await;
        assert!(
            described.iter().all(|answer| matches!(answer.outcome, Ok(Some(_)))),
            "{described:?}"
        );
        assert_eq!(described.len(), 2);
    }
}

#[tokio::test]
async fn without_a_leader_the_last_that_was_heard_is_told_in_time() {
    let within = Duration::from_millis(200);
    let world = ClientWorld::with(ClientOptions {
        call_deadline: within,
        renew_deadline: within,
        ..ClientOptions::default()
    })
    .await;
    world.cluster.lead_nobody();
    let no_leader = Unknown::NoLeader { hint: None };
    let created = world.create(world.fresh_stream_id()).await;
    assert_eq!(created, Err(CallError::Unknown(no_leader)));
    let described: Vec<_> = world.log.describe(vec![world.fresh_stream_id()]).collect().await;
    assert_eq!(described[0].outcome, Err(no_leader));
}

#[tokio::test]
async fn calls_wait_while_no_node_can_be_reached_and_are_told_in_time() {
    let nowhere = Nowhere::new(3);
    let after = Duration::from_millis(200);
    let options = ClientOptions {
        call_deadline: after,
        ..ClientOptions::default()
    };
    let runtime = tokio::runtime::Handle::current();
    let log = QuorumLog::new(fake::transport(), nowhere.addresses(), options, &runtime).unwrap();
    let stream = StreamId::new(GroupId::new(0), 1);
    let append = log.append(appends(stream, 1).remove(0));
    let delete = log.delete(tenure_log_protocol::Delete { stream });
    let timed_out = Unknown::TimedOut { after };
    assert_eq!(append.await, Err(CallError::Unknown(timed_out)));
    assert_eq!(delete.await, Err(timed_out));
    assert_eq!(log.status().await, Err(Unknown::Disconnected));
    let mut tail = log.tail(stream, Lsn::FIRST);
    assert_eq!(
        tail.next().await,
        Some(Err(TailError::Interrupted(Unknown::Disconnected)))
    );
    assert_eq!(tail.next().await, None);
}

#[tokio::test]
async fn what_is_under_way_when_a_connection_breaks_is_unknown_and_others_are_repeated() {
    let world = ClientWorld::new().await;
    let (stream, _) = world.owned_stream().await;
    world.cluster.mood(Mood::Swallows);
    let append = world.log.append(appends(stream, 1).remove(0));
    let create = world.create(world.fresh_stream_id());
    tokio::time::sleep(Duration::from_millis(50)).await;
    world.cluster.mood(Mood::Answers);
    world.cluster.cut();
    assert_eq!(append.await, Err(CallError::Unknown(Unknown::Disconnected)));
    create.await.unwrap();
}

#[tokio::test]
async fn a_node_that_answers_nothing_is_given_up() {
    let world = ClientWorld::with(ClientOptions {
        call_deadline: Duration::from_millis(300),
        ..ClientOptions::default()
    })
    .await;
    let (stream, _) = world.owned_stream().await;
    world.cluster.mood(Mood::Swallows);
    let append = world.log.append(appends(stream, 1).remove(0)).await;
    assert!(matches!(append, Err(CallError::Unknown(_))), "{append:?}");
    world.cluster.mood(Mood::Answers);
    // The stream that swallowed is never answered on again; only a new one gets here.
    tokio::time::sleep(Duration::from_millis(50)).await;
    world.create(world.fresh_stream_id()).await.unwrap();
}

/// Longer than any test but one that fails.
fn patient() -> ClientOptions {
    ClientOptions {
        call_deadline: Duration::from_secs(20),
        ..ClientOptions::default()
    }
}

#[tokio::test]
async fn a_leader_that_is_cut_off_is_left_once_another_is_known() {
    let world = ClientWorld::with(patient()).await;
    let (stream, _) = world.owned_stream().await;
    world.cluster.isolate(1, 2);
    let first = appends(stream, 1).remove(0);
    let append = world.log.append(first.clone());
    let create = world.create(world.fresh_stream_id());
    while world.cluster.claims().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.renew(stream).await.unwrap();
    let hint = Some(world.cluster.id(2));
    assert_eq!(append.await, Err(CallError::Unknown(Unknown::NoLeader { hint })));
    create.await.unwrap();
    assert_eq!(world.log.append(first).await.unwrap().verdict, ok(1));
}

#[tokio::test]
async fn a_leader_that_answers_is_not_left_for_one_that_is_only_named() {
    let world = ClientWorld::with(patient()).await;
    let (stream, _) = world.owned_stream().await;
    let hint = Some(world.cluster.id(2));
    let timed_out = Unknown::TimedOut { after: CALL_DEADLINE };
    for unknown in [Unknown::NoLeader { hint }, timed_out, Unknown::Busy] {
        world.cluster.cannot_tell(&[unknown]);
        world.renew(stream).await.unwrap();
    }
    assert_eq!(
        world.log.append(appends(stream, 1).remove(0)).await.unwrap().verdict,
        ok(1)
    );
    // The first node was asked in vain before, and hung up on.
    assert_eq!(world.cluster.opened(), 2);
}

#[tokio::test]
async fn a_node_that_owes_an_answer_for_too_long_is_given_up_whatever_else_it_answers() {
    let world = ClientWorld::with(ClientOptions {
        call_deadline: Duration::from_millis(300),
        ..ClientOptions::default()
    })
    .await;
    let (stream, _) = world.owned_stream().await;
    let opened = world.cluster.opened();
    world.cluster.mood(Mood::SwallowsAppends);
    let append = world.log.append(appends(stream, 1).remove(0));
    let left = async {
        while world.cluster.opened() == opened {
            world.create(world.fresh_stream_id()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), left).await.unwrap();
    assert!(matches!(append.await, Err(CallError::Unknown(_))));
}

#[tokio::test]
async fn a_leader_that_could_not_tell_is_asked_again() {
    let world = ClientWorld::new().await;
    let (stream, _) = world.owned_stream().await;
    let unknowns = [Unknown::Busy, Unknown::Discarded];
    world.cluster.cannot_tell(&unknowns);
    assert_eq!(world.describe().await, Ok(None));
    assert_eq!(world.cluster.take_asked(), [1, 1, 1]);
    world.cluster.cannot_tell(&unknowns);
    world.renew(stream).await.unwrap();
    assert_eq!(world.cluster.take_asked(), [1, 1, 1]);
}

#[tokio::test]
async fn when_a_node_came_to_no_answer_in_time_another_is_asked_and_from_then_on_first() {
    let world = ClientWorld::new().await;
    let (stream, _) = world.owned_stream().await;
    world.cluster.isolate(1, 2);
    world.renew(stream).await.unwrap();
    assert_eq!(world.cluster.take_asked(), [1, 2]);
    assert_eq!(world.describe().await, Ok(None));
    assert_eq!(world.cluster.take_asked(), [2]);
}

#[tokio::test]
async fn a_question_that_no_node_judged_is_told_why_when_its_time_is_over() {
    let world = ClientWorld::with(ClientOptions {
        call_deadline: Duration::from_millis(200),
        ..ClientOptions::default()
    })
    .await;
    world.cluster.cannot_tell(&[Unknown::Busy; 100]);
    assert_eq!(world.describe().await, Err(Unknown::Busy));
    assert!(world.cluster.take_asked().len() > 1);
}

#[tokio::test]
async fn what_waited_before_its_task_ran_claims_no_lease() {
    let world = ClientWorld::new().await;
    let (stream, _) = world.owned_stream().await;
    let append = world.log.append(appends(stream, 1).remove(0));
    let renewed = world.log.renew(vec![renewal(stream)]);
    // Nothing else runs here meanwhile.
    std::thread::sleep(ClientOptions::default().lease_claim_max * 2);
    append.await.unwrap();
    assert!(renewed.collect::<Vec<_>>().await[0].outcome.is_ok());
    assert_eq!(world.cluster.claims(), [false, false]);
}

#[tokio::test]
async fn a_renewal_that_waited_for_its_connection_claims_no_lease() {
    let takes = Duration::from_millis(300);
    let world = ClientWorld::over(fake::slow_transport(takes), patient()).await;
    let (stream, _) = world.owned_stream().await;
    world.renew(stream).await.unwrap();
    assert_eq!(world.cluster.claims(), [false]);
}

#[tokio::test]
async fn what_was_submitted_is_answered_after_the_last_handle_is_gone() {
    let world = ClientWorld::new().await;
    let (stream, _) = world.owned_stream().await;
    let ClientWorld { log, cluster, .. } = world;
    let append = log.append(appends(stream, 1).remove(0));
    drop(log);
    assert_eq!(append.await.unwrap().verdict, ok(1));
    cluster.idle().await;
}

#[tokio::test]
async fn status_comes_from_whichever_node_answers() {
    let world = ClientWorld::new().await;
    assert_eq!(world.log.status().await.unwrap().groups.len(), 1);
}

#[tokio::test]
async fn a_list_of_nodes_that_cannot_be_used_is_refused() {
    let runtime = tokio::runtime::Handle::current();
    let refused = |nodes: &[(u64, &str)]| {
        let address = |(id, address): &(u64, &str)| NodeAddress {
            id: NodeId::new(*id),
            address: (*address).to_owned(),
        };
        let nodes = nodes.iter().map(address).collect();
        QuorumLog::new(fake::transport(), nodes, ClientOptions::default(), &runtime).err()
    };
    assert!(matches!(refused(&[]), Some(ClientError::NoNodes)));
    let twice = refused(&[(1, "localhost:1"), (1, "localhost:2")]);
    assert!(matches!(twice, Some(ClientError::NamedTwice { .. })), "{twice:?}");
    let nowhere = refused(&[(1, "not an address")]);
    assert!(matches!(nowhere, Some(ClientError::Transport { .. })), "{nowhere:?}");
}
