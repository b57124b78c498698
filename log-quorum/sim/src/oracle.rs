//! What must hold of a log, whatever was done to its nodes. Writers and readers tell it what they saw; it judges.
//! Promises: each violation names what was promised and what was found. Never touches the network or the nodes.
//!
//! 1. A record whose append was answered `Ok` is in the stream, as it was sent, at the position it was sent for.
//! 2. No record is in the stream twice, and there is no gap.
//! 3. The chain of the stream holds from its first record to its last.
//! 4. Epochs never go back along the stream.
//! 5. Each epoch is granted to one owner, and its records are that owner's.
//! 6. Of the records of an owner that was told `Fenced` with a bound, those up to it are in the stream, and no others.
//! 7. What a reader was given, on any node, at any time, is what the stream holds there in the end.
//! 8. A renewal that was sent after a later epoch was granted is not answered `Ok`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tenure_log::{Chain, Record};
use tenure_types::{Epoch, Incarnation, Lsn, Owner, StreamId};

/// What was seen of one stream. Clones share it.
#[derive(Clone, Default)]
pub struct Oracle(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    acknowledged: BTreeMap<Lsn, Record>,
    read: BTreeMap<Lsn, Record>,
    owners: BTreeMap<Epoch, Owner>,
    fenced: Vec<FencedOwner>,
    renewals: usize,
    violations: Vec<String>,
    /// What happened, in order: two runs of one seed must give the same.
    trace: u64,
}

struct FencedOwner {
    epoch: Epoch,
    incarnation: Incarnation,
    bound: Option<Lsn>,
    sealed: Vec<(Lsn, Record)>,
}

impl Oracle {
    /// An owner heard that its records up to and with these are in the stream for good.
    pub fn acknowledged(&self, records: impl IntoIterator<Item = (Lsn, Record)>) {
        let mut seen = self.lock();
        for (lsn, record) in records {
            seen.note(&[1, lsn.get(), record.chain.get()]);
            seen.acknowledged.insert(lsn, record);
        }
    }

    /// A fence was granted.
    pub fn granted(&self, epoch: Epoch, owner: Owner) {
        let mut seen = self.lock();
        seen.note(&[2, epoch.get(), owner.incarnation.get()]);
        match seen.owners.insert(epoch, owner) {
            Some(other) if other != owner => {
                let violation = format!("5: epoch {epoch} was granted to {other} and to {owner}");
                seen.violations.push(violation);
            }
            Some(_) | None => {}
        }
    }

    /// The newest epoch that was granted so far.
    pub fn newest_epoch(&self) -> Epoch {
        let seen = self.lock();
        seen.owners.last_key_value().map_or(Epoch::NONE, |(epoch, _)| *epoch)
    }

    /// A renewal of `epoch` was answered `Ok`. `newest_when_sent` was the newest epoch when it was sent.
    pub fn renewed(&self, epoch: Epoch, newest_when_sent: Epoch) {
        let mut seen = self.lock();
        seen.renewals += 1;
        if newest_when_sent > epoch {
            let violation = format!("8: epoch {epoch} was renewed after epoch {newest_when_sent} was granted");
            seen.violations.push(violation);
        }
    }

    /// How many renewals were answered `Ok`.
    pub fn renewals_count(&self) -> usize {
        self.lock().renewals
    }

    /// An owner was told that its epoch is over, and where its part ends.
    pub fn fenced(&self, epoch: Epoch, incarnation: Incarnation, bound: Option<Lsn>, sealed: Vec<(Lsn, Record)>) {
        let mut seen = self.lock();
        seen.note(&[3, epoch.get(), Lsn::count(bound)]);
        seen.fenced.push(FencedOwner {
            epoch,
            incarnation,
            bound,
            sealed,
        });
    }

    /// A reader was given a record.
    pub fn read(&self, lsn: Lsn, record: Record) {
        let mut seen = self.lock();
        match seen.read.insert(lsn, record.clone()) {
            Some(other) if other != record => {
                let violation = format!("7: two readers were given different records at {lsn}");
                seen.violations.push(violation);
            }
            Some(_) | None => {}
        }
    }

