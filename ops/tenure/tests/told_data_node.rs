//! A data node as a process that is told by a control plane what to host: it serves that, also when it starts again and
//! nobody tells it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod nodes_service;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nodes_service::{Heard, NodesService};
use tenure_devcluster::{Authority, CredentialFiles, LogNodes, LogNodesOptions, Port, Process, State};
use tenure_types::{GroupId, NodeId, StreamId};
use tenure_wire::control_v1::{Cluster, Desired, Limits, Replica, Shard, SlotRange, Standing, User};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(60);
const NODE: NodeId = NodeId::new(1);

/// Writes all that a node needs: its configuration's path.
fn configure(folder: &Path, log: &LogNodes, control: &[SocketAddr]) -> PathBuf {
    let tls = folder.join("node");
    fs::create_dir(&tls).unwrap();
    CredentialFiles::keep(&tls, log.authority(), || log.authority().data_node(NODE)).unwrap();
    let addresses: Vec<String> = control.iter().map(|address| format!("\"{address}\"")).collect();
    let log: Vec<String> = log
        .addresses()
        .iter()
        .map(|(node, address)| format!("{} = \"{address}\"", node.get()))
        .collect();
    let text = format!(
        "node = 1\nprofile = \"fast\"\ndata_dir = \"data\"\n[control]\naddresses = [{}]\nzone = \"a\"\nports = \
         [\"7501-7516\"]\nmemory_bytes = 1000000\n[log]\n{}\n[tls]\nauthority = \"authority.pem\"\ncertificate = \
         \"certificate.pem\"\nkey = \"key.pem\"\n",
        addresses.join(", "),
        log.join("\n"),
    );
    let path = tls.join("config.toml");
    fs::write(&path, text).unwrap();
    path
}

fn launch(config: &Path) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenure"));
    command
        .args(["server", "data", "--die-with-parent", "--config"])
        .arg(config);
    Process::start("data-1", command, &config.with_file_name("output.log")).unwrap()
}

fn desired(generation: u64, address: Option<SocketAddr>) -> Desired {
    let cluster = |address: SocketAddr| Cluster {
        name: "demo".to_owned(),
        tenant: 1,
        seed: 7,
        users: vec![User {
            name: "default".to_owned(),
            password_sha256: None,
        }],
        limits: Some(Limits {
            memory_bytes_max: 1 << 20,
            policy: "noeviction".to_owned(),
            connections_max: 100,
            request_bytes_max: 1 << 20,
            output_bytes_max: 1 << 20,
            clients_memory_bytes_max: 1 << 20,
        }),
        tls: None,
        plugins: Vec::new(),
        shards: vec![Shard {
            name: "0001".to_owned(),
            stream: StreamId::new(GroupId::new(0), 1).to_bits(),
            slots: vec![SlotRange { first: 0, last: 16_383 }],
            preferred: 1,
            replicas: vec![Replica {
                node: 1,
                address: address.to_string(),
            }],
            give_up_epoch: None,
        }],
    };
    Desired {
        generation,
        clusters: address.map(cluster).into_iter().collect(),
    }
}

async fn hears(heard: &mut watch::Receiver<Heard>, what: impl Fn(&Heard) -> bool) -> Heard {
    let newest = heard.clone();
    match timeout(SOON, heard.wait_for(|heard| what(heard))).await {
        Ok(heard) => heard.unwrap().clone(),
        Err(_) => unreachable!("it never heard this: {:?}", newest.borrow()),
    }
}

async fn ask(address: SocketAddr, request: &str, reply: &str) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
    let mut read = vec![0; reply.len()];
    timeout(SOON, stream.read_exact(&mut read)).await.unwrap().unwrap();
    assert_eq!(String::from_utf8_lossy(&read), reply);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_node_serves_what_it_is_told_and_after_a_restart_what_it_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let log = LogNodesOptions {
        count: 1,
        links: false,
        ..LogNodesOptions::new(env!("CARGO_BIN_EXE_tenure"), folder.path())
    };
    let log = LogNodes::start(log).await.unwrap();
    let (nobody, control, shard) = (Port::claim().unwrap(), Port::claim().unwrap(), Port::claim().unwrap());
    let config = configure(folder.path(), &log, &[nobody.address(), control.address()]);
    let mut service = NodesService::start(log.authority(), control.address());

    let process = launch(&config);
    let heard = hears(&mut service.heard, |heard| heard.report.is_some()).await;
    let hello = heard.hello.unwrap();
    assert_eq!((hello.node, &*hello.zone, &*hello.host), (1, "a", "127.0.0.1"));
    assert_eq!((hello.memory_bytes, hello.ports.len()), (1_000_000, 1));
    assert_eq!(heard.report.unwrap().generation, 0);
    assert_eq!(process.state(), State::Starting, "it was told nothing");

    service.say(desired(1, Some(shard.address())));
    process.wait_ready(SOON).await.unwrap();
    ask(shard.address(), "SET k v", "+OK\r\n").await;
    let is_primary = |heard: &Heard| {
        let Some(report) = &heard.report else {
            return false;
        };
        let standing = i32::from(Standing::Primary);
        report.generation == 1
            && report
                .replicas
                .iter()
                .any(|replica| replica.standing == standing && replica.keys == 1)
    };
    hears(&mut service.heard, is_primary).await;

    // The power fails, and the control plane is gone too.
    drop(service);
    process.kill(SOON).await.unwrap();
    let process = launch(&config);
    process.wait_ready(SOON).await.unwrap();
    ask(shard.address(), "GET k", "$1\r\nv\r\n").await;

    // It comes back, under the same name; who has another is not believed.
    let stranger = Authority::new().unwrap();
    let mut other = NodesService::start(&stranger, nobody.address());
    let mut service = NodesService::start(log.authority(), control.address());
    let heard = hears(&mut service.heard, is_primary).await;
    assert_ne!(heard.hello.unwrap().process, hello.process);
    service.say(desired(2, None));
    let is_empty = |heard: &Heard| {
        let report = heard.report.as_ref().unwrap();
        report.generation == 2 && report.replicas.is_empty()
    };
    hears(&mut service.heard, is_empty).await;
    assert!(TcpStream::connect(shard.address()).await.is_err());
    assert!(other.heard.borrow_and_update().hello.is_none());
    assert!(process.stop(SOON).await.unwrap().success());
}
