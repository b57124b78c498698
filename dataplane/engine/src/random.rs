//! Random numbers from a seed that is handed in: for samples, never for secrets.
//! Promises: the same seed gives the same numbers. The generator is splitmix64 (Steele, Lea, Flood 2014, "Fast splittable
//! pseudorandom number generators").

/// A generator.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// Begins at this seed.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which must not be 0. Its bias is below bound / 2^64 (Lemire 2019).
    pub const fn below(&mut self, bound: usize) -> usize {
        let wide = (self.next() as u128) * (bound as u128);
        #[allow(clippy::cast_possible_truncation, reason = "it is below `bound`, which is a usize")]
        let below = (wide >> 64) as usize;
        below
    }
}
