//! Tenure as `tenure dev` starts it: three log nodes, a control plane and one data node, each a process of its own.
//! Promises: what is measured are the processes that production has, with mutual TLS between them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tenure_devcluster::{Port, Process};

use crate::channel::{Channel, Door};
use crate::server::{Kind, Member, Server};

const READY_WITHIN: Duration = Duration::from_secs(60);

/// Ports that one `tenure dev` of this shape has, counted from its base port.
const PORTS: [std::ops::RangeInclusive<u16>; 3] = [0..=1, 11..=13, 101..=118];
/// Where the search for free ones begins, and how many places it looks at.
const BASE_PORT_FIRST: u16 = 20_000;
const BASE_PORT_STEP: usize = 120;
const BASE_PORTS: usize = 90;

/// More memory than any load here fills.
const MEMORY: &str = "4gb";

/// The binary to be measured: the one that was named, or that beside this program.
pub(crate) fn find(named: Option<PathBuf>) -> Result<PathBuf> {
    let binary = match named {
        Some(named) => named,
        None => std::env::current_exe()
            .context("could not find this program's own file")?
            .with_file_name("tenure"),
    };
    if !binary.is_file() {
        bail!(
            "{} is not there; cargo build --release -p tenure, or name one: --tenure FILE",
            binary.display()
        );
    }
    Ok(binary)
}

/// Starts it.
pub(crate) async fn start(binary: &Path, channel: Channel, within: &Path) -> Result<Server> {
    let files = tempfile::Builder::new().prefix("tenure-bench-").tempdir_in(within)?;
    let data = files.path().join("data");
    let mut command = Command::new(binary);
    command.args(["dev", &format!("--die-with-parent={}", std::process::id())]);
    command.args([
        "--data-nodes",
        "1",
        "--replicas",
        "0",
        "--shards",
        "1",
        "--memory",
        MEMORY,
    ]);
    command
        .args(["--base-port", &free_base_port()?.to_string()])
        .arg("--data-dir")
        .arg(&data);
    if channel == Channel::Plain {
        command.arg("--no-tls");
    }
    let process = Process::start("tenure-dev", command, &files.path().join("output.log"))?;
    process.wait_ready(READY_WITHIN).await?;
    let path = data.join("dev.json");
    let text = fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    let told: Told = serde_json::from_str(&text).with_context(|| format!("{} is of another shape", path.display()))?;
    let (door, processes) = told.understood()?;
    Ok(Server {
        kind: Kind::Tenure,
        door,
        processes,
        running: vec![process],
        _ports: Vec::new(),
        _files: files,
    })
}

/// What of dev.json is needed here (ops/docs/dev.md).
#[derive(Debug, Deserialize)]
struct Told {
    processes: Vec<ProcessTold>,
    clusters: Vec<ClusterTold>,
}

#[derive(Debug, Deserialize)]
struct ProcessTold {
    role: String,
    name: String,
    pid: u32,
}

#[derive(Debug, Deserialize)]
struct ClusterTold {
    endpoints: Vec<std::net::SocketAddr>,
    password: String,
    ca: Option<PathBuf>,
}

impl Told {
    fn understood(self) -> Result<(Door, Vec<Member>)> {
        let cluster = self.clusters.into_iter().next().context("dev.json has no cluster")?;
        let endpoint = cluster
            .endpoints
            .first()
            .context("the cluster in dev.json has no endpoint")?;
        let door = Door {
            port: endpoint.port(),
            password: Some(cluster.password),
            authority: cluster.ca,
        };
        let mut processes = self.processes;
        processes.sort_by_key(|process| (process.role != "data", process.name.clone()));
        let members = processes.into_iter().map(|process| Member {
            name: process.name,
            pid: process.pid,
        });
        Ok((door, members.collect()))
    }
}

/// One from which all ports are free. `tenure dev` claims them itself a moment later, so they are given back.
fn free_base_port() -> Result<u16> {
    for base in (BASE_PORT_FIRST..).step_by(BASE_PORT_STEP).take(BASE_PORTS) {
        let ports = PORTS.into_iter().flatten().map(|offset| Port::try_claim(base + offset));
        if ports.collect::<Result<Vec<_>>>()?.iter().all(Option::is_some) {
            return Ok(base);
        }
    }
    bail!("no {BASE_PORT_STEP} ports in a row are free on 127.0.0.1 from {BASE_PORT_FIRST} on");
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_data_node_stands_first_and_clients_go_to_the_first_endpoint() {
        let text = r#"{"api": {}, "processes": [{"role": "log", "name": "log-1", "pid": 1, "ports": {}},
            {"role": "data", "name": "data-1", "pid": 2, "ports": {}}],
            "clusters": [{"endpoints": ["127.0.0.1:7501"], "password": "secret", "ca": null}]}"#;
        let (door, members) = serde_json::from_str::<Told>(text).unwrap().understood().unwrap();
        assert_eq!(
            (door.port, door.password.as_deref(), door.authority),
            (7501, Some("secret"), None)
        );
        let names: Vec<_> = members.iter().map(|member| member.name.as_str()).collect();
        assert_eq!(names, ["data-1", "log-1"]);
    }
}
