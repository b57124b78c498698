//! What every part of the control plane works with.
//! Promises: clocks, randomness, the log and the database are handed in; nothing is looked up from a global.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tenure_control_model::{Node, StreamSeen};
use tenure_control_store::Store;
use tenure_log::{Log, LogStatus};
use tenure_types::{Clock, StreamId, WallTime};
use tokio::sync::{Notify, watch};

use crate::metrics::Metrics;
use crate::plugin_check::PluginCheck;

/// See the top of the file.
#[derive(Clone)]
pub struct Shared {
    /// What is intended.
    pub store: Arc<dyn Store>,
    /// What owns the epochs.
    pub log: Arc<dyn Log>,
    /// The machine's clocks.
    pub clock: Arc<dyn Clock>,
    /// What the log told last.
    pub observed: watch::Receiver<Arc<Observed>>,
    /// Looks whether modules that are pushed can be run.
    pub plugin_check: Arc<dyn PluginCheck>,
    /// Wakes the reconcilers: look again.
    pub wake: Arc<Notify>,
    /// The certificate of the authority that signs everything here, PEM.
    pub authority_pem: Arc<str>,
    /// How it works.
    pub options: Arc<Options>,
    /// Where is counted what it does.
    pub metrics: Metrics,
}

/// How a control plane works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// A node whose session is silent for longer is thought dead. Default 3 s: it reports once a second. Since 0.1.
    pub node_lease: Duration,
    /// A replica on a node that is dead for longer is placed anew, if its shard has others that live. Default 5 min: a restart is
    /// quicker than another copy. Since 0.1.
    pub replace_after: Duration,
    /// The same for a shard of which no replica lives. Default 10 s. Since 0.1.
    pub rescue_after: Duration,
    /// If so large a share of the nodes that host something looks dead, in percent, only shards that the log hears nobody of are placed
    /// anew, one after the other with a pause: then this process is suspected
    /// first. Default 50. Since 0.1.
    pub brake_percent: u8,
    /// Requests in a second of all keys of one tenant together, or of one key of the platform, and as many at once again. Default 50. Since 0.1.
    pub requests_per_second: u32,
    /// How long answers to requests with an `Idempotency-Key` are remembered. Default 24 h. Since 0.1.
    pub remember_for: Duration,
    /// How long events, operations, failovers and audit rows are kept. Default 30 days. Since 0.1.
    pub keep_for: Duration,
}

impl Default for Options {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        Self {
            node_lease: Duration::from_secs(3),
            replace_after: Duration::from_secs(300),
            rescue_after: Duration::from_secs(10),
            brake_percent: 50,
            requests_per_second: 50,
            remember_for: DAY,
            keep_for: DAY * 30,
        }
    }
}

/// What the log told last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// Every stream of which the leader told within the last seconds.
    pub streams: BTreeMap<StreamId, StreamSeen>,
    /// How the groups stood; `None`: the log does not answer.
    pub log: Option<LogStatus>,
}

impl Shared {
    /// Now, for rows.
    pub fn now(&self) -> WallTime {
        self.clock.wall()
    }

    /// A number for an id: UUID version 7, so ids sort by age.
    pub fn new_id(&self) -> u128 {
        uuid::Uuid::now_v7().as_u128()
    }

    /// Whether a node's session lives.
    pub fn is_alive(&self, node: &Node) -> bool {
        was_seen(node.seen_at, self.now(), self.options.node_lease)
    }
}

/// Whether what was seen then is still so. What was seen in the future was seen by a clock that has been set back since: it says nothing.
pub(crate) fn was_seen(at: WallTime, now: WallTime, within: Duration) -> bool {
    const CLOCK_STEP_MILLIS: u64 = 1000;
    let silent = now.as_unix_millis().saturating_sub(at.as_unix_millis());
    let ahead = at.as_unix_millis().saturating_sub(now.as_unix_millis());
    Duration::from_millis(silent) <= within && ahead <= CLOCK_STEP_MILLIS
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_long_ago_or_in_the_future_says_nothing() {
        let at = |millis: u64| WallTime::from_unix_millis(1_000_000 + millis);
        let within = Duration::from_secs(3);
        let cases = [
            (0, 0, true),
            (0, 3000, true),
            (0, 3001, false),
            (1000, 0, true),
            (1001, 0, false),
        ];
        for (seen, now, holds) in cases {
            assert_eq!(was_seen(at(seen), at(now), within), holds, "seen at {seen}, now {now}");
        }
    }
}
