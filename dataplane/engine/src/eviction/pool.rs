//! Sampling: a few keys by chance, and the best that were seen before.
//! Promises: what is carried from round to round is judged anew in each, so a key that was used meanwhile is spared.

use std::cmp::Reverse;

use tenure_types::WallTime;

use super::{Candidate, EvictionPolicy, LeastFrequent, LeastRecent, Policy, Soonest};
use crate::Random;
use crate::keyspace::{Entry, Keyspace, Position};

/// Keys looked at in each round. As `maxmemory-samples` of Redis.
const SAMPLES: usize = 5;
/// Keys carried to the next round.
const CARRIED_MAX: usize = 16;

/// Keys that were thought of and not taken.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    carried: Vec<Carried>,
}

/// A key that was sampled once. It may be gone.
#[derive(Debug)]
struct Carried {
    position: Position,
    key: Box<[u8]>,
}

impl Pool {
    /// The key that the policy would rather lose than any other it looked at. `None`: there is none.
    pub(crate) fn choose(
        &mut self,
        policy: Policy,
        keyspace: &Keyspace,
        now: WallTime,
        random: &mut Random,
    ) -> Option<Box<[u8]>> {
        let judge: &mut dyn EvictionPolicy = match policy {
            Policy::NoEviction => return None,
            Policy::AllKeysRandom | Policy::VolatileRandom => {
                let mut chosen = None;
                keyspace.sample(policy.is_volatile(), 1, random, |entry| {
                    chosen = Some(entry.key().into())
                });
                return chosen;
            }
            Policy::AllKeysLru | Policy::VolatileLru => &mut LeastRecent,
            Policy::AllKeysLfu | Policy::VolatileLfu => &mut LeastFrequent,
            Policy::VolatileTtl => &mut Soonest,
        };
        self.choose_by(judge, policy.is_volatile(), keyspace, now, random)
    }

    fn choose_by(
        &mut self,
        judge: &mut dyn EvictionPolicy,
        only_volatile: bool,
        keyspace: &Keyspace,
        now: WallTime,
        random: &mut Random,
    ) -> Option<Box<[u8]>> {
        let entries = self.entries(only_volatile, keyspace, random);
        let candidates: Vec<_> = entries.iter().map(|entry| Candidate::of(entry, now)).collect();
        let mut scores = Vec::with_capacity(candidates.len());
        judge.score(&candidates, now, &mut scores);
        if scores.len() != candidates.len() {
            scores.clear();
            LeastRecent.score(&candidates, now, &mut scores);
        }
        // Which were carried stand first, in the order of `self.carried`.
        let carried = std::mem::take(&mut self.carried).into_iter();
        let sampled = entries.iter().skip(carried.len()).map(|entry| Carried {
            position: keyspace.position(entry.key()),
            key: entry.key().into(),
        });
        let mut ranked: Vec<_> = scores.into_iter().zip(carried.chain(sampled)).collect();
        ranked.sort_by_key(|(score, _)| Reverse(*score));
        ranked.truncate(CARRIED_MAX + 1);
        let mut keys = ranked.into_iter().map(|(_, key)| key);
        let chosen = keys.next()?;
        self.carried.extend(keys);
        Some(chosen.key)
    }

    /// What was carried and is still there, and a few others. The rest of what was carried is forgotten.
    fn entries<'a>(&mut self, only_volatile: bool, keyspace: &'a Keyspace, random: &mut Random) -> Vec<&'a Entry> {
        let mut entries: Vec<&Entry> = Vec::with_capacity(CARRIED_MAX + SAMPLES);
        self.carried.retain(|carried| {
            let found = keyspace.get(carried.position, &carried.key);
            let found = found.filter(|entry| !only_volatile || entry.expires_at().is_some());
            entries.extend(found);
            found.is_some()
        });
        keyspace.sample(only_volatile, SAMPLES, random, |sampled| {
            if entries.iter().all(|entry| entry.key() != sampled.key()) {
                entries.push(sampled);
            }
        });
        entries
    }
}
