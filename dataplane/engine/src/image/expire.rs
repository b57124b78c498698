//! Deleting keys whose time is over although nobody asks for them.
//! Promises: only a primary deletes, and each deletion is an effect; a call does a bounded amount of work.

use tenure_types::WallTime;

use super::{Image, Mode};
use crate::Effect;
use crate::keyspace::Position;

/// Leaves of the key table that one call looks into: each costs some ten microseconds.
const LEAVES_MAX: usize = 16;

impl Image {
    /// No key expires before this. `None`: no key has an expiry. A lower bound, and cheap.
    pub fn next_expiry(&self) -> Option<WallTime> {
        self.keyspace.earliest_expiry()
    }

    /// Deletes up to so many keys whose time is over; how many they were. There may be more, if [`Image::next_expiry`] is
    /// still past.
    pub fn expire_some(&mut self, keys_max: usize) -> usize {
        if self.mode != Mode::Primary {
            return 0;
        }
        let mut removed = 0;
        for _ in 0..LEAVES_MAX {
            if removed >= keys_max {
                break;
            }
            let mut due: Vec<Box<[u8]>> = Vec::new();
            let mut note = |entry: &crate::Entry| due.push(entry.key().into());
            let from = self.expire_from;
            let next = self.keyspace.visit_due(from, self.now, keys_max - removed, &mut note);
            self.expire_from = next.unwrap_or(Position::FIRST);
            if next.is_none() && from == Position::FIRST {
                break;
            }
            removed += due.len();
            for key in due {
                self.write(Effect::Remove { key: &key });
                self.stats.expired += 1;
            }
        }
        removed
    }
}
