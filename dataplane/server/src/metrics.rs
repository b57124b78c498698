//! What is counted and measured of a data node: names, units and label values of its metrics, in one place.
//! Promises: a name that redis_exporter has says here what it says there. A series of a shard is there as long as the shard
//! lives on this node. Nothing runs for a metric while nobody asks: to count is to store a number in the memory of the
//! worker, and a worker tells its numbers when it is asked, between two turns.
//! Leaves to the caller: who may ask, and when.

mod plugins;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{self, LabelPair, MetricFamily, MetricType};
use prometheus::{IntGauge, PullingGauge, Registry};
use tenure_engine::Stats;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

pub(crate) use self::plugins::register_plugins;
use crate::commands::info::VERSION as REDIS_VERSION;
use crate::layout::ClusterLayout;
use crate::replica::{Counters, Standing};
use crate::worker::{Order, ReplicaReport};

/// How long a worker may take to tell its numbers. One that does not is shown as silent, and its shards are not shown.
const TOLD_WITHIN: Duration = Duration::from_secs(1);

/// Labels of every series of a shard.
const SHARD_LABELS: [&str; 3] = ["tenant", "cluster", "shard"];

/// Upper bounds of [`Latencies`], in seconds: from a fast disk in the same rack to a lease.
const COMMIT_SECONDS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// One name.
struct Family {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    /// What a shard has of it.
    read: fn(&Measured, &mut Series<'_>),
}

const fn counter(name: &'static str, help: &'static str, read: fn(&Measured, &mut Series<'_>)) -> Family {
    let kind = MetricType::COUNTER;
    Family { name, help, kind, read }
}

const fn gauge(name: &'static str, help: &'static str, read: fn(&Measured, &mut Series<'_>)) -> Family {
    let kind = MetricType::GAUGE;
    Family { name, help, kind, read }
}

const fn histogram(name: &'static str, help: &'static str, read: fn(&Measured, &mut Series<'_>)) -> Family {
    let kind = MetricType::HISTOGRAM;
    Family { name, help, kind, read }
}

/// Of each shard on the node. `ops/docs/metrics.md` has the same for people.
const SHARD_FAMILIES: &[Family] = &[
    gauge(
        "redis_up",
        "Whether the shard answers about data now, as its primary or as a replica.",
        |shard, to| to.add(f64::from(u8::from(shard.is_up()))),
    ),
    gauge(
        "redis_instance_info",
        "What the shard says of itself in INFO. The value is always 1.",
        |shard, to| {
            let role = if shard.is_primary() { "master" } else { "slave" };
            let policy = shard.cluster.limits.policy.name();
            let labels = [
                ("role", role),
                ("redis_version", REDIS_VERSION),
                ("redis_mode", "cluster"),
                ("maxmemory_policy", policy),
            ];
            to.add_with(&labels, 1.0);
        },
    ),
    gauge(
        "redis_start_time_seconds",
        "When the replica of the shard came to live on this node, since the Unix epoch.",
        |shard, to| to.add(shard.started_at_millis as f64 / 1000.0),
    ),
    gauge("redis_connected_clients", "Connections of clients.", |shard, to| {
        to.add(shard.report.clients as f64)
    }),
    gauge(
        "redis_config_maxclients",
        "Connections of clients that may be at a time.",
        |shard, to| to.add(shard.cluster.limits.connections_max as f64),
    ),
    counter(
        "redis_connections_received_total",
        "Connections that clients made.",
        |shard, to| to.add(shard.counted.connections_received.get() as f64),
    ),
    counter(
        "redis_rejected_connections_total",
        "Connections that were closed because there were as many as may be.",
        |shard, to| to.add(shard.counted.connections_refused.get() as f64),
    ),
    counter(
        "redis_commands_processed_total",
        "Requests of clients that were read, also those that were answered by an error.",
        |shard, to| to.add(shard.counted.commands_processed.get() as f64),
    ),
    counter(
        "redis_net_input_bytes_total",
        "Bytes that came from clients, without those of TLS.",
        |shard, to| to.add(shard.counted.input_bytes.get() as f64),
    ),
    counter(
        "redis_net_output_bytes_total",
        "Bytes that went to clients, without those of TLS.",
        |shard, to| to.add(shard.counted.output_bytes.get() as f64),
    ),
    counter(
        "redis_keyspace_hits_total",
        "Lookups that found their key.",
        |shard, to| to.add(shard.stats.hits as f64),
    ),
    counter(
        "redis_keyspace_misses_total",
        "Lookups that found nothing.",
        |shard, to| to.add(shard.stats.misses as f64),
    ),
    counter(
        "redis_expired_keys_total",
        "Keys that were deleted because their time was over.",
        |shard, to| to.add(shard.stats.expired as f64),
    ),
    counter(
        "redis_evicted_keys_total",
        "Keys that were deleted because the memory of the shard was full.",
        |shard, to| to.add(shard.stats.evicted as f64),
    ),
    gauge(
        "redis_memory_used_bytes",
        "Memory of the keys of the shard.",
        |shard, to| to.add(shard.report.memory_bytes as f64),
    ),
    gauge(
        "redis_memory_max_bytes",
        "Memory that the keys of the shard may take.",
        |shard, to| to.add(shard.cluster.limits.memory_bytes_max as f64),
    ),
    gauge("redis_db_keys", "Keys.", |shard, to| {
        to.add_with(&[("db", "db0")], shard.report.keys as f64);
    }),
    gauge("redis_db_keys_expiring", "Keys that have an expiry.", |shard, to| {
        to.add_with(&[("db", "db0")], shard.volatile_keys as f64);
    }),
    gauge(
        "tenure_standing",
        "What the replica may do now: 1 for the standing that it has, 0 for the others.",
        |shard, to| {
            for (standing, word) in STANDINGS {
                let is_it = standing == shard.report.standing;
                to.add_with(&[("standing", word)], f64::from(u8::from(is_it)));
            }
        },
    ),
    gauge(
        "tenure_epoch",
        "The newest epoch of the shard that this node knows: each has another owner.",
        |shard, to| to.add(shard.report.epoch.get() as f64),
    ),
    counter(
        "tenure_epoch_changes_total",
        "Epochs of the shard that this replica saw begin, the one that it found included.",
        |shard, to| to.add(shard.tallied.epochs as f64),
    ),
    gauge(
        "tenure_replica_lsn",
        "Up to which record of the stream the replica holds what the log has for good; 0 is before the first.",
        |shard, to| to.add(shard.report.lsn.map_or(0, tenure_types::Lsn::get) as f64),
    ),
    histogram(
        "tenure_commit_seconds",
        "From the first sending of a record to the log until it was there for good. Replies wait for it.",
        |shard, to| to.add_latencies(&shard.tallied.commits),
    ),
    counter(
        "tenure_hazard_waits_total",
        "Replies that were held because they tell of a write which was not in the log for good.",
        |shard, to| to.add(shard.tallied.replies_held as f64),
    ),
    counter(
        "tenure_append_resends_total",
        "Times that everything without a verdict was sent to the log again.",
        |shard, to| to.add(shard.tallied.resends as f64),
    ),
    gauge(
        "tenure_lease_length_seconds",
        "L of the epochs that this node asks for.",
        |shard, to| to.add(shard.lease.as_secs_f64()),
    ),
    gauge(
        "tenure_lease_remaining_seconds",
        "How much is left of the lease of the shard's owner, if that is this node.",
        |shard, to| to.add_of_owner(shard, |owner| owner.lease_left.as_secs_f64()),
    ),
    gauge(
        "tenure_log_credit_bytes",
        "Bytes that the shard's owner may still write, if that is this node. The log grants more as long as it has room.",
        |shard, to| to.add_of_owner(shard, |owner| owner.credit_bytes as f64),
    ),
    gauge(
        "tenure_unacknowledged_records",
        "Records that were made by the shard's owner, if that is this node, and have no verdict of the log.",
        |shard, to| to.add_of_owner(shard, |owner| owner.unacknowledged_records as f64),
    ),
    gauge("tenure_unacknowledged_bytes", "Bytes of those records.", |shard, to| {
        to.add_of_owner(shard, |owner| owner.unacknowledged_bytes as f64)
    }),
];

/// Name, help, and what it shows.
type ControlFamily = (&'static str, &'static str, fn(&MeasuredControl) -> f64);

/// Of a node that has a control plane.
const CONTROL_FAMILIES: [ControlFamily; 4] = [
    (
        "tenure_control_session_up",
        "Whether a session with the control plane stands. The node serves without one, and is told nothing new.",
        |control| f64::from(u8::from(control.is_in_session)),
    ),
    (
        "tenure_desired_generation",
        "Generation of what the node is to host, as it is on its disk; 0: it was never told.",
        |control| control.desired_generation as f64,
    ),
    (
        "tenure_applied_generation",
        "Generation of what the node made of it.",
        |control| control.applied_generation as f64,
    ),
    (
        "tenure_refusals",
        "Parts of what the node is to host that it could not do.",
        |control| control.refusals as f64,
    ),
];

const STANDINGS: [(Standing, &str); 5] = [
    (Standing::Loading, "loading"),
    (Standing::Primary, "primary"),
    (Standing::Replica, "replica"),
    (Standing::Lapsed, "lapsed"),
    (Standing::Broken, "broken"),
];

/// A replica at one moment.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) cluster: Arc<ClusterLayout>,
    /// Its shard's name.
    pub(crate) shard: String,
    pub(crate) report: ReplicaReport,
    pub(crate) counted: Counters,
    pub(crate) tallied: Tallied,
    pub(crate) stats: Stats,
    pub(crate) volatile_keys: usize,
    pub(crate) started_at_millis: u64,
    /// L of the epochs that it asks for.
    pub(crate) lease: Duration,
    /// While it owns an epoch.
    pub(crate) owner: Option<MeasuredOwner>,
}

/// The owner of an epoch at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MeasuredOwner {
    pub(crate) lease_left: Duration,
    pub(crate) credit_bytes: u64,
    pub(crate) unacknowledged_records: usize,
    pub(crate) unacknowledged_bytes: usize,
}

/// What a node and its control plane have told each other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MeasuredControl {
    pub(crate) is_in_session: bool,
    pub(crate) desired_generation: u64,
    pub(crate) applied_generation: u64,
    pub(crate) refusals: usize,
}

impl Measured {
    fn is_up(&self) -> bool {
        match self.report.standing {
            Standing::Primary | Standing::Replica => true,
            Standing::Loading | Standing::Lapsed | Standing::Broken => false,
        }
    }

