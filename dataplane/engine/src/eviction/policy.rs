//! The policies by the names that Redis gives them in `maxmemory-policy`.

use std::fmt;

use super::Noting;

/// What to do at the memory limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// Refuse writes that need memory. The default: nothing is lost that was not asked for.
    #[default]
    NoEviction,
    /// Of all keys, those go that were not used for the longest time.
    AllKeysLru,
    /// The same of keys with an expiry.
    VolatileLru,
    /// Of all keys, those go that are used least often.
    AllKeysLfu,
    /// The same of keys with an expiry.
    VolatileLfu,
    /// Any keys go.
    AllKeysRandom,
    /// The same of keys with an expiry.
    VolatileRandom,
    /// Of the keys with an expiry, those go that expire soonest.
    VolatileTtl,
}

impl Policy {
    /// Each once.
    pub const ALL: [Self; 8] = [
        Self::NoEviction,
        Self::AllKeysLru,
        Self::VolatileLru,
        Self::AllKeysLfu,
        Self::VolatileLfu,
        Self::AllKeysRandom,
        Self::VolatileRandom,
        Self::VolatileTtl,
    ];

    /// The policy of this name, in any case.
    pub fn parse(name: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|policy| policy.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoEviction => "noeviction",
            Self::AllKeysLru => "allkeys-lru",
            Self::VolatileLru => "volatile-lru",
            Self::AllKeysLfu => "allkeys-lfu",
            Self::VolatileLfu => "volatile-lfu",
            Self::AllKeysRandom => "allkeys-random",
            Self::VolatileRandom => "volatile-random",
            Self::VolatileTtl => "volatile-ttl",
        }
    }

    /// Whether it spares keys that have no expiry.
    pub const fn is_volatile(self) -> bool {
        match self {
            Self::VolatileLru | Self::VolatileLfu | Self::VolatileRandom | Self::VolatileTtl => true,
            Self::NoEviction | Self::AllKeysLru | Self::AllKeysLfu | Self::AllKeysRandom => false,
        }
    }

    /// Whether it counts how often keys are used, and not when: OBJECT FREQ works then, OBJECT IDLETIME does not.
    pub const fn counts_frequency(self) -> bool {
        matches!(self, Self::AllKeysLfu | Self::VolatileLfu)
    }

    pub(crate) const fn noting(self) -> Noting {
        if self.counts_frequency() {
            Noting::Frequency
        } else {
            Noting::Recency
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_found_by_its_name_in_any_case() {
        for policy in Policy::ALL {
            assert_eq!(Policy::parse(policy.to_string().as_bytes()), Some(policy));
            assert_eq!(Policy::parse(policy.name().to_uppercase().as_bytes()), Some(policy));
        }
        assert_eq!(Policy::parse(b"lru"), None);
    }
}
