//! Making room when memory is full.
//! Promises: only a primary evicts, and each eviction is an effect; a call does a bounded amount of work.

use super::{Image, Mode};
use crate::eviction::{Policy, Pool};
use crate::{CommandError, Effect, Random};

impl Image {
    /// Changes the limit and what is done at it. What was noted of keys for another policy means little to the new one,
    /// until they are used again.
    pub fn set_limits(&mut self, memory_bytes_max: Option<usize>, policy: Policy) {
        self.options.memory_bytes_max = memory_bytes_max;
        self.options.policy = policy;
        self.pool = Pool::default();
    }

    /// Whether the keys take more memory than they may.
    pub fn is_over_limit(&self) -> bool {
        let max = self.options.memory_bytes_max;
        max.is_some_and(|max| self.keyspace.memory_bytes() > max)
    }

    /// Evicts keys until they take no more memory than they may, but not more than so many: the next call goes on. To be
    /// called before a command that needs memory. An error: the policy finds nothing to evict.
    pub fn make_room(&mut self, random: &mut Random, keys_max: usize) -> Result<(), CommandError> {
        // A replica takes what its primary sends.
        if self.mode == Mode::Replica {
            return Ok(());
        }
        for _ in 0..keys_max {
            if !self.is_over_limit() {
                return Ok(());
            }
            if self.mode == Mode::Starved {
                return Err(CommandError::OutOfMemory);
            }
            let chosen = self.pool.choose(self.options.policy, &self.keyspace, self.now, random);
            let key = chosen.ok_or(CommandError::OutOfMemory)?;
            self.write(Effect::Remove { key: &key });
            self.stats.evicted += 1;
        }
        Ok(())
    }
}
