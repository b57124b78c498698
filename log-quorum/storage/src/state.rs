//! What the log holds of one group, without the entries themselves.
//! Promises: the same changes in the same order give the same state, whoever applies them: the caller's submission,
//! the writer, the replay of a segment. The checkpoints in segment headers rely on it.

use bytes::Bytes;

/// What is stored of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupState {
    /// The newest vote.
    pub vote: Option<Bytes>,
    /// The newest commit mark.
    pub committed: Option<Bytes>,
    /// Up to where entries were purged.
    pub purged: Option<Purged>,
    /// Index of the first entry, if there is one.
    pub first: Option<u64>,
    /// Index of the last entry, if there is one.
    pub last: Option<u64>,
}

/// Up to where a group was purged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purged {
    /// Entries up to this index are gone, this one included.
    pub index: u64,
    /// What the caller wants to know about it later.
    pub mark: Bytes,
}

/// An entry whose index does not continue its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("entry {found} does not continue the group, whose next entry is {next}")]
pub struct Disorder {
    /// The index it came with.
    pub found: u64,
    /// The index that would continue the group; the least of them where several do.
    pub next: u64,
}

impl GroupState {
    /// The entry `index` follows the last one. An empty log takes any index above what was purged.
    pub(crate) fn append(&mut self, index: u64) -> Result<(), Disorder> {
        match self.last {
            Some(last) if last.checked_add(1) == Some(index) => self.last = Some(index),
            Some(last) => {
                let next = last.saturating_add(1);
                return Err(Disorder { found: index, next });
            }
            None => {
                let purged = self.purged.as_ref().map(|purged| purged.index);
                if purged.is_some_and(|purged| index <= purged) {
                    let next = purged.map_or(0, |purged| purged.saturating_add(1));
                    return Err(Disorder { found: index, next });
                }
                self.first = Some(index);
                self.last = Some(index);
            }
        }
        Ok(())
    }

    /// Entries above `last` are dropped, all of them if it is `None`.
    pub(crate) fn truncate_after(&mut self, last: Option<u64>) {
        let (Some(first), Some(end)) = (self.first, self.last) else {
            return;
        };
        match last {
            Some(last) if last >= first => self.last = Some(end.min(last)),
            Some(_) | None => self.clear_entries(),
        }
    }

    /// Entries up to `purged.index` are dropped. A purge that says less than an earlier one changes nothing.
    pub(crate) fn purge(&mut self, purged: &Purged) {
        if self
            .purged
            .as_ref()
            .is_some_and(|earlier| earlier.index >= purged.index)
        {
            return;
        }
        if let (Some(first), Some(last)) = (self.first, self.last) {
            if last <= purged.index {
                self.clear_entries();
            } else {
                self.first = Some(first.max(purged.index.saturating_add(1)));
            }
        }
        self.purged = Some(purged.clone());
    }

    fn clear_entries(&mut self) {
        self.first = None;
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purged(index: u64) -> Purged {
        Purged {
            index,
            mark: Bytes::from_static(b"m"),
        }
    }

    fn holding(first: u64, last: u64) -> GroupState {
        GroupState {
            first: Some(first),
            last: Some(last),
            ..GroupState::default()
        }
    }

    #[test]
    fn entries_continue_the_group_or_are_refused() {
        let mut state = GroupState::default();
        state.append(7).unwrap();
        assert_eq!(state.append(9), Err(Disorder { found: 9, next: 8 }));
        assert_eq!(state.append(7), Err(Disorder { found: 7, next: 8 }));
        state.append(8).unwrap();
        assert_eq!(state, holding(7, 8));
    }

    #[test]
    fn a_purge_may_go_beyond_the_last_entry_but_never_back() {
        let mut state = holding(3, 8);
        state.purge(&purged(5));
        assert_eq!((state.first, state.last), (Some(6), Some(8)));
        state.purge(&purged(4));
        assert_eq!(state.purged, Some(purged(5)));
        state.purge(&purged(20));
        assert_eq!((state.first, state.last), (None, None));
        assert_eq!(state.append(20), Err(Disorder { found: 20, next: 21 }));
        state.append(21).unwrap();
    }

    #[test]
    fn truncation_drops_what_is_above() {
        for (after, expected) in [
            (None, GroupState::default()),
            (Some(2), GroupState::default()),
            (Some(3), holding(3, 3)),
            (Some(7), holding(3, 7)),
            (Some(9), holding(3, 8)),
        ] {
            let mut state = holding(3, 8);
            state.truncate_after(after);
            assert_eq!(state, expected, "after {after:?}");
        }
    }
}
