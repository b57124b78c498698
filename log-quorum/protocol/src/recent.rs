//! The newest chains of a stream: its tail, and how a resend is told from a different history.
//! Promises: one place holds tail and chain together, so they cannot disagree; memory is bounded by
//! [`RECENT_RECORDS_MAX`]. Never looks at payloads.

use std::collections::VecDeque;

use tenure_types::{Lsn, StreamId};

use crate::Chain;
use crate::limits::RECENT_RECORDS_MAX;

/// Tail and chain of a stream, and the chain at each of the positions just before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecentChains {
    tail: Option<Lsn>,
    chain: Chain,
    /// Chains at tail − 1, tail − 2, … so that the newest [`RECENT_RECORDS_MAX`] records can be checked again.
    earlier: VecDeque<Chain>,
}

impl RecentChains {
    /// Of a stream without records.
    pub(crate) fn of_empty(stream: StreamId) -> Self {
        Self {
            tail: None,
            chain: Chain::start_of(stream),
            earlier: VecDeque::new(),
        }
    }

    /// As a snapshot has them. Leaves to the caller whether they can be.
    pub(crate) fn from_stored(tail: Option<Lsn>, chain: Chain, earlier: VecDeque<Chain>) -> Self {
        Self { tail, chain, earlier }
    }

    /// Position of the newest record.
    pub(crate) fn tail(&self) -> Option<Lsn> {
        self.tail
    }

    /// The chain at the tail.
    pub(crate) fn chain(&self) -> Chain {
        self.chain
    }

    /// The chains at tail − 1, tail − 2, … as far as they are remembered.
    pub(crate) fn earlier(&self) -> &VecDeque<Chain> {
        &self.earlier
    }

    /// The chain at `position`; `None` if that is past the tail or no longer remembered.
    pub(crate) fn chain_at(&self, position: Option<Lsn>) -> Option<Chain> {
        let behind_tail = usize::try_from(Lsn::distance(position, self.tail)?).ok()?;
        match behind_tail.checked_sub(1) {
            None => Some(self.chain),
            Some(index) => self.earlier.get(index).copied(),
        }
    }

    /// Moves the tail to `lsn`, the position after it, whose chain is `chain`.
    pub(crate) fn push(&mut self, lsn: Lsn, chain: Chain) {
        debug_assert_eq!(Lsn::after(self.tail), Some(lsn), "a stream has no gaps");
        if self.earlier.len() == RECENT_RECORDS_MAX {
            self.earlier.pop_back();
        }
        self.earlier.push_front(self.chain);
        self.tail = Some(lsn);
        self.chain = chain;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_types::GroupId;

    fn with_records(records: u64) -> RecentChains {
        let mut recent = RecentChains::of_empty(StreamId::new(GroupId::new(0), 1));
        for lsn in Lsn::all_after(None).take(usize::try_from(records).unwrap()) {
            recent.push(lsn, Chain::from_stored(lsn.get()));
        }
        recent
    }

    #[test]
    fn an_empty_stream_has_the_chain_of_its_id() {
        let recent = with_records(0);
        assert_eq!(recent.tail(), None);
        assert_eq!(
            recent.chain_at(None),
            Some(Chain::start_of(StreamId::new(GroupId::new(0), 1)))
        );
        assert_eq!(recent.chain_at(Lsn::new(1)), None, "past the tail");
    }

    #[test]
    fn exactly_the_newest_records_can_be_checked_again() {
        let k = RECENT_RECORDS_MAX as u64;
        let recent = with_records(k + 10);
        assert_eq!(recent.chain_at(Lsn::new(k + 11)), None, "past the tail");
        assert_eq!(recent.chain_at(Lsn::new(k + 10)), Some(Chain::from_stored(k + 10)));
        assert_eq!(
            recent.chain_at(Lsn::new(10)),
            Some(Chain::from_stored(10)),
            "the record before the oldest of K"
        );
        assert_eq!(recent.chain_at(Lsn::new(9)), None, "too old");
        assert_eq!(recent.earlier.len(), RECENT_RECORDS_MAX);
    }
}
