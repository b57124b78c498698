//! The processes of one role in a cluster: what is started, broken and waited for one by one, or all at once.
//! Promises: a node keeps its folder over restarts; all of them end when this value is dropped, and when this process is
//! killed. Never waits without a bound. Leaves to each role: what is in the folders.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use serde::Serialize;
use tenure_types::NodeId;

use crate::{Port, Process, State};

/// Longest wait for a state of one process. Generous: the machine that runs the tests may be busy with others.
const WITHIN: Duration = Duration::from_secs(60);

/// Nodes of one role, and those of them that run.
#[derive(Debug)]
pub struct Fleet {
    binary: PathBuf,
    role: &'static str,
    log_filter: Option<String>,
    members: BTreeMap<NodeId, Member>,
}

#[derive(Debug)]
struct Member {
    folder: PathBuf,
    /// The newest run; `None` before the first.
    process: Option<Process>,
}

impl Fleet {
    /// Nodes from 1 to `count` with a folder each, none of which runs.
    pub(crate) fn new(
        binary: PathBuf,
        role: &'static str,
        log_filter: Option<String>,
        folder: &Path,
        count: u64,
    ) -> Self {
        let member = |number| Member {
            folder: folder.join(name(role, NodeId::new(number))),
            process: None,
        };
        Self {
            binary,
            role,
            log_filter,
            members: (1..=count)
                .map(|number| (NodeId::new(number), member(number)))
                .collect(),
        }
    }

    /// What the nodes are: the subcommand of `tenure server` that runs one.
    pub fn role(&self) -> &'static str {
        self.role
    }

    /// A node's name among people, such as `log-1`.
    pub fn name(&self, node: NodeId) -> String {
        name(self.role, node)
    }

    /// All nodes.
    pub fn nodes(&self) -> Vec<NodeId> {
        self.members.keys().copied().collect()
    }

    /// The folder with all that a node has.
    pub fn folder(&self, node: NodeId) -> Result<&Path> {
        Ok(&self.member(node)?.folder)
    }

    /// The newest run of a node.
    pub fn process(&self, node: NodeId) -> Result<&Process> {
        let process = self.member(node)?.process.as_ref();
        process.with_context(|| format!("{} was never started", self.name(node)))
    }

    /// Whether a node has a process that is not gone.
    pub fn is_running(&self, node: NodeId) -> Result<bool> {
        let state = self.member(node)?.process.as_ref().map(Process::state);
        Ok(matches!(state, Some(State::Starting | State::Ready)))
    }

    /// Starts a node that does not run, and does not wait. Its former run must have ended: two would fight for the folder.
    pub fn launch(&mut self, node: NodeId) -> Result<()> {
        let name = self.name(node);
        if self.is_running(node)? {
            bail!("{name} runs already");
        }
        let mut command = Command::new(&self.binary);
        // The number of this process, so that a child that is too late to watch for its death sees that it came.
        command.args([
            "server",
            self.role,
            &format!("--die-with-parent={}", std::process::id()),
        ]);
        command.arg("--config").arg(config_file(self.folder(node)?));
        // Ctrl-C in a terminal reaches this process only, which ends them in the order that it wants.
        command.process_group(0);
        if let Some(filter) = &self.log_filter {
            command.env("TENURE_LOG", filter);
        }
        let output = self.folder(node)?.join("output.log");
        let process = Process::start(&name, command, &output)?;
        self.member_mut(node)?.process = Some(process);
        Ok(())
    }

    /// Starts all nodes, and does not wait.
    pub fn launch_all(&mut self) -> Result<()> {
        self.nodes().into_iter().try_for_each(|node| self.launch(node))
    }

    /// Starts a node that does not run, and waits until it serves.
    pub async fn restart(&mut self, node: NodeId) -> Result<()> {
        self.launch(node)?;
        self.wait_ready(node).await
    }

    /// Waits until a node that was launched serves.
    pub async fn wait_ready(&self, node: NodeId) -> Result<()> {
        self.process(node)?.wait_ready(WITHIN).await
    }

    /// Waits until all nodes serve, which were launched.
    pub async fn wait_all_ready(&self) -> Result<()> {
        let waits = self.nodes().into_iter().map(|node| self.wait_ready(node));
        futures::future::try_join_all(waits).await?;
        Ok(())
    }

    /// `kill -9`, and waits until it is gone.
    pub async fn kill(&self, node: NodeId) -> Result<ExitStatus> {
        self.process(node)?.kill(WITHIN).await
    }

    /// `kill -9` of all nodes that run, as a power cut does it: none is waited for before the next is killed.
    pub async fn kill_all(&self) -> Result<()> {
        for process in self.processes() {
            process.signal_if_alive(Signal::KILL)?;
        }
        for process in self.processes() {
            process.wait_ended(WITHIN).await?;
        }
        Ok(())
    }

    /// Asks a node to end (SIGTERM), and waits until it has.
    pub async fn stop(&self, node: NodeId) -> Result<ExitStatus> {
        self.process(node)?.stop(WITHIN).await
    }

    /// Asks all nodes that run to end, also those that were paused, and waits until they have. Names those that had not
    /// after `within`, each with its last words: they are killed.
    pub async fn stop_all(&self, within: Duration) -> Result<Vec<String>> {
        for process in self.processes() {
            process.signal_if_alive(Signal::TERM)?;
            process.signal_if_alive(Signal::CONT)?;
        }
        let ends = self.processes().map(|process| process.wait_ended(within));
        let ends = futures::future::join_all(ends).await;
        let late: Vec<String> = ends
            .into_iter()
            .filter_map(Result::err)
            .map(|late| late.to_string())
            .collect();
        if !late.is_empty() {
            self.kill_all().await?;
        }
        Ok(late)
    }

    /// Stops a node where it is (SIGSTOP).
    pub fn pause(&self, node: NodeId) -> Result<()> {
        self.process(node)?.pause()
    }

    /// Lets a paused node go on (SIGCONT).
    pub fn resume(&self, node: NodeId) -> Result<()> {
        self.process(node)?.resume()
    }

    fn processes(&self) -> impl Iterator<Item = &Process> {
        self.members.values().filter_map(|member| member.process.as_ref())
    }

    fn member(&self, node: NodeId) -> Result<&Member> {
        self.members
            .get(&node)
            .with_context(|| format!("there is no {}", self.name(node)))
    }

    fn member_mut(&mut self, node: NodeId) -> Result<&mut Member> {
        let name = self.name(node);
        self.members
            .get_mut(&node)
            .with_context(|| format!("there is no {name}"))
    }
}

/// The section `[metrics]` of a node's configuration, as far as it is set here. `ops/tenure` owns the meaning.
#[derive(Serialize)]
pub(crate) struct MetricsSection {
    listen: SocketAddr,
}

impl MetricsSection {
    /// Of a node that has this port for them, if it has one.
    pub(crate) fn of(port: Option<&Port>) -> Option<Self> {
        port.map(|port| Self { listen: port.address() })
    }
}

/// Where a node's configuration is.
pub(crate) fn config_file(folder: &Path) -> PathBuf {
    folder.join("config.toml")
}

fn name(role: &str, node: NodeId) -> String {
    format!("{role}-{}", node.get())
}
