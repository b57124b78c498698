//! The code follows the model: random runs of the model are replayed, call by call, on the real state machine, and after
//! every step both must say the same. A rule that the model proves and the code forgets shows here.
//! Leaves to the searches whether the model is right, and to `Clearance`'s own tests the leader's instants, which the
//! model counts in ticks of another size.
#![allow(clippy::panic, reason = "helpers of a test fail by panicking")]

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use stateright::Model;
use tenure_log_model::state::{Proposal, Role, Sent, State};
use tenure_log_model::stream::{self, View};
use tenure_log_model::{Move, Protocol, Scope, scope};
use tenure_log_protocol::{
    Append, AppendVerdict, Chain, Create, Description, Draft, EngineVersion, Fence, Fenced, Nomination, NotHeld,
    Record, Release, Released, Renew, StreamTable, Unsettled, WaitOut,
};
use tenure_types::{Epoch, GroupId, Incarnation, LeaseLength, Lsn, NodeId, Owner, StreamId, TenantId, WallTime};

const STREAM: StreamId = StreamId::new(GroupId::new(0), 1);

/// The real state machine beside a run of the model.
struct Mirror {
    nodes: &'static [u8],
    /// The table after each committed entry, and before the first: a leader that lags judges by an older one.
    tables: Vec<StreamTable>,
    /// The real record for each number of the model.
    records: BTreeMap<u8, Record>,
}

impl Mirror {
    fn start(scope: Scope, first: &State) -> Mirror {
        let mut empty = StreamTable::new(lease(scope::LEASE_MAX));
        let stream = Create {
            stream: STREAM,
            tenant: TenantId::new(1),
            restore_window: false,
        };
        empty.create(&stream).expect("nothing is there yet");
        let mut mirror = Mirror {
            nodes: scope.nodes,
            tables: vec![empty],
            records: BTreeMap::new(),
        };
        for entry in &first.log {
            let stream::Entry::Fence {
                epoch,
                owner,
                lease,
                claim,
            } = *entry
            else {
                panic!("a run begins with a fence")
            };
            mirror.commit(
                &Proposal::Fence {
                    expect: epoch - 1,
                    owner,
                    lease,
                    claim,
                },
                true,
            );
        }
        mirror
    }

    fn newest(&self) -> &StreamTable {
        self.tables.last().expect("there is always the empty one")
    }

    fn owner(&self, owner: stream::Owner) -> Owner {
        let node = NodeId::new(u64::from(self.nodes[usize::from(owner.process)]));
        Owner {
            node,
            incarnation: incarnation(owner),
        }
    }

    /// Follows one step, from `before` to `after`.
    fn follow(&mut self, step: Move, before: &State, after: &State) {
        match step {
            Move::Execute(process) => self.seal(after, process),
            Move::Commit => self.commit(&before.pending[0], after.log.len() > before.log.len()),
            Move::JudgeRenewal(process) => self.judge_renewal(before, process),
            Move::HearFenced(process) => self.hear_fenced(before, process),
            Move::LearnFence(process) => self.learn_fence(after, process),
            Move::HearOk(process) => self.hear_ok(before, process),
            Move::Tick { .. }
            | Move::Apply(_)
            | Move::NoteFence(_)
            | Move::Elect { .. }
            | Move::SendFence { .. }
            | Move::Renew(..)
            | Move::Resend(_)
            | Move::AppendArrives(_)
            | Move::DropOnLapse(_)
            | Move::SendRelease(_) => {}
        }
        let description = self.newest().describe(STREAM).expect("the stream is never deleted");
        self.compare(View::of(&after.log), description);
        self.probe(after);
    }

    /// Whatever was ever sent may arrive now, and whoever ever owned an epoch may ask now. Each gets the very verdict that
    /// the model's view of the log gives.
    fn probe(&self, after: &State) {
        let view = View::of(&after.log);
        let fenced = |epoch: u8| Fenced {
            epoch: Epoch::new(u64::from(view.epoch)),
            fence_lsn: position(usize::from(end_of(after, epoch))),
        };
        for &sent in &after.wire {
            let over = sent.record.epoch < view.epoch || view.released;
            let expected = if over {
                Ok(AppendVerdict::Fenced(fenced(sent.record.epoch)))
            } else if sent.position > view.tail + 1 {
                let tail = position(usize::from(view.tail));
                Err(Unsettled::Gap { tail })
            } else {
                let lsn = position(usize::from(sent.position)).expect("positions begin at 1");
                Ok(AppendVerdict::Ok { lsn })
            };
            assert_eq!(self.newest().clone().append(&self.append(sent)), expected, "{sent:?}");
        }
        for entry in &after.log {
            let stream::Entry::Fence {
                epoch: began, owner, ..
            } = *entry
            else {
                continue;
            };
            let over = Err(NotHeld::Fenced(fenced(began)));
            let (released, current) = (view.released, began == view.epoch);
            let renewed = if current && !released { Ok(()) } else { over };
            assert_eq!(self.newest().check_renew(&renewing(began, owner)), renewed, "{entry:?}");
            let lsn = position(usize::from(view.tail));
            let released = if current {
                Ok(Released { lsn })
            } else {
                over.map(|()| Released { lsn })
            };
            assert_eq!(
                self.newest().clone().release(&releasing(began, owner)),
                released,
                "{entry:?}"
            );
        }
    }

