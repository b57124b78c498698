//! Applying what segments say, in order.
//! Promises: the result is what was written, or a flaw: an entry out of order, a checkpoint that does not add up, an
//! entry that is nowhere. Never touches a file.

use bytes::Bytes;
use tenure_types::GroupId;

use crate::batch::{Kind, Record};
use crate::group_log::{GroupLog, Place, Slot};
use crate::holdings::Holdings;
use crate::{Flaw, GroupState, Purged, Sequence};

/// The log as far as it was read.
pub(crate) struct Replay {
    logs: Vec<GroupLog>,
    holdings: Holdings,
}

impl Replay {
    /// Begins at the checkpoint of the oldest segment. Entries below it are not found yet; later records must drop
    /// them, or they are missing.
    pub(crate) fn begin(checkpoint: &[GroupState]) -> Self {
        let logs: Vec<_> = checkpoint.iter().cloned().map(GroupLog::from_checkpoint).collect();
        let holdings = Holdings::new(logs.len());
        Self { logs, holdings }
    }

    /// Records from now on are in `segment`, whose header says what there was before.
    pub(crate) fn enter(&mut self, segment: Sequence, checkpoint: &[GroupState]) -> Result<(), Flaw> {
        for ((log, state), group) in self.logs.iter().zip(checkpoint).zip(0..) {
            if log.state() != state {
                let group = GroupId::new(group);
                return Err(Flaw::Checkpoint { group });
            }
        }
        self.holdings.begin(segment);
        Ok(())
    }

    pub(crate) fn apply(&mut self, record: &Record<'_>, segment: Sequence, offset: u64) -> Result<(), Flaw> {
        let Record {
            group,
            kind,
            index,
            body,
        } = *record;
        let log = self.logs.get_mut(group.get() as usize).ok_or(Flaw::Malformed)?;
        let mut nothing_cached = Vec::new();
        match kind {
            Kind::Entry => {
                let bytes = u32::try_from(body.len()).map_err(|_| Flaw::Malformed)?;
                let place = Place::Written { segment, offset };
                log.append_written(index, Slot { place, bytes })
                    .map_err(|source| Flaw::Disorder { group, source })?;
                self.holdings.append(group, index);
            }
            Kind::Vote => log.set_vote(Bytes::copy_from_slice(body)),
            Kind::Committed => log.set_committed(Bytes::copy_from_slice(body)),
            Kind::TruncateAfter => {
                log.truncate_after(Some(index), &mut nothing_cached);
                self.holdings.truncate_after(group, Some(index));
            }
            Kind::TruncateAll => {
                log.truncate_after(None, &mut nothing_cached);
                self.holdings.truncate_after(group, None);
            }
            Kind::PurgeUpto => {
                let mark = Bytes::copy_from_slice(body);
                let purged = Purged { index, mark };
                log.purge(&purged, &mut nothing_cached);
                self.holdings.purge(group, &purged);
            }
        }
        Ok(())
    }

    /// The log, if every entry that should be there is.
    pub(crate) fn finish(self) -> Result<(Vec<GroupLog>, Holdings), Flaw> {
        for (log, group) in self.logs.iter().zip(0..) {
            if let Some((first, last)) = log.missing() {
                let group = GroupId::new(group);
                return Err(Flaw::Missing { group, first, last });
            }
        }
        Ok((self.logs, self.holdings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: GroupId = GroupId::new(0);
    const SEGMENT: Sequence = Sequence::FIRST;

    fn holding(first: u64, last: u64) -> GroupState {
        GroupState {
            first: Some(first),
            last: Some(last),
            ..GroupState::default()
        }
    }

    fn record(kind: Kind, index: u64) -> Record<'static> {
        Record {
            group: A,
            kind,
            index,
            body: b"body",
        }
    }

    #[test]
    fn a_checkpoint_that_does_not_add_up_is_refused() {
        let mut replay = Replay::begin(&[GroupState::default()]);
        replay.enter(SEGMENT, &[GroupState::default()]).unwrap();
        replay.apply(&record(Kind::Entry, 4), SEGMENT, 0).unwrap();
        let wrong = replay.enter(SEGMENT.next(), &[holding(4, 5)]);
        assert_eq!(wrong, Err(Flaw::Checkpoint { group: A }));
        replay.enter(SEGMENT.next(), &[holding(4, 4)]).unwrap();
    }

    #[test]
    fn entries_of_a_checkpoint_must_be_purged_or_truncated_by_what_follows() {
        for (kind, index, expected) in [
            (Kind::PurgeUpto, 5, None),
            (Kind::PurgeUpto, 4, Some((5, 5))),
            (Kind::TruncateAll, 0, None),
            (Kind::TruncateAfter, 3, Some((3, 3))),
            (Kind::Entry, 6, Some((3, 5))),
        ] {
            let checkpoint = [holding(3, 5)];
            let mut replay = Replay::begin(&checkpoint);
            replay.enter(SEGMENT, &checkpoint).unwrap();
            replay.apply(&record(kind, index), SEGMENT, 0).unwrap();
            let missing = match replay.finish() {
                Err(Flaw::Missing { first, last, .. }) => Some((first, last)),
                Err(flaw) => panic!("{flaw}"),
                Ok(_) => None,
            };
            assert_eq!(missing, expected, "{kind:?} {index}");
        }
    }

    #[test]
    fn a_gap_in_a_group_is_refused() {
        let mut replay = Replay::begin(&[GroupState::default()]);
        replay.apply(&record(Kind::Entry, 4), SEGMENT, 0).unwrap();
        let gap = replay.apply(&record(Kind::Entry, 6), SEGMENT, 0);
        assert!(matches!(gap, Err(Flaw::Disorder { .. })));
    }
}