    fn is_primary(&self) -> bool {
        self.report.standing == Standing::Primary
    }

    fn labels(&self) -> Vec<LabelPair> {
        let values = [&self.cluster.tenant.get().to_string(), &self.cluster.name, &self.shard];
        SHARD_LABELS
            .into_iter()
            .zip(values)
            .map(|(name, value)| pair(name, value))
            .collect()
    }
}

/// What a replica counts for its operator: a tenant's CONFIG RESETSTAT does not reach it.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    replies_held: Cell<u64>,
    resends: Cell<u64>,
    epochs: Cell<u64>,
    commits: RefCell<Latencies>,
}

/// The same at one moment.
#[derive(Debug)]
pub(crate) struct Tallied {
    replies_held: u64,
    resends: u64,
    epochs: u64,
    commits: Latencies,
}

impl Tallies {
    /// A reply waits for a record.
    pub(crate) fn reply_held(&self) {
        self.replies_held.set(self.replies_held.get().saturating_add(1));
    }

    /// Everything without a verdict is sent again.
    pub(crate) fn resent(&self) {
        self.resends.set(self.resends.get().saturating_add(1));
    }

    /// An epoch is known that was not.
    pub(crate) fn epoch_began(&self) {
        self.epochs.set(self.epochs.get().saturating_add(1));
    }

