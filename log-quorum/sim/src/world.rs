//! One run of a world: three log nodes, writers that compete for one stream, a reader, chaos, and the judgement.
//! Promises: the same seed gives the same run. A run that breaks a rule of the oracle says which, and one that does not
//! come to an end after all is mended fails too.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use futures::StreamExt;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tenure_log::{Create, Log, Record};
use tenure_log_node::{Bootstrap, ClientOptions, Member, NodeAddress, QuorumLog};
use tenure_log_storage::QuorumId;
use tenure_types::{GroupId, Incarnation, LeaseLength, Lsn, NodeId, StreamId, TenantId};
use turmoil::Sim;

use crate::chaos::{Chaos, Counts, Harm};
use crate::disk::Sabotage;
use crate::host::{Host, PORT, transport};
use crate::oracle::Oracle;
use crate::phase::Phase;
use crate::writer::{Writer, settled};

const STREAM: StreamId = StreamId::new(GroupId::new(0), 1);
const NODES: u64 = 3;

/// What is run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Decides everything that is left open.
    pub seed: u64,
    /// How long harm is done, in simulated time.
    pub chaos_for: Duration,
    /// What is done.
    pub harms: Vec<Harm>,
    /// What the disks do not keep.
    pub sabotage: Sabotage,
    /// How many writers compete.
    pub writers: u64,
}

impl Plan {
    /// Every kind of harm, for ten seconds; most often the one that only a leader's asking its voters stands against.
    pub fn everything(seed: u64) -> Self {
        Self {
            seed,
            chaos_for: Duration::from_secs(10),
            harms: vec![
                Harm::Kill,
                Harm::PowerCut,
                Harm::QuorumPowerCut,
                Harm::Partition,
                Harm::OneWay,
                Harm::Isolate,
                Harm::CutOff,
                Harm::CutOff,
                Harm::FailSync,
            ],
            sabotage: Sabotage::None,
            writers: 2,
        }
    }

    /// The whole quorum loses power, again and again.
    pub fn power_cuts(seed: u64) -> Self {
        Self {
            harms: vec![Harm::QuorumPowerCut],
            writers: 1,
            ..Self::everything(seed)
        }
    }
}

/// How a run went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Rules that were broken.
    pub violations: Vec<String>,
    /// Records that were acknowledged.
    pub acknowledged: usize,
    /// Records in the stream in the end.
    pub records: usize,
    /// Epochs that were granted.
    pub epochs: usize,
    /// Renewals that were answered `Ok`.
    pub renewals: usize,
    /// What was done.
    pub harm: Counts,
    /// Stands for all that writers were told, in order.
    pub trace: u64,
}

/// Runs a world to its end.
pub fn run(plan: &Plan) -> Result<Report> {
    let mut rng = SmallRng::seed_from_u64(plan.seed);
    let mut sim = turmoil::Builder::new()
        .rng_seed(plan.seed)
        .simulation_duration(plan.chaos_for + Duration::from_secs(120))
        .tick_duration(Duration::from_millis(1))
        .min_message_latency(Duration::from_micros(100))
        .max_message_latency(Duration::from_millis(3))
        .tcp_capacity(4096)
        .build();
    let bootstrap = bootstrap(&mut rng);
    let hosts: Vec<_> = bootstrap
        .members
        .iter()
        .map(|member| Host::start(&mut sim, member.node, &bootstrap, plan.seed, plan.sabotage))
        .collect();
    let (oracle, phase) = (Oracle::default(), Phase::default());
    let mut callers: Vec<String> = Vec::new();
    for number in 1..=plan.writers {
        let name = format!("writer-{number}");
        let (oracle, phase) = (oracle.clone(), phase.clone());
        let records_per_epoch = rng.random_range(5..200);
        sim.client(name.as_str(), write(number, records_per_epoch, oracle, phase));
        callers.push(name);
    }
    sim.client("reader", read(oracle.clone(), phase.clone()));
    callers.push("reader".to_owned());
    let judged = Arc::new(Mutex::new(None));
    sim.client("judge", judge(oracle.clone(), phase.clone(), Arc::clone(&judged)));

    let mut chaos = Chaos::new(SmallRng::seed_from_u64(rng.random()), plan.harms.clone());
    step_through(&mut sim, plan, &hosts, &callers, &mut chaos, &phase)
        .with_context(|| format!("seed {} did not come to an end", plan.seed))?;
    let judged = judged.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Judged { violations, records } = judged.ok_or_else(|| anyhow!("seed {} was not judged", plan.seed))?;
    Ok(Report {
        violations,
        acknowledged: oracle.acknowledged_count(),
        records,
        epochs: oracle.epochs_count(),
        renewals: oracle.renewals_count(),
        harm: chaos.done,
        trace: oracle.trace(),
    })
}

