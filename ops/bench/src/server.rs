//! The servers that are compared, and what a running one is.
//! Promises: a server that was started serves, and is gone with its files when it is dropped.

use std::fmt;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use tempfile::TempDir;
use tenure_devcluster::{Port, Process};

use crate::channel::Door;

/// Who is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// `tenure dev` with three log nodes and one data node: each write on three disks, or here three times on one.
    Tenure,
    /// redis-server that keeps nothing on disk.
    Redis,
    /// redis-server with `appendonly yes` and `appendfsync always`: each write on one disk.
    RedisAlways,
    /// valkey-server that keeps nothing on disk.
    Valkey,
    /// valkey-server with two replicas, all three with `appendfsync always`: what WAITAOF can make of three copies.
    ValkeyThreeCopies,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tenure => "Tenure",
            Self::Redis => "redis",
            Self::RedisAlways => "redis always",
            Self::Valkey => "Valkey",
            Self::ValkeyThreeCopies => "Valkey, 3 copies",
        })
    }
}

/// One that runs.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) door: Door,
    /// Its processes, the one that clients speak to first.
    pub(crate) processes: Vec<Member>,
    // Dropped in this order.
    pub(crate) running: Vec<Process>,
    /// Nobody else is given them while it runs.
    pub(crate) _ports: Vec<Port>,
    pub(crate) _files: TempDir,
}

/// One process of a server.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) pid: u32,
}

impl Server {
    /// Asks it something, by redis-cli.
    pub(crate) fn ask(&self, words: &[&str]) -> Result<String> {
        ask(&self.door, words)
    }

    /// A number in what INFO says, such as `used_memory`.
    pub(crate) fn info_number(&self, field: &str) -> Result<u64> {
        let text = self.ask(&["INFO"])?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let number = line.and_then(|number| number.trim().parse().ok());
        number.with_context(|| format!("INFO of {} has no number {field}", self.kind))
    }
}

/// Asks a server something, by redis-cli.
pub(crate) fn ask(door: &Door, words: &[&str]) -> Result<String> {
    let mut command = Command::new("redis-cli");
    command.args(door.flags()).arg("--no-auth-warning").args(words);
    let output = command
        .output()
        .context("could not start redis-cli; apt install redis-tools")?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ensure!(
        output.status.success(),
        "redis-cli {} failed: {said} {}",
        words.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(said)
}
