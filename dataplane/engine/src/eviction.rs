//! Which keys go when a cluster's memory is full.
//! Promises: a policy judges candidates and never sees the table, so one can be replaced by another, and by a plugin.
//! Leaves to [`crate::Image`]: when to evict, and that each eviction is logged.

mod access;
mod native;
mod policy;
mod pool;

pub(crate) use access::{Access, Noting};
pub use native::{LeastFrequent, LeastRecent, Soonest};
pub use policy::Policy;
pub(crate) use pool::Pool;

use std::time::Duration;

use tenure_types::WallTime;

use crate::Entry;

/// Judges which keys are worth the least.
pub trait EvictionPolicy {
    /// Adds a score for each candidate, in their order: the key with the highest goes first. Whoever answers with another
    /// number of scores is not heard: [`LeastRecent`] decides instead.
    fn score(&mut self, candidates: &[Candidate<'_>], now: WallTime, scores: &mut Vec<u64>);
}

/// A key that may go.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The key.
    pub key: &'a [u8],
    /// How long ago it was last used; see [`Entry::idle`].
    pub idle: Duration,
    /// How often it is used; see [`Entry::frequency`].
    pub frequency: u8,
    /// When it goes anyway.
    pub expires_at: Option<WallTime>,
    /// What would be won.
    pub memory_bytes: usize,
}

impl<'a> Candidate<'a> {
    fn of(entry: &'a Entry, now: WallTime) -> Self {
        Self {
            key: entry.key(),
            idle: entry.idle(now),
            frequency: entry.frequency(now),
            expires_at: entry.expires_at(),
            memory_bytes: entry.memory_bytes(),
        }
    }
}
