//! What guests log.
//! Promises: at most so many lines a second of one plugin on one worker; what is left out is counted, and the count is told.

use std::cell::Cell;
use std::time::Duration;

use tenure_plugin_abi::LogLevel;
use tenure_types::BootTime;
use tracing::{debug, error, info, warn};

use super::Attached;

const LINES_MAX: u32 = 10;
const WITHIN: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Lines {
    since: Cell<Option<BootTime>>,
    lines: Cell<u32>,
    left_out: Cell<u64>,
}

impl Lines {
    pub(super) fn log(&self, of: &Attached, now: BootTime, level: LogLevel, text: &str) {
        let (tenant, cluster, plugin) = (of.cluster.tenant.get(), &of.cluster.name, &of.layout.name);
        match self.admit(now) {
            None => return,
            Some(0) => {}
            Some(left_out) => warn!(tenant, cluster, plugin, left_out, "a plugin logs more than is kept"),
        }
        match level {
            LogLevel::Debug => debug!(tenant, cluster, plugin, text, "a plugin says"),
            LogLevel::Info => info!(tenant, cluster, plugin, text, "a plugin says"),
            LogLevel::Warn => warn!(tenant, cluster, plugin, text, "a plugin says"),
            LogLevel::Error => error!(tenant, cluster, plugin, text, "a plugin says"),
        }
    }

    /// Whether a line is kept, and how many were left out before it that nobody was told of.
    fn admit(&self, now: BootTime) -> Option<u64> {
        let is_new = self.since.get().is_none_or(|since| now.elapsed_since(since) >= WITHIN);
        if is_new {
            self.since.set(Some(now));
            self.lines.set(0);
        }
        if self.lines.get() == LINES_MAX {
            self.left_out.set(self.left_out.get().saturating_add(1));
            return None;
        }
        self.lines.set(self.lines.get() + 1);
        Some(if is_new { self.left_out.take() } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_what_is_left_out_is_told() {
        let lines = Lines::default();
        let at = |millis: u64| BootTime::from_nanos(millis * 1_000_000);
        let kept = |millis| (0..50).filter_map(|_| lines.admit(at(millis))).collect::<Vec<_>>();
        assert_eq!(kept(5), [0; 10]);
        assert_eq!(kept(1004), Vec::<u64>::new());
        assert_eq!(lines.admit(at(1005)), Some(90));
        assert_eq!(lines.admit(at(1005)), Some(0));
    }
}
