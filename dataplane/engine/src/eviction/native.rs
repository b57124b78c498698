//! The policies that need no plugin.

use tenure_types::WallTime;

use super::{Candidate, EvictionPolicy};

/// The key that was not used for the longest time goes first.
#[derive(Debug, Clone, Copy, Default)]
pub struct LeastRecent;

/// The key that is used least often goes first.
#[derive(Debug, Clone, Copy, Default)]
pub struct LeastFrequent;

/// The key that would go soonest anyway goes first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Soonest;

impl EvictionPolicy for LeastRecent {
    fn score(&mut self, candidates: &[Candidate<'_>], _now: WallTime, scores: &mut Vec<u64>) {
        scores.extend(candidates.iter().map(|candidate| candidate.idle.as_secs()));
    }
}

impl EvictionPolicy for LeastFrequent {
    fn score(&mut self, candidates: &[Candidate<'_>], _now: WallTime, scores: &mut Vec<u64>) {
        let score = |candidate: &Candidate<'_>| u64::from(u8::MAX - candidate.frequency);
        scores.extend(candidates.iter().map(score));
    }
}

impl EvictionPolicy for Soonest {
    fn score(&mut self, candidates: &[Candidate<'_>], _now: WallTime, scores: &mut Vec<u64>) {
        let score = |candidate: &Candidate<'_>| {
            let at = candidate.expires_at.map_or(u64::MAX, WallTime::as_unix_millis);
            u64::MAX - at
        };
        scores.extend(candidates.iter().map(score));
    }
}
