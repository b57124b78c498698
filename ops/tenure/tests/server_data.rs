//! A data node as a process: how it starts, ends, and lives without a log. What it serves is tested elsewhere.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends there; clippy sees only its functions as tests"
)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use tenure_devcluster::{ClusterOptions, DataNodes, DataNodesOptions, LogNodes, LogNodesOptions, State};
use tenure_types::NodeId;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const SOON: Duration = Duration::from_secs(60);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);
const BINARY: &str = env!("CARGO_BIN_EXE_tenure");
const NODE: NodeId = NodeId::new(1);

fn log_options(folder: &Path) -> LogNodesOptions {
    LogNodesOptions {
        count: 1,
        links: false,
        ..LogNodesOptions::new(BINARY, folder)
    }
}

fn data_options(folder: &Path, log: &LogNodes) -> DataNodesOptions {
    DataNodesOptions {
        clusters: vec![ClusterOptions::new(7, Some("secret".to_owned()))],
        ..DataNodesOptions::new(BINARY, folder, log)
    }
}

/// Waits until a node has begun its work: from then on it hears signals.
async fn begins(nodes: &DataNodes) {
    let output = nodes.process(NODE).unwrap().output().to_owned();
    let begun = || {
        fs::read_to_string(&output)
            .unwrap_or_default()
            .contains("starting node=node-1")
    };
    let waited = timeout(SOON, async {
        while !begun() {
            sleep(LOOK_AGAIN_AFTER).await;
        }
    });
    waited.await.unwrap();
}

#[tokio::test]
async fn data_nodes_on_a_quorum_become_ready_and_end_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let log = LogNodes::start(log_options(folder.path())).await.unwrap();
    let nodes = DataNodes::start(data_options(folder.path(), &log)).await.unwrap();
    for node in nodes.nodes() {
        assert_eq!(nodes.process(node).unwrap().state(), State::Ready);
        assert!(nodes.stop(node).await.unwrap().success());
    }
}

#[tokio::test]
async fn a_node_without_a_log_ends_cleanly_when_it_is_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let log = LogNodes::prepare(log_options(folder.path())).await.unwrap();
    let mut nodes = DataNodes::prepare(data_options(folder.path(), &log)).await.unwrap();
    nodes.launch(NODE).unwrap();
    begins(&nodes).await;
    let ended = nodes.stop(NODE).await.unwrap();
    assert!(ended.success(), "{ended}");
}

#[tokio::test]
async fn a_node_waits_for_a_log_that_comes_later_and_is_not_ready_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = LogNodes::prepare(log_options(folder.path())).await.unwrap();
    let mut nodes = DataNodes::prepare(data_options(folder.path(), &log)).await.unwrap();
    nodes.launch(NODE).unwrap();
    begins(&nodes).await;
    // Its port answers already.
    let address = nodes.cluster("demo").unwrap().shards[0].primary_address().unwrap();
    while TcpStream::connect(address).await.is_err() {
        sleep(LOOK_AGAIN_AFTER).await;
    }
    assert_eq!(nodes.process(NODE).unwrap().state(), State::Starting);
    log.launch_all().unwrap();
    nodes.wait_ready(NODE).await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_is_none_is_refused_before_anything_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let log = LogNodes::prepare(log_options(folder.path())).await.unwrap();
    let mut nodes = DataNodes::prepare(data_options(folder.path(), &log)).await.unwrap();
    fs::write(nodes.folder(NODE).unwrap().join("key.pem"), "no key").unwrap();
    let said = nodes.restart(NODE).await.unwrap_err().to_string();
    assert!(
        said.contains("exit status: 1") && said.contains("hint: check the address under [log]"),
        "{said}"
    );
}

#[tokio::test]
async fn a_quorum_goes_on_in_its_folder_with_its_ports_and_certificates() {
    let folder = tempfile::tempdir().unwrap();
    let options = || log_options(folder.path());
    let authority = tenure_devcluster::Authority::new().map(std::sync::Arc::new).unwrap();
    let with_authority = || LogNodesOptions {
        authority: Some(authority.clone()),
        ..options()
    };
    let first = LogNodes::start(with_authority()).await.unwrap();
    let addresses = first.addresses();
    let read = |name: &str| fs::read_to_string(folder.path().join("log-1").join(name)).unwrap();
    let certificate = read("certificate.pem");
    drop(first);
    let second = LogNodes::start(with_authority()).await.unwrap();
    assert_eq!(second.addresses(), addresses);
    assert_eq!(read("certificate.pem"), certificate);
    drop(second);
    let more = LogNodesOptions {
        count: 3,
        ..with_authority()
    };
    let said = LogNodes::prepare(more).await.unwrap_err().to_string();
    assert!(said.contains("names other nodes or ports than are asked for"), "{said}");
    // Another authority: nobody would believe the old certificates.
    let _third = LogNodes::start(options()).await.unwrap();
    assert_ne!(read("certificate.pem"), certificate);
}