    /// The owner seals its new record behind the one before it in its own image.
    fn seal(&mut self, after: &State, process: u8) {
        let image = &after.processes[usize::from(process)].image;
        let (newest, earlier) = image.split_last().expect("it has just executed");
        let previous = earlier
            .last()
            .map_or(Chain::start_of(STREAM), |record| self.records[&record.number].chain);
        let draft = Draft {
            epoch: epoch(newest.epoch),
            incarnation: incarnation(newest.writer),
            written_at: WallTime::from_unix_millis(0),
            engine_version: EngineVersion::new(1),
            payload: Bytes::copy_from_slice(&[newest.number]),
        };
        self.records.insert(
            newest.number,
            draft.seal(position(image.len()).expect("it is not empty"), previous),
        );
    }

    fn append(&self, sent: Sent) -> Append {
        let record = self.records[&sent.record.number].clone();
        let prev_lsn = position(usize::from(sent.position) - 1);
        Append {
            stream: STREAM,
            epoch: record.epoch,
            incarnation: record.incarnation,
            under_lease: true,
            prev_lsn,
            records: vec![record],
        }
    }

    /// The model admits a proposal exactly if it changes the real table.
    fn commit(&mut self, proposal: &Proposal, admitted: bool) {
        let mut table = self.newest().clone();
        match *proposal {
            Proposal::Fence {
                expect,
                owner,
                lease: length,
                claim,
            } => {
                let nomination = claim.map_or(Nomination::ByControlPlane, |tail| Nomination::BySelf {
                    expect_tail: position(usize::from(tail)),
                });
                let owner = self.owner(owner);
                let fence = Fence {
                    stream: STREAM,
                    expect_epoch: epoch(expect),
                    owner,
                    lease: lease(length),
                    nomination,
                };
                let _ = table.fence(&fence);
            }
            Proposal::Append(sent) => {
                let _ = table.append(&self.append(sent));
            }
            Proposal::Release { epoch: ended, owner } => {
                let _ = table.release(&releasing(ended, owner));
            }
        }
        assert_eq!(
            table != *self.newest(),
            admitted,
            "{proposal:?} on {:#?}",
            self.newest().describe(STREAM)
        );
        if admitted {
            self.tables.push(table);
        }
    }

    /// The leader judges by what it has applied, and so does the table as it was then.
    fn judge_renewal(&self, before: &State, process: u8) {
        let renewal = before.processes[usize::from(process)]
            .renewal
            .expect("there is one to judge");
        let applied = before.leadership(renewal.at).expect("it waits there").applied;
        let view = View::of(&before.log[..usize::from(applied)]);
        let owner = stream::Owner {
            process,
            incarnation: renewal.incarnation,
        };
        let held = view.owner == Some(owner) && view.epoch == renewal.epoch && !view.released;
        let renew = renewing(renewal.epoch, owner);
        let judged = self.tables[usize::from(applied)].check_renew(&renew);
        assert_eq!(judged.is_ok(), held, "{renew:?}: {judged:?}");
    }

    /// A fenced owner is told where its own epoch ended.
    fn hear_fenced(&self, before: &State, process: u8) {
        let Role::Owner(hold) = before.processes[usize::from(process)].role else {
            return;
        };
        let renew = renewing(hold.epoch, before.identity(process));
        let told = match self.newest().check_renew(&renew) {
            Err(NotHeld::Fenced(fenced)) => fenced.fence_lsn,
            other => panic!("{process} lost epoch {} and hears {other:?}", hold.epoch),
        };
        let (until, _, _) = stream::fence_of(&before.log, hold.epoch + 1).expect("its epoch has ended");
        assert_eq!(told, position(usize::from(View::of(until).tail)));
    }

