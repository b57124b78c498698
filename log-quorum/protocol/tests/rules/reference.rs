//! A naive stream to hold the real one against: it keeps everything ever accepted and every fence, and judges each
//! call from them anew. It forgets nothing, so it has no windows; runs must stay shorter than the real one's.

use tenure_log_protocol::*;
use tenure_types::{Epoch, Incarnation, LeaseLength, Lsn, Owner};

use crate::writer::{STREAM, lease_max};

#[derive(Debug, Default)]
pub(crate) struct Reference {
    pub(crate) accepted: Vec<Record>,
    epochs: Vec<Begun>,
    trimmed: usize,
}

#[derive(Debug)]
struct Begun {
    owner: Owner,
    lease: LeaseLength,
    /// How many records there were.
    at: usize,
    released: bool,
}

impl Reference {
    pub(crate) fn apply(&mut self, call: &Call) -> Answer {
        match call {
            Call::Append(append) => Answer::Append(self.append(append)),
            Call::Fence(fence) => Answer::Fence(self.fence(fence)),
            Call::Release(release) => Answer::Release(self.release(release)),
            Call::Trim(trim) => Answer::Trim(self.trim(trim)),
            Call::Create(_) | Call::Delete(_) => unreachable!("the runs have one stream"),
        }
    }

    pub(crate) fn chain(&self) -> Chain {
        self.chain_behind(self.accepted.len())
    }

    pub(crate) fn epoch(&self) -> Epoch {
        Epoch::new(self.epochs.len() as u64)
    }

    fn tail(&self) -> Option<Lsn> {
        Lsn::new(self.accepted.len() as u64)
    }

    fn chain_behind(&self, records: usize) -> Chain {
        self.accepted[..records]
            .last()
            .map_or(Chain::start_of(STREAM), |record| record.chain)
    }

    fn begun(&self, epoch: Epoch) -> Option<&Begun> {
        self.epochs.get(usize::try_from(epoch.get()).unwrap().checked_sub(1)?)
    }

    /// `Ok` for the holder; else what a sender of this epoch and incarnation is told.
    fn holds(&self, epoch: Epoch, incarnation: Incarnation) -> Result<(), NotHeld> {
        if epoch > self.epoch() {
            return Err(NotHeld::Ahead { current: self.epoch() });
        }
        let is_its_own = self
            .begun(epoch)
            .is_some_and(|begun| begun.owner.incarnation == incarnation);
        let is_over = epoch < self.epoch() || self.epochs.last().is_some_and(|begun| begun.released);
        if is_its_own && !is_over {
            return Ok(());
        }
        let forgotten = self.epoch().get() - epoch.get() >= OWNERSHIPS_MAX as u64;
        let its_end = match self.begun(epoch) {
            None => 0,
            Some(_) if forgotten => 0,
            Some(_) if !is_its_own => 0,
            Some(_) => self
                .begun(epoch.next().unwrap())
                .map_or(self.accepted.len(), |next| next.at),
        };
        Err(NotHeld::Fenced(Fenced {
            epoch: self.epoch(),
            fence_lsn: Lsn::new(its_end as u64),
        }))
    }

    fn append(&mut self, append: &Append) -> Result<AppendVerdict, Unsettled> {
        match self.holds(append.epoch, append.incarnation) {
            Ok(()) => {}
            Err(NotHeld::Fenced(fenced)) => return Ok(AppendVerdict::Fenced(fenced)),
            Err(NotHeld::Ahead { current }) => return Err(Unsettled::Ahead { current }),
            Err(NotHeld::NoStream) => return Err(Unsettled::NoStream),
        }
        let known = usize::try_from(Lsn::count(append.prev_lsn)).unwrap();
        if known > self.accepted.len() {
            return Err(Unsettled::Gap { tail: self.tail() });
        }
        let mut would_be = self.accepted[..known].to_vec();
        for record in &append.records {
            let at = Lsn::new(would_be.len() as u64 + 1).unwrap();
            let previous = would_be.last().map_or(Chain::start_of(STREAM), |record| record.chain);
            let is_there = self
                .accepted
                .get(would_be.len())
                .is_none_or(|accepted| accepted == record);
            if !is_there || !record.fits(at, previous) {
                return Err(Unsettled::Diverged { at });
            }
            would_be.push(record.clone());
        }
        let lsn = Lsn::new(would_be.len() as u64).unwrap();
        if would_be.len() > self.accepted.len() {
            self.accepted = would_be;
        }
        Ok(AppendVerdict::Ok { lsn })
    }

