//! Positions of keys.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{Slot, key_slot};

/// Where a key stands: its slot in the upper 14 bits, a hash of it below. Two keys may share one.
///
/// Positions are what hazards are kept by and what a SCAN goes through, so they do not change as tables grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    const HASH_BITS: u32 = 50;

    /// The first there can be.
    pub const FIRST: Self = Self(0);

    /// The position of a key, under a seed that only this cluster knows.
    pub fn of(key: &[u8], seed: u64) -> Self {
        let slot = u64::from(key_slot(key).get());
        Self(slot << Self::HASH_BITS | xxh3_64_with_seed(key, seed) >> (64 - Self::HASH_BITS))
    }

    /// The first of a slot.
    pub const fn first_of(slot: Slot) -> Self {
        Self((slot.get() as u64) << Self::HASH_BITS)
    }

    /// The last of a slot.
    pub const fn last_of(slot: Slot) -> Self {
        Self(Self::first_of(slot).0 | u64::MAX >> (64 - Self::HASH_BITS))
    }

    /// The number, for cursors and hazards.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The position with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The slot it lies in.
    pub fn slot(self) -> Slot {
        #[allow(clippy::cast_possible_truncation, reason = "14 bits are left")]
        let number = (self.0 >> Self::HASH_BITS) as u16;
        Slot::new(number).unwrap_or_else(|| key_slot(b""))
    }
}
