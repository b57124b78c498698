//! Random runs with crashes against a naive model.
//! The rule: after any crash the log is what some prefix of the submissions gives, and that prefix holds every
//! submission whose callback was called. Rerun one case with `TENURE_WAL_SEED=<seed>`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows test code by #[test], not the helpers beside it"
)]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use support::*;
use tenure_log_storage::fault::SimDisk;
use tenure_log_storage::{Done, Purged, Wal, WalWriter, Wrote};
use tenure_types::GroupId;

const CASES: u64 = 300;
const LIVES: usize = 5;

/// One group, the slow and obvious way. Commit marks may lag, so they are judged apart.
#[derive(Clone, Default, PartialEq, Debug)]
struct Group {
    vote: Option<Bytes>,
    purged: Option<Purged>,
    entries: BTreeMap<u64, Bytes>,
}

#[derive(Clone, Debug)]
enum Step {
    Append(u64, Bytes),
    Vote(Bytes),
    Truncate(Option<u64>),
    Purge(Purged),
}

impl Group {
    fn apply(&mut self, step: &Step) {
        match step {
            Step::Append(index, body) => {
                self.entries.insert(*index, body.clone());
            }
            Step::Vote(vote) => self.vote = Some(vote.clone()),
            Step::Truncate(last) => self.entries.retain(|index, _| last.is_some_and(|last| *index <= last)),
            Step::Purge(purged) => {
                if self.purged.as_ref().is_none_or(|earlier| earlier.index < purged.index) {
                    self.purged = Some(purged.clone());
                    self.entries.retain(|index, _| *index > purged.index);
                }
            }
        }
    }

    fn next_index(&self) -> u64 {
        let last = self.entries.keys().next_back().copied();
        last.or(self.purged.as_ref().map(|purged| purged.index))
            .map_or(0, |last| last + 1)
    }

    fn stored(wal: &Wal, group: GroupId) -> Self {
        let state = wal.state(group);
        let entries: BTreeMap<_, _> = all(wal, group).into_iter().collect();
        assert_eq!(state.first, entries.keys().next().copied());
        assert_eq!(state.last, entries.keys().next_back().copied());
        Self {
            vote: state.vote,
            purged: state.purged,
            entries,
        }
    }
}

/// What one process submitted to what it found.
struct Life {
    found: Vec<Group>,
    now: Vec<Group>,
    steps: Vec<(usize, Step)>,
    /// Steps that were reported durable, as a count from the first.
    durable: Arc<AtomicUsize>,
    /// Callbacks that must be called in any case, and how many were.
    promised: usize,
    kept: Arc<AtomicUsize>,
    /// Every commit mark that was submitted, by group, and how many of them are surely durable.
    commits: Vec<Vec<Option<Bytes>>>,
    commits_durable: Vec<usize>,
}

impl Life {
    fn begin(wal: &Wal) -> Self {
        let groups = (0..GROUPS).map(GroupId::new);
        let found: Vec<_> = groups.clone().map(|group| Group::stored(wal, group)).collect();
        Self {
            now: found.clone(),
            found,
            steps: Vec::new(),
            durable: Arc::default(),
            promised: 0,
            kept: Arc::default(),
            commits: groups.map(|group| vec![wal.state(group).committed]).collect(),
            commits_durable: vec![0; GROUPS as usize],
        }
    }

    fn step(&mut self, group: usize, step: Step) {
        self.now[group].apply(&step);
        self.steps.push((group, step));
    }

    fn done(&mut self, rng: &mut SmallRng) -> Done {
        let (durable, kept, steps) = (Arc::clone(&self.durable), Arc::clone(&self.kept), self.steps.len());
        match rng.random_range(0..3) {
            0 => Done::Nothing,
            1 => Done::watermark(move || {
                let before = durable.swap(steps, Ordering::SeqCst);
                assert!(before <= steps, "callbacks are called in order");
            }),
            _ => {
                self.promised += 1;
                Done::each(move || {
                    let before = durable.swap(steps, Ordering::SeqCst);
                    assert!(before <= steps, "callbacks are called in order");
                    kept.fetch_add(1, Ordering::SeqCst);
                })
            }
        }
    }

    fn submit(&mut self, wal: &Wal, rng: &mut SmallRng) {
        let at = rng.random_range(0..GROUPS as usize);
        let group = GroupId::new(u32::try_from(at).unwrap());
        match rng.random_range(0..100) {
            0..55 => {
                let first = self.now[at].next_index() + u64::from(self.now[at].entries.is_empty() && rng.random());
                let mut batch = Vec::new();
                for index in first..first + rng.random_range(0..5) {
                    let bytes = match rng.random_range(0..100) {
                        0 => rng.random_range(60_000..90_000),
                        1..10 => rng.random_range(3000..20_000),
                        _ => rng.random_range(0..1500),
                    };
                    let body = Bytes::from(vec![rng.random(); bytes]);
                    self.step(at, Step::Append(index, body.clone()));
                    batch.push((index, body));
                }
                wal.append(group, batch, self.done(rng));
            }
            55..65 => {
                let vote = Bytes::from(vec![rng.random(); 12]);
                self.step(at, Step::Vote(vote.clone()));
                wal.save_vote(group, vote, self.done(rng));
            }
            65..75 => {
                let next = self.now[at].next_index();
                let last = next.checked_sub(rng.random_range(1..8));
                self.step(at, Step::Truncate(last));
                wal.truncate_after(group, last, self.done(rng));
            }
            75..88 => {
                let next = self.now[at].next_index();
                let index = (next + rng.random_range(0..3)).saturating_sub(rng.random_range(0..12));
                let mark = Bytes::from(vec![rng.random(); 9]);
                let purged = Purged { index, mark };
                self.step(at, Step::Purge(purged.clone()));
                wal.purge(group, index, purged.mark, self.done(rng));
            }
            _ => {
                let committed = Bytes::from(vec![rng.random(); 8]);
                self.commits[at].push(Some(committed.clone()));
                wal.save_committed(group, committed);
            }
        }
    }

