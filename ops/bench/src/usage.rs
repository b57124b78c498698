//! What processes used, as `/proc` tells: CPU seconds, memory, scheduling classes.

use std::fs;

use anyhow::{Context, Result};
use serde::Serialize;

/// Linux counts in hundredths of a second on every platform that Tenure runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Places in `/proc/PID/stat` behind the name, which may hold anything.
const STATE: usize = 0;
const USER_TICKS: usize = 11;
const SYSTEM_TICKS: usize = 12;
const CHILDREN_USER_TICKS: usize = 13;
const CHILDREN_SYSTEM_TICKS: usize = 14;
const NICE: usize = 16;
const POLICY: usize = 38;

/// CPU seconds of a process, its threads included.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub(crate) struct Cpu {
    pub(crate) user_seconds: f64,
    pub(crate) system_seconds: f64,
}

impl Cpu {
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let stat = Stat::read(&format!("/proc/{pid}/stat"))?;
        stat.cpu(USER_TICKS, SYSTEM_TICKS)
    }

    /// Of the children of this process that have ended.
    pub(crate) fn of_ended_children() -> Result<Self> {
        let stat = Stat::read("/proc/self/stat")?;
        stat.cpu(CHILDREN_USER_TICKS, CHILDREN_SYSTEM_TICKS)
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            user_seconds: self.user_seconds - before.user_seconds,
            system_seconds: self.system_seconds - before.system_seconds,
        }
    }

    pub(crate) fn seconds(self) -> f64 {
        self.user_seconds + self.system_seconds
    }
}

/// Bytes of a process in memory.
pub(crate) fn resident_bytes(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("could not read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    Ok(kibibytes.with_context(|| format!("{path} has no VmRSS"))? * 1024)
}

/// How the threads of a process are scheduled, such as `2 x SCHED_OTHER nice 0, 1 x SCHED_FIFO`.
pub(crate) fn scheduling(pid: u32) -> Result<String> {
    let folder = format!("/proc/{pid}/task");
    let mut classes = std::collections::BTreeMap::<String, u32>::new();
    for thread in fs::read_dir(&folder).with_context(|| format!("could not read {folder}"))? {
        let stat = Stat::read(&thread?.path().join("stat").display().to_string());
        // A thread may end while it is looked at.
        let Ok(stat) = stat else { continue };
        let class = match stat.number(POLICY)? {
            0 => format!("SCHED_OTHER nice {}", stat.number(NICE)?),
            1 => "SCHED_FIFO".to_owned(),
            2 => "SCHED_RR".to_owned(),
            3 => "SCHED_BATCH".to_owned(),
            5 => "SCHED_IDLE".to_owned(),
            other => format!("class {other}"),
        };
        *classes.entry(class).or_default() += 1;
    }
    let classes = classes.iter().map(|(class, threads)| format!("{threads} x {class}"));
    Ok(classes.collect::<Vec<_>>().join(", "))
}

struct Stat(Vec<String>);

impl Stat {
    fn read(path: &str) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("could not read {path}"))?;
        let (_, behind) = text
            .rsplit_once(") ")
            .with_context(|| format!("{path} is of another kind"))?;
        let stat = Self(behind.split_whitespace().map(str::to_owned).collect());
        stat.0.get(STATE).with_context(|| format!("{path} is empty"))?;
        Ok(stat)
    }

    fn number(&self, at: usize) -> Result<i64> {
        let text = self
            .0
            .get(at)
            .context("a stat file is shorter than Linux writes them")?;
        text.parse()
            .with_context(|| format!("{text} in a stat file is no number"))
    }

    fn cpu(&self, user: usize, system: usize) -> Result<Cpu> {
        #[allow(clippy::cast_precision_loss, reason = "ticks of a run are far below 2^52")]
        let seconds = |at| -> Result<f64> { Ok(self.number(at)? as f64 / TICKS_PER_SECOND) };
        Ok(Cpu {
            user_seconds: seconds(user)?,
            system_seconds: seconds(system)?,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::process;

    use super::*;

    #[test]
    fn a_process_sees_what_it_uses() {
        let before = Cpu::of(process::id()).unwrap();
        let mut numbers = 0_u64;
        while Cpu::of(process::id()).unwrap().since(before).seconds() <= 0.0 {
            numbers = std::hint::black_box(numbers.wrapping_add(1));
        }
        assert!(resident_bytes(process::id()).unwrap() > 100_000);
        assert!(scheduling(process::id()).unwrap().contains(" x "));
    }

    #[test]
    fn a_process_that_is_gone_is_an_error_with_its_number() {
        let said = Cpu::of(u32::MAX).unwrap_err().to_string();
        assert!(said.contains(&u32::MAX.to_string()), "{said}");
    }
}
