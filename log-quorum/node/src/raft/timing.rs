//! How long a group's Raft waits for what: the profiles, and openraft's configuration made of them.
//! Promises: settings that safety rests on are here and cannot be configured away.

use std::sync::Arc;
use std::time::Duration;

use openraft::{Config, ConfigError, SnapshotPolicy};

/// Timers of the groups. The fast one needs disks that never stall for long; the conservative one survives a stall of
/// half a second without an election.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// Heartbeat 50 ms, elections after 150 to 300 ms. A lost leader costs about half a second.
    Fast,
    /// Heartbeat 100 ms, elections after 400 to 800 ms. A lost leader costs about a second and a half.
    #[default]
    Conservative,
}

impl Profile {
    /// Time between heartbeats.
    pub const fn heartbeat(self) -> Duration {
        match self {
            Self::Fast => Duration::from_millis(50),
            Self::Conservative => Duration::from_millis(100),
        }
    }

    /// Shortest and longest time without a leader before a node stands for election.
    const fn election_millis(self) -> (u64, u64) {
        match self {
            Self::Fast => (150, 300),
            Self::Conservative => (400, 800),
        }
    }

    /// Longest time without a leader before a node stands for election.
    pub const fn election_max(self) -> Duration {
        Duration::from_millis(self.election_millis().1)
    }

    /// openraft's configuration.
    pub fn config(self) -> Result<Arc<Config>, ConfigError> {
        let (election_timeout_min, election_timeout_max) = self.election_millis();
        let heartbeat_interval = u64::try_from(self.heartbeat().as_millis()).unwrap_or(u64::MAX);
        let config = Config {
            cluster_name: "tenure".to_owned(),
            heartbeat_interval,
            heartbeat_min_interval: Some(heartbeat_interval / 2),
            election_timeout_min,
            election_timeout_max,
            // Without it a partly partitioned leader can keep the others from electing one (openraft #2080).
            quorum_loss_probe_interval: Some(2 * election_timeout_max),
            enable_pre_vote: Some(true),
            // A leader that restarts must win again: its lease is not restored, and somebody else may lead by then.
            enable_leader_restore: Some(false),
            // A follower whose log went back has lost its disk. It is replaced, never refilled in place.
            allow_log_reversion: Some(false),
            // Nothing is purged yet, so nobody ever needs a snapshot to catch up.
            snapshot_policy: SnapshotPolicy::Never,
            replication_lag_threshold: u64::MAX / 4,
            // Entries are batches already; what is read at once is bounded in bytes by the log store.
            max_payload_entries: 1024,
            ..Config::default()
        };
        Ok(Arc::new(config.validate()?))
    }
}