    /// Writes something, or everything. Says whether the process is still alive.
    fn write(&mut self, writer: &mut WalWriter, everything: bool) -> bool {
        loop {
            match writer.write_queued() {
                Err(_) => return false,
                Ok(Wrote::Stalled) => panic!("there is no space"),
                Ok(Wrote::Batch { .. }) if everything => {}
                Ok(Wrote::Batch { .. }) => return true,
                Ok(Wrote::Nothing) => {
                    assert_eq!(self.kept.load(Ordering::SeqCst), self.promised);
                    return true;
                }
            }
        }
    }

    /// Says whether the process is still alive: a dead one cannot read.
    fn check_reads(&self, wal: &Wal, rng: &mut SmallRng) -> bool {
        for (at, now) in self.now.iter().enumerate() {
            let group = GroupId::new(u32::try_from(at).unwrap());
            let first = now.entries.keys().next().copied().unwrap_or(0);
            let from = first + rng.random_range(0..10);
            let range = from..from + rng.random_range(0..10);
            let expected: Vec<_> = now
                .entries
                .range(range.clone())
                .map(|(index, body)| (*index, body.clone()))
                .collect();
            match wal.read(group, range.clone(), usize::MAX) {
                Ok(read) => assert_eq!(read, expected),
                Err(error) if error.is_retryable() => return false,
                Err(error) => panic!("{error}"),
            }
            let cached = wal.read_cached(group, range, usize::MAX);
            assert!(cached.is_none_or(|cached| cached == expected));
        }
        true
    }

    /// What the next process found must be a prefix of what this one submitted, with all that was reported.
    fn check_survival(&self, wal: &Wal) {
        let found: Vec<_> = (0..GROUPS)
            .map(|group| Group::stored(wal, GroupId::new(group)))
            .collect();
        let durable = self.durable.load(Ordering::SeqCst);
        let mut expected = self.found.clone();
        for (at, (group, step)) in self.steps.iter().enumerate() {
            if at >= durable && expected == found {
                break;
            }
            expected[*group].apply(step);
        }
        assert_eq!(
            expected,
            found,
            "no prefix with {durable} of {} steps",
            self.steps.len()
        );
        for (at, commits) in self.commits.iter().enumerate() {
            let committed = wal.state(GroupId::new(u32::try_from(at).unwrap())).committed;
            let surely = &commits[self.commits_durable[at]..];
            assert!(
                surely.contains(&committed),
                "a commit mark that was never submitted, or an old one"
            );
        }
    }
}

fn run(seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let disk = SimDisk::new();
    let (mut wal, mut writer) = open(&disk);
    for _ in 0..LIVES {
        let mut life = Life::begin(&wal);
        let mut alive = true;
        for _ in 0..rng.random_range(0..60) {
            match rng.random_range(0..10) {
                0 if rng.random_ratio(1, 3) => disk.die_after(rng.random_range(1..12)),
                0..3 => {
                    let everything = rng.random();
                    alive = life.write(&mut writer, everything);
                    if alive && everything {
                        // Of what came before, all is durable but commit marks behind everything else.
                        wal.save_vote(A, Bytes::from_static(b"flush"), Done::Nothing);
                        life.step(0, Step::Vote(Bytes::from_static(b"flush")));
                        alive = life.write(&mut writer, true);
                        if alive {
                            for (durable, commits) in life.commits_durable.iter_mut().zip(&life.commits) {
                                *durable = commits.len() - 1;
                            }
                        }
                    }
                    alive = alive && life.check_reads(&wal, &mut rng);
                    if !alive {
                        break;
                    }
                }
                _ => life.submit(&wal, &mut rng),
            }
        }
        if alive && rng.random_ratio(1, 4) {
            wal.close();
            let _ = life.write(&mut writer, true);
        }
        (wal, writer) = loop {
            if rng.random() {
                disk.crash(&mut rng);
            } else {
                disk.freeze();
            }
            let next = disk.reopen();
            if rng.random_ratio(1, 3) {
                disk.die_after(rng.random_range(0..12));
            }
            match try_open(&next) {
                Ok(opened) => {
                    disk.die_after(u64::MAX);
                    break opened;
                }
                // Only because it died itself.
                Err(error) => assert!(!error.is_damage(), "{error}: {:?}", std::error::Error::source(&error)),
            }
        };
        life.check_survival(&wal);
    }
}

#[test]
fn after_any_crash_the_log_is_a_prefix_with_everything_that_was_reported() {
    if let Ok(seed) = std::env::var("TENURE_WAL_SEED") {
        return run(seed.parse().unwrap());
    }
    for seed in 0..CASES {
        let outcome = std::panic::catch_unwind(|| run(seed));
        assert!(outcome.is_ok(), "rerun with TENURE_WAL_SEED={seed}");
    }
}
