//! What is noted of a key's use: 3 bytes, read by one of two kinds of policy.
//! Promises: nothing is noted twice in the same second or minute for recency; a frequency grows slower the higher it is,
//! and falls while nobody asks.
//!
//! ```text
//!   recency:    seconds since 1970, modulo 2^24 (194 days)
//!   frequency:  minutes since 1970, modulo 2^16 (45 days), when it last fell; then a logarithmic counter (1 byte)
//! ```

use std::time::Duration;

use tenure_types::WallTime;

use crate::Random;

/// What a policy wants to be noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noting {
    /// When a key was last used.
    Recency,
    /// How often.
    Frequency,
}

/// What is noted of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Access([u8; 3]);

/// Where the counter of a new key begins, so that it is not the next to go.
const FREQUENCY_OF_NEW: u8 = 5;
/// How much harder the counter rises with each step: it is full at about a million uses. As `lfu-log-factor` of Redis.
const FREQUENCY_FACTOR: usize = 10;
/// How long it takes to fall by one. As `lfu-decay-time` of Redis.
const MINUTES_PER_FALL: u16 = 1;

impl Access {
    /// Of a key that comes now.
    pub(crate) fn first(noting: Noting, now: WallTime) -> Self {
        match noting {
            Noting::Recency => Self::recent(now),
            Noting::Frequency => Self::frequent(now, FREQUENCY_OF_NEW),
        }
    }

    /// Of a key that was used now.
    #[must_use]
    pub(crate) fn used(self, noting: Noting, now: WallTime, random: &mut Random) -> Self {
        match noting {
            Noting::Recency => Self::recent(now),
            Noting::Frequency => {
                let frequency = self.frequency(now);
                let above_new = usize::from(frequency.saturating_sub(FREQUENCY_OF_NEW));
                let rises = random.below(above_new * FREQUENCY_FACTOR + 1) == 0;
                Self::frequent(now, frequency.saturating_add(u8::from(rises)))
            }
        }
    }

    /// How long ago the last use was.
    pub(crate) fn idle(self, now: WallTime) -> Duration {
        let [low, middle, high] = self.0;
        let then = u32::from_le_bytes([low, middle, high, 0]);
        let idle = seconds(now).wrapping_sub(then) & 0x00ff_ffff;
        Duration::from_secs(idle.into())
    }

    /// How often it is used.
    pub(crate) fn frequency(self, now: WallTime) -> u8 {
        let [low, high, frequency] = self.0;
        let fallen = minutes(now).wrapping_sub(u16::from_le_bytes([low, high])) / MINUTES_PER_FALL;
        frequency.saturating_sub(u8::try_from(fallen).unwrap_or(u8::MAX))
    }

    fn recent(now: WallTime) -> Self {
        let [low, middle, high, _] = seconds(now).to_le_bytes();
        Self([low, middle, high])
    }

    fn frequent(now: WallTime, frequency: u8) -> Self {
        let [low, high] = minutes(now).to_le_bytes();
        Self([low, high, frequency])
    }
}

fn seconds(now: WallTime) -> u32 {
    let [a, b, c, ..] = (now.as_unix_millis() / 1_000).to_le_bytes();
    u32::from_le_bytes([a, b, c, 0])
}

fn minutes(now: WallTime) -> u16 {
    let [a, b, ..] = (now.as_unix_millis() / 60_000).to_le_bytes();
    u16::from_le_bytes([a, b])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> WallTime {
        WallTime::from_unix_millis(seconds * 1_000)
    }

    #[test]
    fn idle_time_survives_the_wrap_of_its_clock() {
        let then = (1 << 24) - 5;
        let access = Access::first(Noting::Recency, at(then));
        assert_eq!(access.idle(at(then)).as_secs(), 0);
        assert_eq!(access.idle(at(then + 12)).as_secs(), 12);
    }

    #[test]
    fn frequency_rises_slower_and_slower_and_falls_with_time() {
        let (mut access, mut random) = (Access::first(Noting::Frequency, at(0)), Random::new(3));
        assert_eq!(access.frequency(at(0)), 5);
        let mut after = Vec::new();
        for uses in 1..=100_000 {
            access = access.used(Noting::Frequency, at(0), &mut random);
            if [100, 10_000, 100_000].contains(&uses) {
                after.push(access.frequency(at(0)));
            }
        }
        // Redis documents about 10 after 100 uses, 18 to 49 after 10,000 and 142 after 100,000 for its factor of 10.
        assert!((7..=14).contains(&after[0]), "{after:?}");
        assert!((35..=60).contains(&after[1]), "{after:?}");
        assert!((125..=160).contains(&after[2]), "{after:?}");
        assert_eq!(access.frequency(at(7 * 60)), after[2] - 7);
        assert_eq!(access.frequency(at(300 * 60)), 0);
    }
}