    fn fence(&mut self, fence: &Fence) -> Result<Granted, FenceRefused> {
        let current = self.epochs.last().map(|begun| begun.owner);
        let held = self.epochs.last().is_some_and(|begun| !begun.released);
        let repeated = held && fence.expect_epoch.next() == Some(self.epoch()) && Some(fence.owner) == current;
        if !repeated {
            if fence.lease > lease_max() {
                return Err(FenceRefused::LeaseTooLong {
                    asked: fence.lease,
                    max: lease_max(),
                });
            }
            if fence.expect_epoch != self.epoch() {
                return Err(FenceRefused::Lost {
                    expected: fence.expect_epoch,
                    epoch: self.epoch(),
                    owner: current,
                });
            }
            let stale = |expect_tail| expect_tail != self.tail();
            if let Nomination::BySelf { expect_tail: expected } = fence.nomination
                && stale(expected)
            {
                let tail = self.tail();
                return Err(FenceRefused::TailMoved { expected, tail });
            }
            let at = self.accepted.len();
            self.epochs.push(Begun {
                owner: fence.owner,
                lease: fence.lease,
                at,
                released: false,
            });
        }
        let (begun, earlier) = self.epochs.split_last().unwrap();
        let longest = earlier.iter().map(|earlier| earlier.lease).max();
        let waits = earlier.last().is_some_and(|before| !before.released);
        Ok(Granted {
            epoch: self.epoch(),
            lease: begun.lease,
            fence_lsn: Lsn::new(begun.at as u64),
            tail: self.tail(),
            chain: self.chain(),
            appended_bytes: self.accepted.iter().map(Record::charged_bytes).sum(),
            wait_out: longest.filter(|_| waits).map_or(WaitOut::Nothing, WaitOut::For),
        })
    }

    fn release(&mut self, release: &Release) -> Result<Released, NotHeld> {
        let is_its_own = self
            .epochs
            .last()
            .is_some_and(|begun| begun.owner.incarnation == release.incarnation);
        let repeated = is_its_own && release.epoch == self.epoch();
        match self.holds(release.epoch, release.incarnation) {
            Err(not_held) if !repeated => Err(not_held),
            Ok(()) | Err(_) => {
                self.epochs.last_mut().unwrap().released = true;
                Ok(Released { lsn: self.tail() })
            }
        }
    }

    fn trim(&mut self, trim: &Trim) -> Result<Trimmed, TrimRefused> {
        for StreamPoint { lsn, chain } in [trim.newest, trim.second_newest] {
            if Some(lsn) > self.tail() {
                return Err(TrimRefused::PastTail {
                    at: lsn,
                    tail: self.tail(),
                });
            }
            if self.chain_behind(usize::try_from(lsn.get()).unwrap()) != chain {
                return Err(TrimRefused::Diverged { at: lsn });
            }
        }
        if let Some(trimmed) = Lsn::new(self.trimmed as u64).filter(|trimmed| *trimmed > trim.upto) {
            return Err(TrimRefused::Backwards { trim: trimmed });
        }
        if trim.upto > trim.second_newest.lsn {
            return Err(TrimRefused::NotCovered {
                second_newest: trim.second_newest.lsn,
            });
        }
        if trim.second_newest.lsn >= trim.newest.lsn {
            let (newest, second_newest) = (trim.newest.lsn, trim.second_newest.lsn);
            return Err(TrimRefused::SnapshotsNotOrdered { newest, second_newest });
        }
        self.trimmed = usize::try_from(trim.upto.get()).unwrap();
        Ok(Trimmed { trim: trim.upto })
    }
}
