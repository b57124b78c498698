//! Delete: a stream stops to exist, with all its records.
//! Promises: repeating it changes nothing, and a Create that comes after it, though sent before, has no effect.
//! Leaves to the control plane: being sure. To `node`: freeing the bytes.

use std::collections::VecDeque;

use tenure_types::StreamId;

use crate::limits::TOMBSTONES_MAX;

/// Ends a stream. Deleting one that does not exist succeeds: it may be a repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delete {
    /// The stream.
    pub stream: StreamId,
}

/// The newest deleted ids, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Tombstones(VecDeque<StreamId>);

impl Tombstones {
    /// As a snapshot has them. Leaves to the caller whether they can be.
    pub(crate) fn from_stored(ids: VecDeque<StreamId>) -> Self {
        Self(ids)
    }

    /// The remembered ids, oldest first.
    pub(crate) fn ids(&self) -> &VecDeque<StreamId> {
        &self.0
    }

    /// Remembers `stream` as deleted; a repeat keeps its place.
    pub(crate) fn add(&mut self, stream: StreamId) {
        if self.covers(stream) {
            return;
        }
        if self.0.len() == TOMBSTONES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(stream);
    }

    /// Whether `stream` is one of the newest deleted. Looks through all: streams are created rarely.
    pub(crate) fn covers(&self, stream: StreamId) -> bool {
        self.0.contains(&stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_types::GroupId;

    #[test]
    fn the_newest_deleted_ids_are_remembered() {
        let mut tombstones = Tombstones::default();
        let count = u32::try_from(TOMBSTONES_MAX).unwrap() + 1;
        for number in 0..count {
            tombstones.add(StreamId::new(GroupId::new(0), number));
            tombstones.add(StreamId::new(GroupId::new(0), number));
        }
        assert!(
            !tombstones.covers(StreamId::new(GroupId::new(0), 0)),
            "the oldest made room"
        );
        assert!((1..count).all(|number| tombstones.covers(StreamId::new(GroupId::new(0), number))));
    }
}
