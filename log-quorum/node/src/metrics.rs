//! What is counted and measured of a log node: names, units and label values of its metrics, in one place.
//! Promises: a scrape reads what is there, under locks that nobody holds while waiting, and asks neither the disk nor a peer.
//! Nothing runs for a metric while nobody asks. Leaves to the caller: the registry, and who may read it.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus::core::{Collector, Desc};
use prometheus::proto::{self, LabelPair, MetricFamily, MetricType};
use prometheus::{Histogram, HistogramOpts, PullingGauge, Registry};
use tenure_log_storage::{Disk, DiskFile, Usage, Wal};
use tenure_types::{BootTime, Clock, GroupId};

use crate::group::Group;

/// Upper bounds, in seconds: from a disk with a battery behind it to one that stalls for an election.
const FSYNC_SECONDS: [f64; 12] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0,
];

/// Upper bounds: from one block to the largest batch.
const BATCH_BYTES: [f64; 11] = [
    4096.0,
    8192.0,
    16384.0,
    32768.0,
    65536.0,
    131_072.0,
    262_144.0,
    524_288.0,
    1_048_576.0,
    2_097_152.0,
    4_194_304.0,
];

const FSYNC_FAMILY: (&str, &str) = (
    "tenure_log_fsync_seconds",
    "How long the syncs of the journal's batches took. Nothing is acknowledged before one.",
);
const BATCH_FAMILY: (&str, &str) = (
    "tenure_log_batch_bytes",
    "Bytes of the batches that one sync each made durable, padding included.",
);

/// One name that each log group has.
struct Family {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    read: fn(&MeasuredGroup) -> f64,
}

const fn counter(name: &'static str, help: &'static str, read: fn(&MeasuredGroup) -> f64) -> Family {
    let kind = MetricType::COUNTER;
    Family { name, help, kind, read }
}

const fn gauge(name: &'static str, help: &'static str, read: fn(&MeasuredGroup) -> f64) -> Family {
    let kind = MetricType::GAUGE;
    Family { name, help, kind, read }
}

/// Of each group, with its number as the label `group`. `ops/docs/metrics.md` has the same for people.
const GROUP_FAMILIES: &[Family] = &[
    gauge(
        "tenure_raft_is_leader",
        "Whether this node leads the log group.",
        |group| f64::from(u8::from(group.is_leader)),
    ),
    gauge(
        "tenure_raft_has_leader",
        "Whether this node knows a leader of the log group.",
        |group| f64::from(u8::from(group.has_leader)),
    ),
    gauge(
        "tenure_raft_term",
        "The newest term that this node has seen.",
        |group| group.term as f64,
    ),
    gauge(
        "tenure_raft_committed_index",
        "The last entry that this node knows to be on the disks of a majority; 0 is before the first.",
        |group| group.committed as f64,
    ),
    gauge(
        "tenure_raft_applied_index",
        "The last entry that this node has applied; 0 is before the first.",
        |group| group.applied as f64,
    ),
    counter(
        "tenure_raft_leader_changes_total",
        "Times that this node saw another leader than before, or none.",
        |group| group.leader_changes as f64,
    ),
    gauge("tenure_log_streams", "Streams of the log group.", |group| {
        group.streams as f64
    }),
    gauge(
        "tenure_log_tail_readers",
        "Readers of streams that are connected to this node: replicas, and owners that load.",
        |group| group.tail_readers as f64,
    ),
    counter(
        "tenure_log_appends_total",
        "Appends that this node has applied, refused ones included. It applies its whole log anew after a start.",
        |group| group.appends as f64,
    ),
    counter(
        "tenure_log_entries_total",
        "Entries with calls that this node has applied. Appends share them: more of these in one is better.",
        |group| group.entries as f64,
    ),
];

/// Name, help, and what it shows.
type JournalFamily = (&'static str, &'static str, fn(&Usage) -> f64);

/// Of the journal, which all groups of a node share.
const JOURNAL_FAMILIES: [JournalFamily; 4] = [
    (
        "tenure_log_disk_used_bytes",
        "Bytes that the journal's files take on the disk, those that are ready for use included.",
        |usage| usage.allocated_bytes as f64,
    ),
    (
        "tenure_log_live_bytes",
        "Bytes of the entries in the journal that are needed.",
        |usage| usage.live_bytes as f64,
    ),
    (
        "tenure_log_queued_bytes",
        "Bytes that wait to be written to the journal and synced.",
        |usage| usage.queued_bytes as f64,
    ),
    (
        "tenure_log_stalled",
        "Whether the journal waits for space on the disk. Nothing is acknowledged by this node meanwhile.",
        |usage| f64::from(u8::from(usage.stalled)),
    ),
];

/// A group at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MeasuredGroup {
    pub(crate) is_leader: bool,
    pub(crate) has_leader: bool,
    pub(crate) term: u64,
    pub(crate) committed: u64,
    pub(crate) applied: u64,
    pub(crate) leader_changes: u64,
    pub(crate) streams: usize,
    pub(crate) tail_readers: usize,
    pub(crate) appends: u64,
    pub(crate) entries: u64,
}

