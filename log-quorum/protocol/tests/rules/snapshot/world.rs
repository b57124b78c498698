//! Tables that take the same calls, and all records they were ever sent.
//! Promises: the tables answer alike and end alike, or the test fails.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::Index;
use tenure_log_protocol::*;
use tenure_types::{GroupId, Lsn, Owner, StreamId, TenantId, WallTime};

use crate::writer::*;

pub(crate) fn stream(number: u32) -> StreamId {
    StreamId::new(GroupId::new(7), number)
}

/// One thing that happens to a stream. An [`Index`] picks among the records there are by then.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Create { tenant: u64, restore_window: bool },
    Fence { node: u64, leases: Vec<u32> },
    Write { records: usize },
    Resend { first: Index },
    Release,
    Trim { points: [Index; 3] },
    Delete,
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<(u32, Step)>> {
    let step = prop_oneof![
        2 => (1..3u64, any::<bool>()).prop_map(|(tenant, restore_window)| Step::Create { tenant, restore_window }),
        9 => (1..4u64, prop::collection::vec(1..10_000u32, 1..6)).prop_map(|(node, leases)| Step::Fence { node, leases }),
        9 => (1..300usize).prop_map(|records| Step::Write { records }),
        3 => any::<Index>().prop_map(|first| Step::Resend { first }),
        4 => Just(Step::Release),
        3 => any::<[Index; 3]>().prop_map(|points| Step::Trim { points }),
        1 => prop::bool::weighted(0.3).prop_map(|is_deleted| match is_deleted {
            true => Step::Delete,
            false => Step::Release,
        }),
    ];
    prop::collection::vec((1..4u32, step), 0..80)
}

#[derive(Debug, Clone)]
pub(crate) struct World {
    tables: Vec<StreamTable>,
    sent: BTreeMap<(StreamId, Lsn), Record>,
}

impl World {
    /// One table, with streams 1 and 2.
    pub(crate) fn new() -> Self {
        let mut world = Self {
            tables: vec![StreamTable::new(lease_max())],
            sent: BTreeMap::new(),
        };
        for number in [1, 2] {
            world.create(number, 1, false);
        }
        world
    }

    pub(crate) fn table(&self) -> &StreamTable {
        let (table, others) = self.tables.split_first().unwrap();
        assert!(others.iter().all(|other| other == table));
        table
    }

    /// Another table, which takes all calls from now on.
    pub(crate) fn join(&mut self, table: StreamTable) {
        self.tables.push(table);
    }

    pub(crate) fn take(&mut self, number: u32, step: &Step) {
        match step {
            Step::Create { tenant, restore_window } => self.create(number, *tenant, *restore_window),
            Step::Fence { node, leases } => leases.iter().for_each(|lease| self.fence(number, *node, *lease)),
            Step::Write { records } => self.write(number, *records),
            Step::Resend { first } => self.resend(number, first),
            Step::Release => self.release(number),
            Step::Trim { points } => self.trim_at(number, points),
            Step::Delete => self.delete(number),
        }
    }

    pub(crate) fn create(&mut self, number: u32, tenant: u64, restore_window: bool) {
        self.apply(&Call::Create(Create {
            stream: stream(number),
            tenant: TenantId::new(tenant),
            restore_window,
        }));
    }

    pub(crate) fn fence(&mut self, number: u32, node: u64, millis: u32) {
        let Some(epoch) = self.table().stream(stream(number)).map(Stream::epoch) else {
            return;
        };
        let incarnation = life(0x1000 + epoch.get());
        self.apply(&Call::Fence(Fence {
            stream: stream(number),
            expect_epoch: epoch,
            owner: Owner {
                incarnation,
                ..owner(node)
            },
            lease: lease(millis),
            nomination: Nomination::ByControlPlane,
        }));
    }

    /// The owner appends so many records, in as few calls as it may.
    pub(crate) fn write(&mut self, number: u32, records: usize) {
        for begin in (0..records).step_by(APPEND_RECORDS_MAX) {
            self.append(number, APPEND_RECORDS_MAX.min(records - begin));
        }
    }

