//! The image: one shard's data with the time it lives in, and the only way to change it.
//! Promises: every change is an [`Effect`], applied by the same code on the primary and on its replicas, and encoded for
//! the log as it is applied. Every key that is looked up or changed is noted, present or not: the server holds replies by
//! that (DESIGN, "Hazard rule").
//! Leaves to the server: when a turn begins and ends, when there is time to expire, and which keys' writes are not
//! acknowledged yet.

mod apply;
mod evict;
mod expire;
mod undo;

use tenure_types::WallTime;

use self::undo::Undo;
use crate::eviction::{Noting, Policy, Pool};
use crate::keyspace::{Entry, Hash, Keyspace, Position, SortedSet, ValueRef};
use crate::{Applied, CommandError, Effect, EffectError, Effects, Random};

/// What an image is made with.
#[derive(Debug, Clone, Copy)]
pub struct ImageOptions {
    /// The cluster's seed for hashes of keys. The same on all its nodes, and told to nobody else.
    pub seed: u64,
    /// Memory that the keys may take before the policy acts. `None`: no limit.
    pub memory_bytes_max: Option<usize>,
    /// What to do at the limit.
    pub policy: Policy,
}

/// What a lookup does about a key that is expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A primary: deletes it, as an effect.
    Primary,
    /// A primary without any credit: refuses the command, for the deletion could not be logged.
    Starved,
    /// A replica: does not see it. Its primary deletes it.
    Replica,
}

/// Which keys were looked up, since this was last cleared.
#[derive(Debug, Clone, Default)]
pub struct Lookups {
    /// Their positions, repeated as they came.
    pub keys: Vec<Position>,
    /// Whether the answer depends on all keys.
    pub all: bool,
}

/// What happened since the image was made, or since [`Image::forget_stats`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Lookups that found their key.
    pub hits: u64,
    /// Lookups that found nothing.
    pub misses: u64,
    /// Keys deleted because their time was over.
    pub expired: u64,
    /// Keys deleted because memory was full.
    pub evicted: u64,
}

/// One shard's data.
#[derive(Debug)]
pub struct Image {
    keyspace: Keyspace,
    options: ImageOptions,
    mode: Mode,
    /// The time of this turn, and the highest time seen: never goes back.
    now: WallTime,
    lookups: Lookups,
    written: Lookups,
    effects: Vec<u8>,
    stats: Stats,
    /// Where the search for expired keys goes on.
    expire_from: Position,
    /// What eviction thought of before and did not take.
    pool: Pool,
    /// Decides which accesses count for a frequency: of no consequence for data.
    random: Random,
    /// What brings back what was changed since [`Image::begin_undoable`]. Boxed: mostly there is none.
    undo: Option<Box<Undo>>,
}

impl Image {
    /// Nothing in it.
    pub fn new(options: ImageOptions) -> Self {
        Self {
            keyspace: Keyspace::new(options.seed),
            options,
            mode: Mode::Replica,
            now: WallTime::from_unix_millis(0),
            lookups: Lookups::default(),
            written: Lookups::default(),
            effects: Vec::new(),
            stats: Stats::default(),
            expire_from: Position::FIRST,
            pool: Pool::default(),
            random: Random::new(options.seed),
            undo: None,
        }
    }

    /// Begins a turn: the time of all commands until the next one, or a later one if such was seen before.
    pub fn begin_turn(&mut self, now: WallTime, mode: Mode) {
        self.now = self.now.max(now);
        self.mode = mode;
    }

    /// The time of this turn.
    pub fn now(&self) -> WallTime {
        self.now
    }

    /// From now on the image follows: what is over is what this record's time says, and no longer the clock of this node.
    pub fn go_by_record(&mut self, written_at: WallTime) {
        self.now = written_at;
    }

    /// All keys, to be counted and scanned. Who answers from it calls [`Image::look_at_all`] too.
    pub fn keyspace(&self) -> &Keyspace {
        &self.keyspace
    }

    /// What it was made with.
    pub fn options(&self) -> &ImageOptions {
        &self.options
    }

    /// A key's entry, of any type, and notes the access for eviction.
    pub fn entry(&mut self, key: &[u8]) -> Result<Option<&Entry>, CommandError> {
        let noting = self.noting();
        let found = match self.look_up(key)? {
            Some(position) => self.keyspace.touch(position, key),
            None => None,
        };
        let Some(entry) = found else {
            self.stats.misses += 1;
            return Ok(None);
        };
        self.stats.hits += 1;
        let used = entry.access().used(noting, self.now, &mut self.random);
        // Mostly the same second: memory that is not written need not be written back.
        if used != entry.access() {
            entry.set_access(used);
        }
        Ok(Some(entry))
    }