    /// How many records were acknowledged.
    pub fn acknowledged_count(&self) -> usize {
        self.lock().acknowledged.len()
    }

    /// How many epochs were granted.
    pub fn epochs_count(&self) -> usize {
        self.lock().owners.len()
    }

    /// Stands for everything that was told, in its order.
    pub fn trace(&self) -> u64 {
        self.lock().trace
    }

    /// Holds everything against the stream as one node has it in the end.
    pub fn judge(&self, stream: StreamId, node: &str, records: &[Record]) -> Vec<String> {
        let seen = self.lock();
        let at: BTreeMap<Lsn, &Record> = Lsn::all_after(None).zip(records).collect();
        let mut violations = seen.violations.clone();
        let mut broken = |violation: String| violations.push(format!("{node}: {violation}"));
        seen.judge_acknowledged(&at, &mut broken);
        judge_order(stream, records, &mut broken);
        seen.judge_owners(&at, &mut broken);
        seen.judge_fenced(&at, &mut broken);
        for (lsn, record) in &seen.read {
            if at.get(lsn) != Some(&record) {
                broken(format!("7: a reader was given another record at {lsn}"));
            }
        }
        violations
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// FNV-1a: it need only differ when the runs do.
    fn note(&mut self, words: &[u64]) {
        for byte in words.iter().flat_map(|word| word.to_le_bytes()) {
            self.trace = (self.trace ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn judge_acknowledged(&self, at: &BTreeMap<Lsn, &Record>, broken: &mut impl FnMut(String)) {
        for (lsn, record) in &self.acknowledged {
            match at.get(lsn) {
                Some(found) if *found == record => {}
                Some(_) => broken(format!("1: the acknowledged record at {lsn} is another one now")),
                None => broken(format!("1: the acknowledged record at {lsn} is lost")),
            }
        }
    }

    fn judge_owners(&self, at: &BTreeMap<Lsn, &Record>, broken: &mut impl FnMut(String)) {
        for (lsn, record) in at {
            let owner = self.owners.get(&record.epoch);
            // An owner that never heard its grant never wrote.
            if owner.is_none_or(|owner| owner.incarnation != record.incarnation) {
                broken(format!(
                    "5: the record at {lsn} is not of the owner of epoch {}",
                    record.epoch
                ));
            }
        }
    }

    fn judge_fenced(&self, at: &BTreeMap<Lsn, &Record>, broken: &mut impl FnMut(String)) {
        for fenced in &self.fenced {
            let FencedOwner { epoch, incarnation, .. } = fenced;
            // Without a bound it is told nothing: it owned too long ago, or never sealed a record.
            let Some(bound) = fenced.bound else { continue };
            for (lsn, record) in &fenced.sealed {
                let is_in = at.get(lsn) == Some(&record);
                if is_in != (*lsn <= bound) {
                    broken(format!(
                        "6: {incarnation} was fenced out of epoch {epoch} at {bound}, and its record at {lsn} is in: {is_in}"
                    ));
                }
            }
        }
    }
}

fn judge_order(stream: StreamId, records: &[Record], broken: &mut impl FnMut(String)) {
    let mut chain = Chain::start_of(stream);
    let mut epoch = Epoch::NONE;
    let mut payloads = BTreeSet::new();
    for (lsn, record) in Lsn::all_after(None).zip(records) {
        if !record.fits(lsn, chain) {
            broken(format!("3: the chain breaks at {lsn}"));
        }
        if record.epoch < epoch {
            broken(format!("4: epoch {} follows {epoch} at {lsn}", record.epoch));
        }
        // Writers give every record a payload of its own.
        if !payloads.insert(&record.payload) {
            broken(format!("2: the record at {lsn} is in the stream before"));
        }
        (chain, epoch) = (record.chain, record.epoch);
    }
}
