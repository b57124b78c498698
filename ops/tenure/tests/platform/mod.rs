//! One `tenure dev` for a test, on ports and in a folder of its own.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

pub(crate) mod take_over;

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tenure_devcluster::{Port, Process};
use tokio::time::{sleep, timeout};

/// Longest wait for a state.
pub(crate) const SOON: Duration = Duration::from_secs(60);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);
/// The ports of one `tenure dev` with three nodes of each kind and a few shards, from the base port on: control plane, log nodes,
/// metrics of log nodes and of data nodes, data nodes.
const OFFSETS: [RangeInclusive<u16>; 5] = [0..=2, 11..=13, 21..=23, 31..=33, 101..=160];

/// See the top of the file.
pub(crate) struct Dev {
    temporary: TempDir,
    pub(crate) base_port: u16,
    process: Option<Process>,
}

impl Dev {
    /// Nothing that runs yet.
    pub(crate) fn new() -> Self {
        Self {
            temporary: tempfile::tempdir().unwrap(),
            base_port: free_base_port(),
            process: None,
        }
    }

    /// One that serves.
    pub(crate) async fn start(flags: &[&str]) -> Self {
        let mut dev = Self::new();
        let base_port = dev.base_port.to_string();
        dev.run(&[&["--base-port", &base_port], flags].concat()).await;
        dev
    }

    /// Runs on the folder, and waits until it serves.
    pub(crate) async fn run(&mut self, flags: &[&str]) {
        let mut command = self.command();
        command.arg("--data-dir").arg(self.folder()).args(flags);
        self.serve(command).await;
    }

    /// Runs without a folder of its own; `temporary` is where it makes one.
    pub(crate) async fn run_temporary(&mut self, temporary: &Path) {
        let mut command = self.command();
        command
            .args(["--base-port", &self.base_port.to_string()])
            .env("TMPDIR", temporary);
        self.serve(command).await;
    }

    async fn serve(&mut self, command: Command) {
        self.process = None;
        let process = Process::start("dev", command, &self.output()).unwrap();
        process.wait_ready(SOON).await.unwrap();
        self.process = Some(process);
    }

    /// Runs it on the folder and expects it to refuse; gives what it said.
    pub(crate) async fn refused(&self, flags: &[&str]) -> String {
        let mut command = self.command();
        command.arg("--data-dir").arg(self.folder()).args(flags);
        let output = self.temporary.path().join("refused.log");
        let process = Process::start("refused", command, &output).unwrap();
        let status = process.wait_ended(SOON).await.unwrap();
        let said = fs::read_to_string(&output).unwrap();
        assert_eq!(status.code(), Some(1), "{said}");
        said
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenure"));
        command.args(["dev", &format!("--die-with-parent={}", std::process::id())]);
        command.env_remove("TENURE_LOG");
        command
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.temporary.path().canonicalize().unwrap().join("data")
    }

    fn output(&self) -> PathBuf {
        self.temporary.path().join("output.log")
    }

    pub(crate) fn process(&self) -> &Process {
        self.process.as_ref().unwrap()
    }

    /// What is in dev.json now.
    pub(crate) fn contract(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.folder().join("dev.json")).unwrap()).unwrap()
    }

    /// The processes that dev.json names.
    pub(crate) fn pids(&self) -> Vec<(String, u32)> {
        let contract = self.contract();
        let named = contract["processes"].as_array().unwrap().iter();
        let pid = |process: &Value| u32::try_from(process["pid"].as_u64().unwrap()).unwrap();
        named
            .map(|process| (process["name"].as_str().unwrap().to_owned(), pid(process)))
            .collect()
    }

    pub(crate) fn pid(&self, name: &str) -> u32 {
        let pids = self.pids();
        pids.iter().find(|(named, _)| named == name).unwrap().1
    }

    /// The first shard's primary, as dev.json tells it.
    pub(crate) fn primary(&self) -> Value {
        self.contract()["clusters"][0]["shards"][0]["primary"].clone()
    }

    /// Logs in at the first shard's primary, which speaks without TLS, and sends a line; gives so many lines that came
    /// back.
    pub(crate) fn ask(&self, line: &str, lines: usize) -> String {
        self.try_ask(line, lines).unwrap()
    }

    /// As [`ask`](Self::ask), where the primary may close the connection. Fewer lines came if it did.
    pub(crate) fn try_ask(&self, line: &str, lines: usize) -> io::Result<String> {
        let mut stream = TcpStream::connect(self.primary()["addr"].as_str().unwrap())?;
        stream.set_read_timeout(Some(SOON))?;
        let password = &self.contract()["clusters"][0]["password"];
        stream.write_all(format!("AUTH {}\r\n{line}", password.as_str().unwrap()).as_bytes())?;
        let mut answers = BufReader::new(stream);
        let mut answer = String::new();
        for _ in 0..lines {
            answers.read_line(&mut answer)?;
        }
        Ok(answer)
    }

    /// All that it printed until now.
    pub(crate) fn printed(&self) -> String {
        fs::read_to_string(self.output()).unwrap()
    }

    /// Waits until it has printed this.
    pub(crate) async fn says(&self, text: &str) {
        until(text, || self.printed().contains(text)).await;
    }
}

/// Waits for a state that nobody tells of.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let waited = timeout(SOON, async {
        while !holds() {
            sleep(LOOK_AGAIN_AFTER).await;
        }
    });
    waited.await.unwrap_or_else(|_| unreachable!("never: {what}"));
}

/// Whether a process is there, and not only as one that nobody collected.
pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// `kill -9`. It is a child of a `tenure dev` that lives, so the number is still its own.
pub(crate) fn kill(pid: u32) {
    signal(pid, Signal::KILL);
}

/// SIGSTOP, as for [`kill`].
pub(crate) fn pause(pid: u32) {
    signal(pid, Signal::STOP);
}

fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Every process begins its search elsewhere, so that tests side by side do not take each other's.
fn free_base_port() -> u16 {
    let first = std::process::id() % 100;
    let bases = (0..100).map(|step| 10_000 + 200 * ((first + step) % 100));
    let free = |base: &u16| {
        let claims: Vec<Option<Port>> = OFFSETS
            .into_iter()
            .flatten()
            .map(|offset| Port::try_claim(base + offset).unwrap())
            .collect();
        claims.iter().all(Option::is_some)
    };
    bases.map(|base| u16::try_from(base).unwrap()).find(free).unwrap()
}