fn step_through(
    sim: &mut Sim<'_>,
    plan: &Plan,
    hosts: &[Host],
    callers: &[String],
    chaos: &mut Chaos,
    phase: &Phase,
) -> Result<()> {
    loop {
        if sim.step().map_err(|error| anyhow!("{error}"))? {
            return Ok(());
        }
        if phase.is_over() {
            continue;
        }
        if sim.elapsed() < plan.chaos_for {
            chaos.step(sim, hosts, callers);
        } else {
            chaos.end(sim, hosts);
            phase.end();
        }
    }
}

fn bootstrap(rng: &mut SmallRng) -> Bootstrap {
    let member = |number: u64, rng: &mut SmallRng| Member {
        node: NodeId::new(number),
        address: format!("log-{number}:{PORT}"),
        incarnation: Incarnation::new(rng.random_range(1..u64::MAX)).expect("not 0"),
    };
    Bootstrap {
        quorum: QuorumId::new(rng.random()),
        groups: 1,
        lease_max: LeaseLength::from_millis(3000).expect("not 0"),
        members: (1..=NODES).map(|number| member(number, rng)).collect(),
    }
}

/// A client of the log that knows these nodes.
fn client(nodes: impl Iterator<Item = u64>) -> Arc<dyn Log> {
    let nodes = nodes
        .map(|number| NodeAddress {
            id: NodeId::new(number),
            address: format!("log-{number}:{PORT}"),
        })
        .collect();
    let runtime = tokio::runtime::Handle::current();
    // Short, so that callers leave a leader that is none any more within a harm.
    let options = ClientOptions {
        call_deadline: Duration::from_secs(1),
        ..ClientOptions::default()
    };
    let client = QuorumLog::new(transport(), nodes, options, &runtime);
    Arc::new(client.expect("a client"))
}

async fn write(number: u64, records_per_epoch: u64, oracle: Oracle, phase: Phase) -> turmoil::Result {
    let log = client(1..=NODES);
    let create = Create {
        stream: STREAM,
        tenant: TenantId::new(1),
        restore_window: false,
    };
    settled(|| log.create(create)).await?;
    let writer = Writer {
        log,
        renewing: client(1..=NODES),
        oracle,
        stream: STREAM,
        node: NodeId::new(100 + number),
        records_per_epoch,
        phase,
        lives: 0,
    };
    writer.run().await;
    Ok(())
}

/// Reads all the time, from wherever it is served.
async fn read(oracle: Oracle, phase: Phase) -> turmoil::Result {
    let log = client(1..=NODES);
    let mut next = Lsn::FIRST;
    while !phase.is_over() {
        let mut tailing = log.tail(STREAM, next);
        while let Ok(Some(Ok(batch))) = tokio::time::timeout(Duration::from_secs(1), tailing.next()).await {
            for (lsn, record) in batch.numbered() {
                oracle.read(lsn, record.clone());
                next = lsn.next().expect("no simulation is so long");
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

struct Judged {
    violations: Vec<String>,
    records: usize,
}

/// After the chaos: reads the stream from every node to its end, and holds all against it.
async fn judge(oracle: Oracle, phase: Phase, judged: Arc<Mutex<Option<Judged>>>) -> turmoil::Result {
    while !phase.is_over() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Whoever writes last settles what is open. One more owner shows that the stream still takes writes.
    let last = Writer {
        log: client(1..=NODES),
        renewing: client(1..=NODES),
        oracle: oracle.clone(),
        stream: STREAM,
        node: NodeId::new(200),
        records_per_epoch: 1,
        phase: Phase::default(),
        lives: 0,
    };
    let tail = last.write_once().await;
    let mut violations = Vec::new();
    let mut records = 0;
    for number in 1..=NODES {
        let whole = read_whole(number, tail).await;
        records = records.max(whole.len());
        violations.extend(oracle.judge(STREAM, &format!("log-{number}"), &whole));
    }
    *judged.lock().unwrap_or_else(PoisonError::into_inner) = Some(Judged { violations, records });
    Ok(())
}

/// The stream as one node serves it, up to `tail`.
async fn read_whole(number: u64, tail: Lsn) -> Vec<Record> {
    let log = client(std::iter::once(number));
    let mut records: Vec<Record> = Vec::new();
    while Lsn::new(records.len() as u64) < Some(tail) {
        let next = Lsn::new(records.len() as u64 + 1).expect("not 0");
        let mut tailing = log.tail(STREAM, next);
        while let Some(Ok(batch)) = tailing.next().await {
            records.extend(batch.records);
            if Lsn::new(records.len() as u64) >= Some(tail) {
                return records;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    records
}

/// As [`run`], and an error if a rule was broken.
pub fn check(plan: &Plan) -> Result<Report> {
    let report = run(plan)?;
    if !report.violations.is_empty() {
        bail!("seed {}: {}", plan.seed, report.violations.join("\n  "));
    }
    Ok(report)
}
