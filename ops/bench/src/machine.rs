//! What the figures were made on, and what else ran: without it none of them means anything.

use std::fs;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::usage;

/// How many of the busiest other processes are named.
const OTHERS: usize = 5;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpus: usize,
    pub(crate) cpu_model: String,
    pub(crate) kernel: String,
    pub(crate) memory_bytes: u64,
    /// Of this process; servers and load inherit it, but for threads that chose another one.
    pub(crate) scheduling: String,
    pub(crate) load_average: String,
}

impl Machine {
    pub(crate) fn look() -> Result<Self> {
        let cpus = read("/proc/cpuinfo")?;
        let model = cpus.lines().find_map(|line| line.strip_prefix("model name"));
        let memory = read("/proc/meminfo")?;
        let kibibytes = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
        let kibibytes = kibibytes.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
        Ok(Self {
            cpus: cpus.lines().filter(|line| line.starts_with("processor")).count(),
            cpu_model: model.map_or_else(String::new, |model| {
                model.trim_start_matches(['\t', ' ', ':']).to_owned()
            }),
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            memory_bytes: kibibytes.unwrap_or_default() * 1024,
            scheduling: usage::scheduling(std::process::id())?,
            load_average: load_average()?,
        })
    }
}

/// Over 1, 5 and 15 minutes, and what runs now.
pub(crate) fn load_average() -> Result<String> {
    Ok(read("/proc/loadavg")?.trim().to_owned())
}

/// CPU ticks of all processes, by which those that used most in between are told.
#[derive(Debug)]
pub(crate) struct Others(Vec<(u32, String, f64)>);

impl Others {
    /// All processes as they are now.
    pub(crate) fn look() -> Result<Self> {
        let mut all = Vec::new();
        for entry in fs::read_dir("/proc").context("could not read /proc")? {
            let name = entry?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            // A process may end while it is looked at.
            if let (Ok(cpu), Ok(name)) = (usage::Cpu::of(pid), read(&format!("/proc/{pid}/comm"))) {
                all.push((pid, name.trim().to_owned(), cpu.seconds()));
            }
        }
        Ok(Self(all))
    }

    /// The busiest since `before`, without `ours`: their names and CPU seconds. One that ended meanwhile is not seen.
    pub(crate) fn busiest_since(&self, before: &Self, ours: &[u32]) -> Vec<(String, f64)> {
        let earlier = |pid: u32| {
            before
                .0
                .iter()
                .find(|(known, ..)| *known == pid)
                .map_or(0.0, |found| found.2)
        };
        let others = self.0.iter().filter(|(pid, ..)| !ours.contains(pid));
        let mut used: Vec<_> = others
            .map(|(pid, name, cpu)| (name.clone(), cpu - earlier(*pid)))
            .collect();
        used.retain(|(_, seconds)| *seconds > 0.0);
        used.sort_by(|one, other| other.1.total_cmp(&one.1));
        used.truncate(OTHERS);
        used
    }
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("could not read {path}"))
}