/// Counts the syncs of a journal.
pub(crate) struct Syncs {
    seconds: Histogram,
    batch_bytes: Histogram,
    clock: Arc<dyn Clock>,
}

impl Syncs {
    pub(crate) fn register(registry: &Registry, clock: Arc<dyn Clock>) -> Result<Self, prometheus::Error> {
        let histogram = |(name, help): (&str, &str), bounds: &[f64]| {
            let histogram = Histogram::with_opts(HistogramOpts::new(name, help).buckets(bounds.to_vec()))?;
            registry.register(Box::new(histogram.clone()))?;
            Ok::<_, prometheus::Error>(histogram)
        };
        Ok(Self {
            seconds: histogram(FSYNC_FAMILY, &FSYNC_SECONDS)?,
            batch_bytes: histogram(BATCH_FAMILY, &BATCH_BYTES)?,
            clock,
        })
    }

    fn synced(&self, since: BootTime, bytes: u64) {
        self.seconds
            .observe(self.clock.boot().elapsed_since(since).as_secs_f64());
        self.batch_bytes.observe(bytes as f64);
    }
}

/// Puts the metrics of the journal into a registry. `limit_bytes` is where credit ends.
pub(crate) fn register_journal(registry: &Registry, wal: &Wal, limit_bytes: u64) -> Result<(), prometheus::Error> {
    for (name, help, read) in JOURNAL_FAMILIES {
        let wal = wal.clone();
        let gauge = PullingGauge::new(name, help, Box::new(move || read(&wal.usage())))?;
        registry.register(Box::new(gauge))?;
    }
    let help = "Where the log stops granting credit, so that it never fills the disk.";
    let limit = PullingGauge::new(
        "tenure_log_disk_limit_bytes",
        help,
        Box::new(move || limit_bytes as f64),
    )?;
    registry.register(Box::new(limit))
}

/// Puts the metrics of the groups into a registry.
pub(crate) fn register_groups(registry: &Registry, groups: &Arc<Vec<Group>>) -> Result<(), prometheus::Error> {
    let describe = |family: &Family| {
        let (name, help) = (family.name.to_owned(), family.help.to_owned());
        Desc::new(name, help, vec!["group".to_owned()], HashMap::new())
    };
    registry.register(Box::new(Groups {
        groups: Arc::clone(groups),
        descriptions: GROUP_FAMILIES.iter().map(describe).collect::<Result<_, _>>()?,
    }))
}

struct Groups {
    groups: Arc<Vec<Group>>,
    descriptions: Vec<Desc>,
}

impl Collector for Groups {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let measured = self.groups.iter().map(|group| (group.id(), group.measure()));
        show(&measured.collect::<Vec<_>>())
    }
}

fn show(groups: &[(GroupId, MeasuredGroup)]) -> Vec<MetricFamily> {
    let shown = |family: &Family| {
        let metrics = groups
            .iter()
            .map(|(id, group)| metric(family.kind, *id, (family.read)(group)));
        let mut shown = MetricFamily::default();
        shown.set_name(family.name.to_owned());
        shown.set_help(family.help.to_owned());
        shown.set_field_type(family.kind);
        shown.set_metric(metrics.collect());
        shown
    };
    GROUP_FAMILIES.iter().map(shown).collect()
}

fn metric(kind: MetricType, group: GroupId, value: f64) -> proto::Metric {
    let mut label = LabelPair::default();
    label.set_name("group".to_owned());
    label.set_value(group.get().to_string());
    let mut metric = proto::Metric::from_label(vec![label]);
    if kind == MetricType::COUNTER {
        let mut counter = proto::Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
    } else {
        let mut gauge = proto::Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    }
    metric
}

/// The disk of a journal, with its syncs counted. What is synced whole, length and all, is a file that was just made and no
/// batch.
pub(crate) struct CountedDisk {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) syncs: Arc<Syncs>,
}

struct CountedFile {
    file: Arc<dyn DiskFile>,
    syncs: Arc<Syncs>,
    /// Bytes that were written since the last sync.
    unsynced_bytes: AtomicU64,
}

impl CountedDisk {
    fn counted(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(CountedFile {
            file,
            syncs: Arc::clone(&self.syncs),
            unsynced_bytes: AtomicU64::new(0),
        })
    }
}

impl Disk for CountedDisk {
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.counted(self.disk.open(name)?))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.counted(self.disk.create(name)?))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.disk.sync_folder()
    }
}

impl DiskFile for CountedFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, bytes)?;
        self.unsynced_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let begun = self.syncs.clock.boot();
        self.file.sync()?;
        self.syncs.synced(begun, self.unsynced_bytes.swap(0, Ordering::Relaxed));
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()?;
        self.unsynced_bytes.store(0, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