    fn append(&mut self, number: u32, records: usize) {
        let Some(description) = self.table().describe(stream(number)) else {
            return;
        };
        let Some(ownership) = description.ownership else {
            return;
        };
        let mut chain = description.chain;
        let seal = |lsn: Lsn| {
            let payload = format!("record {lsn}");
            let draft = Draft {
                epoch: ownership.epoch,
                incarnation: ownership.owner.incarnation,
                written_at: WallTime::from_unix_millis(1_700_000_000_000),
                engine_version: EngineVersion::new(1),
                payload: Bytes::from(payload),
            };
            let record = draft.seal(lsn, chain);
            chain = record.chain;
            (lsn, record)
        };
        let sealed: Vec<_> = Lsn::all_after(description.tail).take(records).map(seal).collect();
        let append = append_of(
            number,
            description.tail,
            sealed.iter().map(|(_, record)| record.clone()),
        );
        if let Answer::Append(Ok(AppendVerdict::Ok { .. })) = self.apply(&Call::Append(append)) {
            let sent = sealed.into_iter().map(|(lsn, record)| ((stream(number), lsn), record));
            self.sent.extend(sent);
        }
    }

    /// Whoever sent an old record sends it again, and its next ones.
    fn resend(&mut self, number: u32, first: &Index) {
        let records = self.sent_to(number);
        if records.is_empty() {
            return;
        }
        let first = first.index(records.len());
        let epoch = records[first].epoch;
        let again = records[first..].iter().take_while(|record| record.epoch == epoch);
        let append = append_of(number, Lsn::new(first as u64), again.take(APPEND_RECORDS_MAX).cloned());
        self.apply(&Call::Append(append));
    }

    pub(crate) fn release(&mut self, number: u32) {
        let ownership = self.table().stream(stream(number)).and_then(Stream::ownership);
        if let Some(&Ownership { epoch, owner, .. }) = ownership {
            self.apply(&Call::Release(Release {
                stream: stream(number),
                epoch,
                incarnation: owner.incarnation,
            }));
        }
    }

    fn trim_at(&mut self, number: u32, points: &[Index; 3]) {
        let records = self.sent_to(number).len();
        if records > 0 {
            let mut points = points.map(|point| point.index(records) as u64 + 1);
            points.sort_unstable();
            let [upto, second_newest, newest] = points;
            self.trim(number, upto, second_newest, newest);
        }
    }

    pub(crate) fn trim(&mut self, number: u32, upto: u64, second_newest: u64, newest: u64) {
        let point = |lsn| StreamPoint {
            lsn: at(lsn),
            chain: self.sent[&(stream(number), at(lsn))].chain,
        };
        let (second_newest, newest) = (point(second_newest), point(newest));
        self.apply(&Call::Trim(Trim {
            stream: stream(number),
            upto: at(upto),
            newest,
            second_newest,
            archived: Some(newest),
        }));
    }

    pub(crate) fn delete(&mut self, number: u32) {
        self.apply(&Call::Delete(Delete { stream: stream(number) }));
        self.sent.retain(|(of, _), _| *of != stream(number));
    }

    fn sent_to(&self, number: u32) -> Vec<Record> {
        let of = self.sent.iter().filter(|((of, _), _)| *of == stream(number));
        of.map(|(_, record)| record.clone()).collect()
    }

    fn apply(&mut self, call: &Call) -> Answer {
        let answers: Vec<Answer> = self.tables.iter_mut().map(|table| table.apply(call)).collect();
        assert!(
            answers.iter().all(|answer| *answer == answers[0]),
            "{answers:?} to {call:?}"
        );
        answers[0]
    }
}

fn append_of(number: u32, prev_lsn: Option<Lsn>, records: impl Iterator<Item = Record>) -> Append {
    let records: Vec<Record> = records.collect();
    Append {
        stream: stream(number),
        epoch: records[0].epoch,
        incarnation: records[0].incarnation,
        under_lease: true,
        prev_lsn,
        records,
    }
}
