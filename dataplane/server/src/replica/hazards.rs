//! Which keys have writes that are not in the log for good yet, and so which replies must wait.
//! Promises: a reply that looked at a key waits for the newest unreleased change of it, also when the key is gone; one
//! that depends on all keys waits for the newest change there is. Keyed by position, so two keys that share one wait for
//! each other: that costs time, never truth.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use tenure_engine::{Lookups, Position};

use super::Ticket;

/// The unreleased changes.
#[derive(Debug, Default)]
pub(super) struct Hazards {
    keys: HashMap<Position, Ticket, BuildHasherDefault<AsItIs>>,
    /// The newest unreleased turn that changed every key.
    all: Option<Ticket>,
    /// The newest unreleased turn.
    newest: Option<Ticket>,
}

impl Hazards {
    /// After which ticket a reply that looked at these keys may leave; `None`: at once.
    pub(super) fn of(&self, lookups: &Lookups) -> Option<Ticket> {
        self.newest?;
        if lookups.all {
            return self.newest;
        }
        let keys = lookups.keys.iter().filter_map(|key| self.keys.get(key)).max().copied();
        // Looked at nothing, depends on nothing.
        if lookups.keys.is_empty() {
            None
        } else {
            keys.max(self.all)
        }
    }

    /// The turn with this ticket, the newest, changed these keys.
    pub(super) fn add(&mut self, ticket: Ticket, written: &Lookups) {
        for key in &written.keys {
            self.keys.insert(*key, ticket);
        }
        if written.all {
            self.all = Some(ticket);
        }
        self.newest = Some(ticket);
    }

    /// The turn with this ticket, which had changed these keys, is in the log for good, and so are all before it.
    pub(super) fn release(&mut self, ticket: Ticket, keys: &[Position]) {
        for key in keys {
            // A later turn may have changed it again.
            if self.keys.get(key).is_some_and(|newest| *newest <= ticket) {
                self.keys.remove(key);
            }
        }
        self.all = self.all.filter(|newest| *newest > ticket);
        self.newest = self.newest.filter(|newest| *newest > ticket);
    }
}

/// Positions are hashes already.
#[derive(Debug, Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(numbers: &[u64]) -> Lookups {
        Lookups {
            keys: numbers.iter().map(|number| Position::new(*number)).collect(),
            all: false,
        }
    }

    fn all() -> Lookups {
        Lookups {
            keys: Vec::new(),
            all: true,
        }
    }

    #[test]
    fn a_reply_waits_for_the_newest_change_of_any_key_it_looked_at() {
        let mut hazards = Hazards::default();
        assert_eq!(hazards.of(&keys(&[1])), None);
        hazards.add(Ticket::of(1), &keys(&[1, 2]));
        hazards.add(Ticket::of(2), &keys(&[2]));
        assert_eq!(hazards.of(&keys(&[1])), Some(Ticket::of(1)));
        assert_eq!(hazards.of(&keys(&[1, 2])), Some(Ticket::of(2)));
        assert_eq!(hazards.of(&keys(&[3])), None);
        assert_eq!(hazards.of(&keys(&[])), None);
    }

    #[test]
    fn a_reply_about_all_keys_waits_for_the_newest_change() {
        let mut hazards = Hazards::default();
        hazards.add(Ticket::of(1), &keys(&[1]));
        hazards.add(Ticket::of(2), &keys(&[2]));
        assert_eq!(hazards.of(&all()), Some(Ticket::of(2)));
    }

    #[test]
    fn after_a_change_of_all_keys_every_reply_waits() {
        let mut hazards = Hazards::default();
        hazards.add(Ticket::of(1), &all());
        assert_eq!(hazards.of(&keys(&[9])), Some(Ticket::of(1)));
        hazards.add(Ticket::of(2), &keys(&[8]));
        assert_eq!(hazards.of(&keys(&[9])), Some(Ticket::of(1)));
        assert_eq!(hazards.of(&keys(&[8])), Some(Ticket::of(2)));
        hazards.release(Ticket::of(1), &[]);
        assert_eq!(hazards.of(&keys(&[9])), None);
    }

    #[test]
    fn a_released_change_holds_nothing_and_a_later_one_still_does() {
        let mut hazards = Hazards::default();
        hazards.add(Ticket::of(1), &keys(&[1, 2]));
        hazards.add(Ticket::of(2), &keys(&[2]));
        hazards.release(Ticket::of(1), &keys(&[1, 2]).keys);
        assert_eq!(hazards.of(&keys(&[1])), None);
        assert_eq!(hazards.of(&keys(&[2])), Some(Ticket::of(2)));
        assert_eq!(hazards.of(&all()), Some(Ticket::of(2)));
        hazards.release(Ticket::of(2), &keys(&[2]).keys);
        assert_eq!(hazards.of(&all()), None);
        assert!(hazards.keys.is_empty(), "nothing is kept of what is released");
    }
}