    /// A fence whose outcome was unknown is recognised when it is repeated, with the same terms.
    fn learn_fence(&self, after: &State, process: u8) {
        let Role::Owner(hold) = after.processes[usize::from(process)].role else {
            return;
        };
        let (before, owner, _) = stream::fence_of(&after.log, hold.epoch).expect("it owns the epoch");
        let waits = if hold.wait_left == 0 {
            0
        } else {
            View::of(before).longest_earlier.max(View::of(before).lease)
        };
        let expected = LeaseLength::from_millis(u32::from(waits)).map_or(WaitOut::Nothing, WaitOut::For);
        let present = View::of(&after.log).epoch == hold.epoch;
        let repeated = Fence {
            stream: STREAM,
            expect_epoch: epoch(hold.epoch - 1),
            owner: self.owner(owner),
            lease: lease(hold.lease),
            nomination: Nomination::ByControlPlane,
        };
        let mut table = self.newest().clone();
        match table.fence(&repeated) {
            Ok(granted) => {
                assert_eq!((granted.epoch, granted.wait_out), (epoch(hold.epoch), expected));
                assert_eq!(granted.fence_lsn, position(usize::from(View::of(before).tail)));
            }
            Err(refused) => assert!(!present, "the present owner is not recognised: {refused:?}"),
        }
        assert_eq!(table, *self.newest(), "a repeated fence changes nothing");
    }

    /// A resend of a committed record is answered as before, or `Fenced` once the epoch has ended.
    fn hear_ok(&self, before: &State, process: u8) {
        let owner = &before.processes[usize::from(process)];
        let record = owner.image[usize::from(owner.known)];
        let append = self.append(Sent {
            record,
            position: owner.known + 1,
        });
        let present = View::of(&before.log);
        let mut table = self.newest().clone();
        let verdict = table.append(&append).expect("a committed record gets a final verdict");
        match verdict {
            AppendVerdict::Ok { lsn } => assert_eq!(Some(lsn), position(usize::from(owner.known) + 1)),
            AppendVerdict::Fenced(_) => assert!(present.epoch > record.epoch || present.released),
        }
        assert_eq!(table, *self.newest(), "a resend changes nothing");
    }

    fn compare(&self, view: View, real: Description) {
        let ownership = real.ownership.expect("every run begins with a fence");
        assert_eq!(ownership.epoch, epoch(view.epoch));
        assert_eq!(Some(ownership.owner), view.owner.map(|owner| self.owner(owner)));
        assert_eq!(ownership.lease, lease(view.lease));
        assert_eq!(ownership.released, view.released);
        assert_eq!(ownership.began_at, position(usize::from(view.start)));
        assert_eq!(real.tail, position(usize::from(view.tail)));
        assert_eq!(real.longest_lease, Some(lease(view.longest_earlier.max(view.lease))));
    }
}

/// How many records there were when `epoch` ended, or are now if it has not.
fn end_of(state: &State, epoch: u8) -> u8 {
    let until = stream::fence_of(&state.log, epoch + 1).map_or(&state.log[..], |(before, _, _)| before);
    View::of(until).tail
}

fn renewing(number: u8, owner: stream::Owner) -> Renew {
    Renew {
        stream: STREAM,
        epoch: epoch(number),
        incarnation: incarnation(owner),
        under_lease: true,
    }
}

fn releasing(number: u8, owner: stream::Owner) -> Release {
    Release {
        stream: STREAM,
        epoch: epoch(number),
        incarnation: incarnation(owner),
    }
}

fn lease(ticks: u8) -> LeaseLength {
    LeaseLength::from_millis(u32::from(ticks)).expect("no lease is empty")
}

fn epoch(number: u8) -> Epoch {
    Epoch::new(u64::from(number))
}

/// The position after `records` records, if there are any.
fn position(records: usize) -> Option<Lsn> {
    Lsn::new(records as u64)
}

/// Incarnations are random numbers; here they only have to differ.
fn incarnation(owner: stream::Owner) -> Incarnation {
    let number = 1 + u64::from(owner.process) * 16 + u64::from(owner.incarnation);
    Incarnation::new(number).expect("it is not zero")
}

/// Walks through the model, at each step taking the move that the next choice points at.
fn walk(scope: Scope, choices: &[u16]) {
    let protocol = Protocol::whole(scope);
    let (first, rest) = choices.split_first().expect("there is at least one choice");
    let mut starts = protocol.init_states();
    let mut state = starts.swap_remove(usize::from(*first) % starts.len());
    let mut mirror = Mirror::start(scope, &state);
    for choice in rest {
        let mut offered = Vec::new();
        protocol.actions(&state, &mut offered);
        let Some(&step) = offered.get(usize::from(*choice) % offered.len().max(1)) else {
            return;
        };
        if let Some(next) = protocol.next_state(&state, step) {
            mirror.follow(step, &state, &next);
            state = next;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn the_state_machine_judges_as_the_model_does(
        scope in proptest::sample::select(scope::ALL.to_vec()),
        choices in proptest::collection::vec(any::<u16>(), 1..120),
    ) {
        walk(scope, &choices);
    }
}
