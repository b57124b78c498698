//! A log node as a process: how it starts, ends, and is kept from outliving its parent. What it answers is tested
//! elsewhere.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends there; clippy sees only its functions as tests"
)]

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tenure_devcluster::{LogNodes, LogNodesOptions, State};
use tenure_types::NodeId;
use tokio::net::TcpStream;

const SOON: Duration = Duration::from_secs(60);
const NODE: NodeId = NodeId::new(1);

fn options(folder: &Path) -> LogNodesOptions {
    LogNodesOptions::new(env!("CARGO_BIN_EXE_tenure"), folder)
}

fn one(folder: &Path) -> LogNodesOptions {
    LogNodesOptions {
        count: 1,
        ..options(folder)
    }
}

/// A node started by a shell that waits for it; the shell's number, the node's, and what the node prints.
struct Orphanage {
    shell: Child,
    node: Pid,
    lines: Lines<BufReader<ChildStdout>>,
}

fn started_by_a_shell(config: &Path, die_with_parent: &str) -> Orphanage {
    // The node's own error, if any, goes to the test's stderr.
    let script = r#""$0" server log --config "$1" "$2" & echo $!; wait"#;
    let mut command = Command::new("sh");
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_tenure")])
        .arg(config)
        .arg(die_with_parent);
    let mut shell = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(shell.stdout.take().unwrap()).lines();
    let node = lines
        .next()
        .unwrap()
        .unwrap()
        .parse()
        .ok()
        .and_then(Pid::from_raw)
        .unwrap();
    Orphanage { shell, node, lines }
}

impl Orphanage {
    /// Whether all who could print are gone: the output ends then.
    fn ends(self) -> bool {
        let (tell, ended) = mpsc::channel();
        thread::spawn(move || tell.send(self.lines.count()));
        let ended = ended.recv_timeout(SOON).is_ok();
        if !ended {
            // It lives, so the number is still its own; a test that fails leaves nothing behind either.
            let _ = kill_process(self.node, Signal::KILL);
        }
        ended
    }
}

#[tokio::test]
async fn three_nodes_become_ready_and_listen() {
    let folder = tempfile::tempdir().unwrap();
    let quorum = LogNodes::start(options(folder.path())).await.unwrap();
    for (node, address) in quorum.addresses() {
        TcpStream::connect(address).await.unwrap();
        assert_eq!(quorum.process(node).unwrap().state(), State::Ready);
    }
}

#[tokio::test]
async fn a_node_that_is_asked_to_end_ends_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let quorum = LogNodes::start(one(folder.path())).await.unwrap();
    let status = quorum.stop(NODE).await.unwrap();
    assert!(status.success(), "{status}");
    TcpStream::connect(quorum.address(NODE).unwrap()).await.unwrap_err();
}

#[tokio::test]
async fn a_killed_node_comes_back_on_its_folder_and_address_without_the_bootstrap_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut quorum = LogNodes::start(one(folder.path())).await.unwrap();
    let address = quorum.address(NODE).unwrap();
    quorum.kill(NODE).await.unwrap();
    fs::remove_file(folder.path().join("bootstrap.toml")).unwrap();
    quorum.restart(NODE).await.unwrap();
    assert_eq!(quorum.address(NODE).unwrap(), address);
    TcpStream::connect(address).await.unwrap();
}

#[tokio::test]
async fn an_empty_folder_without_a_bootstrap_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut quorum = LogNodes::prepare(one(folder.path())).await.unwrap();
    fs::remove_file(folder.path().join("bootstrap.toml")).unwrap();
    let said = quorum.restart(NODE).await.unwrap_err().to_string();
    assert!(
        said.contains("exit status: 1") && said.contains("hint: name the quorum's file"),
        "{said}"
    );
}

#[tokio::test]
async fn a_second_process_on_one_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let quorum = LogNodes::start(one(folder.path())).await.unwrap();
    let mut second = Command::new(env!("CARGO_BIN_EXE_tenure"));
    second
        .args(["server", "log", "--config"])
        .arg(folder.path().join("log-1/config.toml"));
    let output = second.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("is in use by another process") && said.contains("\nhint: "),
        "{said}"
    );
    drop(quorum);
}

#[tokio::test]
async fn a_node_dies_with_its_parent_also_when_it_stands_still() {
    for pause in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let _prepared = LogNodes::prepare(one(folder.path())).await.unwrap();
        let mut orphanage = started_by_a_shell(&folder.path().join("log-1/config.toml"), "--die-with-parent");
        assert_eq!(orphanage.lines.next().unwrap().unwrap(), "ready");
        if pause {
            kill_process(orphanage.node, Signal::STOP).unwrap();
        }
        orphanage.shell.kill().unwrap();
        orphanage.shell.wait().unwrap();
        assert!(orphanage.ends());
    }
}

#[tokio::test]
async fn a_node_whose_parent_is_dead_already_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let _prepared = LogNodes::prepare(one(folder.path())).await.unwrap();
    let mut gone = Command::new("true").spawn().unwrap();
    // Until it is collected nobody else has its number.
    let parent = Pid::from_child(&gone);
    waitid(WaitId::Pid(parent), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    let flag = format!("--die-with-parent={}", gone.id());
    let config = folder.path().join("log-1/config.toml");
    let mut orphanage = started_by_a_shell(&config, &flag);
    assert!(orphanage.shell.wait().unwrap().success());
    assert_eq!(orphanage.lines.count(), 0);
    gone.wait().unwrap();
}
