//! What must hold in every state, and what must be reachable at all.
//! The second kind keeps the first honest: a model in which nobody ever serves breaks nothing.

use stateright::Property;

use crate::state::{Process, State};
use crate::stream::{Entry, Record, View, records};
use crate::{Protocol, Scope};

/// At most one process may answer clients.
pub const ONE_VOICE: &str = "at most one process may serve";
/// Who may answer holds all that any client was shown, and all that its own and earlier epochs committed.
pub const FRESH: &str = "who may serve holds everything seen and everything committed up to its epoch";
/// What a client was shown is in the log.
pub const DURABLE: &str = "everything seen is committed";
/// After a fence no record of an earlier epoch, or of anyone but the owner, follows.
pub const FENCED_OUT: &str = "only the owner of the present epoch adds records";
/// Every epoch has one owner, and epochs count upwards without gaps.
pub const ONE_WINNER: &str = "every epoch is won by one contender";
/// No record stands twice, and the records of one writer stand in the order it executed them.
pub const ONCE_IN_ORDER: &str = "a record is applied once and in order";
/// An image kept across a fence is the committed prefix.
pub const KEPT_IMAGE: &str = "an image kept across a fence is the committed prefix";

/// A process other than the first comes to serve.
pub const TAKEN_OVER: &str = "another process takes over and serves";
/// The owner of the last epoch that the scope allows comes to serve.
pub const LAST_EPOCH_SERVES: &str = "the owner of the last epoch serves";
/// Clients come to see every record that the scope allows.
pub const ALL_SEEN: &str = "clients see every record";
/// A hand-over succeeds.
pub const RELEASED: &str = "an epoch is released and the next one serves";

/// What must hold in every state.
pub fn always() -> Vec<Property<Protocol>> {
    vec![
        Property::always(ONE_VOICE, |protocol, state| serving(protocol, state).count() <= 1),
        Property::always(FRESH, |protocol, state| {
            serving(protocol, state).all(|server| is_fresh(state, server))
        }),
        Property::always(DURABLE, |_, state| is_durable(state)),
        Property::always(ONE_WINNER, |_, state: &State| is_won_once(&state.log)),
        Property::always(FENCED_OUT, |_, state: &State| only_owners_append(&state.log)),
        Property::always(ONCE_IN_ORDER, |_, state: &State| is_in_order(&state.log)),
        Property::always(KEPT_IMAGE, |_, state: &State| !state.kept_wrong_image),
    ]
}

/// What must be reached in `scope`.
pub fn sometimes(scope: &Scope) -> Vec<Property<Protocol>> {
    let mut wanted: Vec<Property<Protocol>> = vec![
        Property::sometimes(TAKEN_OVER, |protocol, state: &State| {
            protocol.may_serve(&state.processes[1])
        }),
        Property::sometimes(LAST_EPOCH_SERVES, |protocol, state| {
            serving(protocol, state)
                .filter_map(Process::hold)
                .any(|hold| hold.epoch == protocol.scope.epochs)
        }),
    ];
    if scope.records > 0 {
        wanted.push(Property::sometimes(ALL_SEEN, |protocol, state: &State| {
            state.seen == (1 << protocol.scope.records) - 1
        }));
    }
    if scope.releases {
        wanted.push(Property::sometimes(RELEASED, |protocol, state: &State| {
            state.log.contains(&Entry::Release) && serving(protocol, state).count() == 1
        }));
    }
    wanted
}

fn serving<'a>(protocol: &'a Protocol, state: &'a State) -> impl Iterator<Item = &'a Process> {
    state.processes.iter().filter(|process| protocol.may_serve(process))
}

fn is_fresh(state: &State, server: &Process) -> bool {
    let Some(hold) = server.hold() else { return false };
    let committed = records(&state.log).filter(|record| record.epoch <= hold.epoch);
    let begins_with_committed = committed
        .enumerate()
        .all(|(at, record)| server.image.get(at) == Some(&record));
    let shown = server.image.iter().fold(0, |bits, record| bits | 1 << record.number);
    begins_with_committed && state.seen & !shown == 0
}

fn is_durable(state: &State) -> bool {
    let committed = records(&state.log).fold(0, |bits, record| bits | 1 << record.number);
    state.seen & !committed == 0
}

fn only_owners_append(log: &[Entry]) -> bool {
    log.iter().enumerate().all(|(at, entry)| match entry {
        Entry::Append(record) => {
            let view = View::of(&log[..at]);
            view.epoch == record.epoch && view.owner == Some(record.writer) && !view.released
        }
        Entry::Fence { .. } | Entry::Release => true,
    })
}

fn is_won_once(log: &[Entry]) -> bool {
    let begun = log.iter().filter_map(|entry| match entry {
        Entry::Fence { epoch, .. } => Some(*epoch),
        Entry::Append(_) | Entry::Release => None,
    });
    begun.zip(1..).all(|(epoch, nth)| epoch == nth)
}

fn is_in_order(log: &[Entry]) -> bool {
    let standing: Vec<Record> = records(log).collect();
    standing.iter().enumerate().all(|(at, record)| {
        let same_writer = standing[..at].iter().filter(|earlier| earlier.writer == record.writer);
        same_writer.clone().all(|earlier| earlier.number < record.number)
    })
}
