//! Which segments hold entries that are still part of the log, as of what is written.
//! Promises: a segment is called free only if no durable entry lives in it. So it never looks at what is merely
//! submitted: a purge that is not durable frees nothing.

use std::collections::VecDeque;

use tenure_types::GroupId;

use crate::{Purged, Sequence};

/// For each segment and group, which entries live there. Within a segment those of a group are always one run: they
/// are appended in order, a truncation takes the end, a purge the beginning.
#[derive(Clone)]
pub(crate) struct Holdings {
    groups: usize,
    segments: VecDeque<Holding>,
}

#[derive(Clone)]
struct Holding {
    sequence: Sequence,
    runs: Vec<Option<Run>>,
}

#[derive(Clone, Copy)]
struct Run {
    first: u64,
    last: u64,
}

impl Holdings {
    pub(crate) fn new(groups: usize) -> Self {
        let segments = VecDeque::new();
        Self { groups, segments }
    }

    /// From now on entries go into this segment.
    pub(crate) fn begin(&mut self, sequence: Sequence) {
        let runs = vec![None; self.groups];
        self.segments.push_back(Holding { sequence, runs });
    }

    pub(crate) fn append(&mut self, group: GroupId, index: u64) {
        let newest = self.segments.back_mut();
        if let Some(run) = newest.and_then(|holding| holding.runs.get_mut(group.get() as usize)) {
            let first = run.map_or(index, |run| run.first);
            *run = Some(Run { first, last: index });
        }
    }

    pub(crate) fn truncate_after(&mut self, group: GroupId, last: Option<u64>) {
        self.narrow(group, |run| match last {
            Some(last) if last >= run.first => Some(Run {
                first: run.first,
                last: run.last.min(last),
            }),
            Some(_) | None => None,
        });
    }

    pub(crate) fn purge(&mut self, group: GroupId, purged: &Purged) {
        self.narrow(group, |run| {
            (run.last > purged.index).then(|| Run {
                first: run.first.max(purged.index.saturating_add(1)),
                last: run.last,
            })
        });
    }

    /// Takes the oldest segment out, if it is free and not the one that is being written.
    pub(crate) fn take_free(&mut self) -> Option<Sequence> {
        let oldest = self.segments.front()?;
        if self.segments.len() < 2 || oldest.runs.iter().any(Option::is_some) {
            return None;
        }
        self.segments.pop_front().map(|oldest| oldest.sequence)
    }

    fn narrow(&mut self, group: GroupId, to: impl Fn(Run) -> Option<Run>) {
        for holding in &mut self.segments {
            if let Some(run) = holding.runs.get_mut(group.get() as usize) {
                *run = run.and_then(&to);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    const A: GroupId = GroupId::new(0);
    const B: GroupId = GroupId::new(1);

    fn purged(index: u64) -> Purged {
        let mark = Bytes::new();
        Purged { index, mark }
    }

    fn three_segments() -> (Holdings, [Sequence; 3]) {
        let first = Sequence::FIRST;
        let sequences = [first, first.next(), first.next().next()];
        let mut holdings = Holdings::new(2);
        for (sequence, indices) in sequences.into_iter().zip([0..3, 3..6, 6..9]) {
            holdings.begin(sequence);
            for index in indices {
                holdings.append(A, index);
            }
        }
        (holdings, sequences)
    }

    #[test]
    fn a_segment_is_free_once_every_group_is_past_it() {
        let (mut holdings, sequences) = three_segments();
        holdings.append(B, 40);
        assert_eq!(holdings.take_free(), None);
        holdings.purge(A, &purged(4));
        assert_eq!(holdings.take_free(), Some(sequences[0]));
        assert_eq!(holdings.take_free(), None, "entry 5 is in it");
        holdings.purge(A, &purged(100));
        assert_eq!(holdings.take_free(), Some(sequences[1]));
        assert_eq!(
            holdings.take_free(),
            None,
            "it is being written, and holds entry 40 of the other group"
        );
    }

    #[test]
    fn a_truncated_entry_holds_no_segment() {
        let (mut holdings, sequences) = three_segments();
        holdings.truncate_after(A, Some(1));
        holdings.append(A, 2);
        holdings.purge(A, &purged(1));
        assert_eq!(holdings.take_free(), Some(sequences[0]));
        assert_eq!(holdings.take_free(), Some(sequences[1]));
        assert_eq!(holdings.take_free(), None);
    }
}
