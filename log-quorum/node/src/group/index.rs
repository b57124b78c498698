//! Where a group's records are: for each stream, which entry of the journal holds which positions.
//! Promises: it names committed and applied records only, those of the newest history, none that were trimmed. Holds no
//! payload. 32 bytes for each applied append. Leaves to `tail`: reading the entries.

use std::collections::{BTreeMap, VecDeque};

use tenure_log_protocol::Append;
use tenure_types::{Lsn, StreamId};

/// Records of one append that were new when it was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// Position of the first of them.
    pub first: Lsn,
    /// How many there are.
    pub records: u32,
    /// How many records of the append lie before them: a resend may repeat some that were there.
    pub skip: u32,
    /// The entry of the group's journal.
    pub entry: u64,
    /// Where in the entry the append's frame begins.
    pub frame: u32,
}

impl Run {
    /// The position behind its last record; `None` at the end of all positions.
    fn end(&self) -> Option<Lsn> {
        Lsn::new(self.first.get().checked_add(u64::from(self.records))?)
    }

    /// Whether all its records lie at or before `lsn`.
    fn ends_by(&self, lsn: Lsn) -> bool {
        self.end().is_some_and(|end| end.get() - 1 <= lsn.get())
    }
}

/// The runs of every stream.
#[derive(Debug, Default)]
pub(super) struct RecordIndex {
    streams: BTreeMap<StreamId, StreamIndex>,
}

#[derive(Debug, Default)]
struct StreamIndex {
    runs: VecDeque<Run>,
    /// Payload bytes of each run, beside it because only trimming reads them.
    payload_bytes: VecDeque<u32>,
    retained_bytes: u64,
}

impl RecordIndex {
    /// Adds what an applied append added to its stream, whose tail was `tail_before`.
    pub(super) fn add(&mut self, append: &Append, tail_before: Option<Lsn>, entry: u64, frame: u32) {
        let new: Vec<_> = append.numbered().filter(|(lsn, _)| Some(*lsn) > tail_before).collect();
        let Some((first, _)) = new.first() else { return };
        let payload_bytes: usize = new.iter().map(|(_, record)| record.payload.len()).sum();
        let count = |records: usize| u32::try_from(records).unwrap_or(u32::MAX);
        let run = Run {
            first: *first,
            records: count(new.len()),
            skip: count(append.records.len() - new.len()),
            entry,
            frame,
        };
        let stream = self.streams.entry(append.stream).or_default();
        stream.runs.push_back(run);
        // An append is at most 16 MiB.
        stream.payload_bytes.push_back(count(payload_bytes));
        stream.retained_bytes += payload_bytes as u64;
    }

    /// Forgets the runs that lie at or before `trim` whole.
    pub(super) fn trim(&mut self, stream: StreamId, trim: Lsn) {
        let Some(stream) = self.streams.get_mut(&stream) else {
            return;
        };
        while stream.runs.front().is_some_and(|run| run.ends_by(trim)) {
            stream.runs.pop_front();
            let bytes = stream.payload_bytes.pop_front().unwrap_or(0);
            stream.retained_bytes -= u64::from(bytes);
        }
    }

    /// Forgets a stream.
    pub(super) fn remove(&mut self, stream: StreamId) {
        self.streams.remove(&stream);
    }

    /// The run that holds `lsn` and the ones behind it, at most `runs_max`.
    pub(super) fn runs_from(&self, stream: StreamId, lsn: Lsn, runs_max: usize) -> Vec<Run> {
        let Some(stream) = self.streams.get(&stream) else {
            return Vec::new();
        };
        let before = stream
            .runs
            .partition_point(|run| run.end().is_some_and(|end| end <= lsn));
        stream.runs.range(before..).take(runs_max).copied().collect()
    }

    /// Payload bytes of the records that are not trimmed, and of those that share an append with one.
    pub(super) fn retained_bytes(&self, stream: StreamId) -> u64 {
        self.streams.get(&stream).map_or(0, |stream| stream.retained_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use tenure_log_protocol::{Chain, EngineVersion, Record};
    use tenure_types::{Epoch, GroupId, Incarnation, WallTime};

    const STREAM: StreamId = StreamId::new(GroupId::new(0), 1);

    fn at(number: u64) -> Lsn {
        Lsn::new(number).unwrap()
    }

    /// An append of the records `first` to `last`, of ten bytes each.
    fn append(first: u64, last: u64) -> Append {
        let incarnation = Incarnation::new(1).unwrap();
        let record = Record {
            epoch: Epoch::new(1),
            incarnation,
            written_at: WallTime::from_unix_millis(0),
            engine_version: EngineVersion::new(1),
            payload: Bytes::from_static(&[0; 10]),
            chain: Chain::from_stored(0),
        };
        Append {
            stream: STREAM,
            epoch: Epoch::new(1),
            incarnation,
            under_lease: true,
            prev_lsn: Lsn::new(first - 1),
            records: (first..=last).map(|_| record.clone()).collect(),
        }
    }

    /// Records 1 to 3 in entry 5, and 4 to 6 in entry 9, sent again with record 3 before them.
    fn index() -> RecordIndex {
        let mut index = RecordIndex::default();
        index.add(&append(1, 3), None, 5, 1);
        index.add(&append(3, 6), Lsn::new(3), 9, 70);
        index
    }

    const FIRST: Run = Run {
        first: Lsn::FIRST,
        records: 3,
        skip: 0,
        entry: 5,
        frame: 1,
    };

    fn second() -> Run {
        Run {
            first: at(4),
            records: 3,
            skip: 1,
            entry: 9,
            frame: 70,
        }
    }

    #[test]
    fn a_position_is_found_in_the_append_that_added_it() {
        let index = index();
        for lsn in 1..=3 {
            assert_eq!(index.runs_from(STREAM, at(lsn), 9), [FIRST, second()], "{lsn}");
        }
        for lsn in 4..=6 {
            assert_eq!(index.runs_from(STREAM, at(lsn), 9), [second()], "{lsn}");
        }
        assert_eq!(index.runs_from(STREAM, at(7), 9), []);
        assert_eq!(index.runs_from(STREAM, at(1), 1), [FIRST]);
    }

    #[test]
    fn an_append_that_adds_nothing_leaves_no_trace() {
        let mut index = index();
        index.add(&append(2, 6), Lsn::new(6), 11, 1);
        assert_eq!(index.runs_from(STREAM, at(1), 9).len(), 2);
        assert_eq!(index.retained_bytes(STREAM), 60);
    }

    #[test]
    fn an_append_is_forgotten_when_all_of_it_is_trimmed() {
        let mut index = index();
        index.trim(STREAM, at(2));
        assert_eq!(index.runs_from(STREAM, at(3), 9), [FIRST, second()]);
        index.trim(STREAM, at(3));
        assert_eq!(index.runs_from(STREAM, at(3), 9), [second()]);
        assert_eq!(index.retained_bytes(STREAM), 30);
        index.trim(STREAM, at(6));
        assert_eq!(
            (index.runs_from(STREAM, at(1), 9), index.retained_bytes(STREAM)),
            (vec![], 0)
        );
    }

    #[test]
    fn a_stream_that_is_gone_has_no_records() {
        let mut index = index();
        index.remove(STREAM);
        index.trim(STREAM, at(1));
        assert_eq!(
            (index.runs_from(STREAM, at(1), 9), index.retained_bytes(STREAM)),
            (vec![], 0)
        );
    }
}