    /// A record is in the log for good, so long after it was first sent.
    pub(crate) fn committed(&self, after: Duration) {
        self.commits.borrow_mut().add(after);
    }

    pub(crate) fn read(&self) -> Tallied {
        Tallied {
            replies_held: self.replies_held.get(),
            resends: self.resends.get(),
            epochs: self.epochs.get(),
            commits: *self.commits.borrow(),
        }
    }
}

/// Durations, by the first of [`COMMIT_SECONDS`] that they do not exceed. What exceeds all is in the last place.
#[derive(Debug, Clone, Copy, Default)]
struct Latencies {
    counts: [u64; COMMIT_SECONDS.len() + 1],
    sum: Duration,
}

impl Latencies {
    fn add(&mut self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let place = COMMIT_SECONDS.iter().position(|bound| seconds <= *bound);
        if let Some(count) = self.counts.get_mut(place.unwrap_or(COMMIT_SECONDS.len())) {
            *count = count.saturating_add(1);
        }
        self.sum = self.sum.saturating_add(duration);
    }

    fn to_proto(self) -> proto::Histogram {
        let mut below = 0;
        let bucket = |(bound, count): (f64, u64)| {
            below += count;
            let mut bucket = proto::Bucket::default();
            bucket.set_upper_bound(bound);
            bucket.set_cumulative_count(below);
            bucket
        };
        let buckets = COMMIT_SECONDS.into_iter().zip(self.counts).map(bucket).collect();
        let mut shown = proto::Histogram::default();
        shown.set_bucket(buckets);
        shown.set_sample_count(self.counts.iter().sum());
        shown.set_sample_sum(self.sum.as_secs_f64());
        shown
    }
}

/// Where a family puts what a shard has of it.
struct Series<'a> {
    labels: &'a [LabelPair],
    kind: MetricType,
    metrics: Vec<proto::Metric>,
}