    /// A key's entry, of any type, without noting the access.
    pub fn peek(&mut self, key: &[u8]) -> Result<Option<&Entry>, CommandError> {
        let position = self.look_up(key)?;
        Ok(position.and_then(|position| self.keyspace.get(position, key)))
    }

    /// The string at a key.
    pub fn string(&mut self, key: &[u8]) -> Result<Option<&[u8]>, CommandError> {
        match self.entry(key)?.map(Entry::value) {
            Some(ValueRef::String(bytes)) => Ok(Some(bytes)),
            Some(_) => Err(CommandError::WrongType),
            None => Ok(None),
        }
    }

    /// The hash at a key.
    pub fn hash(&mut self, key: &[u8]) -> Result<Option<&Hash>, CommandError> {
        match self.entry(key)?.map(Entry::value) {
            Some(ValueRef::Hash(hash)) => Ok(Some(hash)),
            Some(_) => Err(CommandError::WrongType),
            None => Ok(None),
        }
    }

    /// The sorted set at a key.
    pub fn sorted_set(&mut self, key: &[u8]) -> Result<Option<&SortedSet>, CommandError> {
        match self.entry(key)?.map(Entry::value) {
            Some(ValueRef::SortedSet(set)) => Ok(Some(set)),
            Some(_) => Err(CommandError::WrongType),
            None => Ok(None),
        }
    }

    /// The sorted sets at some keys.
    pub fn sorted_sets<'k>(
        &mut self,
        keys: impl Iterator<Item = &'k [u8]> + Clone,
    ) -> Result<Vec<Option<&SortedSet>>, CommandError> {
        let mut there = Vec::new();
        for key in keys.clone() {
            there.push(self.sorted_set(key)?.is_some());
        }
        let all = keys.zip(there);
        Ok(all
            .map(|(key, there)| self.stored_sorted_set(key).filter(|_| there))
            .collect())
    }

    /// The sorted set at a key, also if its time is over.
    fn stored_sorted_set(&self, key: &[u8]) -> Option<&SortedSet> {
        let position = self.keyspace.position(key);
        match self.keyspace.get(position, key)?.value() {
            ValueRef::SortedSet(set) => Some(set),
            ValueRef::String(_) | ValueRef::Hash(_) => None,
        }
    }

    /// Notes that a key is looked up. `None`: its time is over, so it is not there.
    fn look_up(&mut self, key: &[u8]) -> Result<Option<Position>, CommandError> {
        let position = self.keyspace.position(key);
        self.lookups.keys.push(position);
        if !self.keyspace.is_expired(position, key, self.now) {
            return Ok(Some(position));
        }
        match self.mode {
            Mode::Primary => {
                self.write(Effect::Remove { key });
                self.stats.expired += 1;
            }
            Mode::Starved => return Err(CommandError::NoCreditToExpire),
            Mode::Replica => {}
        }
        Ok(None)
    }

    /// Whether an entry is past its time.
    pub fn is_expired(&self, entry: &Entry) -> bool {
        entry.expires_at().is_some_and(|at| at <= self.now)
    }

    /// Whether the time of a key at this position is over, and nobody has met it since.
    pub fn is_any_expired(&self, position: Position) -> bool {
        self.keyspace.is_any_expired(position, self.now)
    }

    /// Notes that the answer depends on all keys of the shard.
    pub fn look_at_all(&mut self) {
        self.lookups.all = true;
    }

    /// Changes the data, and adds the effect to those of the turn.
    pub fn write(&mut self, effect: Effect<'_>) -> Applied {
        effect.encode(&mut self.effects);
        self.apply(&effect)
    }

    /// Applies the effects of a record that was written at this time.
    pub fn replay(&mut self, written_at: WallTime, effects: &[u8]) -> Result<(), EffectError> {
        self.now = self.now.max(written_at);
        for effect in Effects::of(effects) {
            self.apply(&effect?);
        }
        self.written = Lookups::default();
        Ok(())
    }

    /// The effects since this was last called, encoded. Empty: nothing was changed.
    pub fn take_effects(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.effects)
    }

    /// Bytes of effects that were not taken.
    pub fn effects_bytes(&self) -> usize {
        self.effects.len()
    }

    /// What was looked up since [`Image::forget_lookups`].
    pub fn lookups(&self) -> &Lookups {
        &self.lookups
    }

    /// What was changed since [`Image::forget_lookups`].
    pub fn written(&self) -> &Lookups {
        &self.written
    }

    /// Begins the notes anew, before a command.
    pub fn forget_lookups(&mut self) {
        for notes in [&mut self.lookups, &mut self.written] {
            notes.keys.clear();
            notes.all = false;
        }
    }

    /// What happened so far.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Counts from zero again.
    pub fn forget_stats(&mut self) {
        self.stats = Stats::default();
    }

    fn noting(&self) -> Noting {
        self.options.policy.noting()
    }
}