impl Series<'_> {
    fn add(&mut self, value: f64) {
        self.add_with(&[], value);
    }

    fn add_of_owner(&mut self, shard: &Measured, read: fn(&MeasuredOwner) -> f64) {
        if let Some(owner) = &shard.owner {
            self.add(read(owner));
        }
    }

    fn add_with(&mut self, labels: &[(&str, &str)], value: f64) {
        let mut metric = self.metric(labels);
        if self.kind == MetricType::COUNTER {
            let mut counter = proto::Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = proto::Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        self.metrics.push(metric);
    }

    fn add_latencies(&mut self, latencies: &Latencies) {
        let mut metric = self.metric(&[]);
        metric.set_histogram(latencies.to_proto());
        self.metrics.push(metric);
    }

    fn metric(&self, labels: &[(&str, &str)]) -> proto::Metric {
        let own = labels.iter().map(|(name, value)| pair(name, value));
        proto::Metric::from_label(self.labels.iter().cloned().chain(own).collect())
    }
}

fn pair(name: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}

/// Asks the workers of a node how their shards are, for its metrics.
#[derive(Clone)]
pub struct Measurer {
    workers: Vec<mpsc::Sender<Order>>,
    newest: Newest,
    silent: IntGauge,
}

/// What was measured last.
type Newest = Arc<Mutex<Vec<Measured>>>;

impl Measurer {
    /// Of these workers. Nothing is measured yet.
    pub(crate) fn register(workers: Vec<mpsc::Sender<Order>>, registry: &Registry) -> Result<Self, prometheus::Error> {
        let count = IntGauge::new("tenure_workers", "Worker threads of the node.")?;
        let silent = IntGauge::new(
            "tenure_workers_silent",
            "Worker threads that did not tell their numbers in time, so that their shards are not shown.",
        )?;
        count.set(i64::try_from(workers.len()).unwrap_or(i64::MAX));
        registry.register(Box::new(count))?;
        registry.register(Box::new(silent.clone()))?;
        let newest = Newest::default();
        registry.register(Box::new(Shards::new(Arc::clone(&newest))?))?;
        Ok(Self {
            workers,
            newest,
            silent,
        })
    }

    /// Measures now. Bounded: who tells nothing in time is not waited for.
    pub async fn measure(&self) {
        let told = join_all(self.workers.iter().map(ask)).await;
        let silent = told.iter().filter(|told| told.is_none()).count();
        self.silent.set(i64::try_from(silent).unwrap_or(i64::MAX));
        let measured = told.into_iter().flatten().flatten().collect();
        // Replaced whole or not at all, also if somebody panics.
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = measured;
    }
}

impl fmt::Debug for Measurer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Measurer").finish_non_exhaustive()
    }
}

/// `None`: it did not tell in time, or is gone.
async fn ask(worker: &mpsc::Sender<Order>) -> Option<Vec<Measured>> {
    let (tell, told) = oneshot::channel();
    let asking = async {
        worker.send(Order::Measure(tell)).await.ok()?;
        told.await.ok()
    };
    timeout(TOLD_WITHIN, asking).await.ok().flatten()
}

/// Shows what was measured last.
struct Shards {
    newest: Newest,
    descriptions: Vec<Desc>,
}

impl Shards {
    fn new(newest: Newest) -> Result<Self, prometheus::Error> {
        let labels: Vec<String> = SHARD_LABELS.map(str::to_owned).to_vec();
        let describe = |family: &Family| {
            let (name, help) = (family.name.to_owned(), family.help.to_owned());
            Desc::new(name, help, labels.clone(), HashMap::new())
        };
        let descriptions = SHARD_FAMILIES.iter().map(describe).collect::<Result<_, _>>()?;
        Ok(Self { newest, descriptions })
    }
}

impl Collector for Shards {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        show(&self.newest.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn show(shards: &[Measured]) -> Vec<MetricFamily> {
    let labels: Vec<_> = shards.iter().map(Measured::labels).collect();
    let shown = |family: &Family| {
        let mut metrics = Vec::new();
        for (shard, labels) in shards.iter().zip(&labels) {
            let mut series = Series {
                labels,
                kind: family.kind,
                metrics,
            };
            (family.read)(shard, &mut series);
            metrics = series.metrics;
        }
        let mut shown = MetricFamily::default();
        shown.set_name(family.name.to_owned());
        shown.set_help(family.help.to_owned());
        shown.set_field_type(family.kind);
        shown.set_metric(metrics);
        shown
    };
    SHARD_FAMILIES.iter().map(shown).collect()
}

/// Puts the metrics of a node that has a control plane into a registry.
pub(crate) fn register_control<M>(registry: &Registry, measure: M) -> Result<(), prometheus::Error>
where
    M: Fn() -> MeasuredControl + Clone + Send + Sync + 'static,
{
    for (name, help, read) in CONTROL_FAMILIES {
        let measure = measure.clone();
        let gauge = PullingGauge::new(name, help, Box::new(move || read(&measure())))?;
        registry.register(Box::new(gauge))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
