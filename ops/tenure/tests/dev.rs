//! What `tenure dev` promises to people and to scripts, with real processes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on ends there; clippy sees only its functions as tests"
)]

mod platform;

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use serde_json::{Value, json};
use tenure_devcluster::State;
use tenure_types::NodeId;

use self::platform::take_over::take_over;
use self::platform::{Dev, SOON, is_alive, until};

/// DESIGN section 11.
fn example() -> Value {
    json!({"api": {"url": "https://127.0.0.1:7400", "token": "…", "ca": "…/ca.pem"},
           "metrics": ["https://…/metrics"],
           "processes": [{"role": "log", "name": "log-1", "pid": 1, "ports": {"grpc": 7411}}],
           "clusters": [{"name": "demo", "tenant": "demo", "endpoints": ["127.0.0.1:7501", "127.0.0.1:7502"],
                         "user": "default", "password": "…", "tls": true, "ca": "…/ca.pem",
                         "shards": [{"name": "0001", "primary": {"node": "data-1", "addr": "127.0.0.1:7501"},
                                     "replicas": [{"node": "data-2", "addr": "127.0.0.1:7502"}]}]}]})
}

/// The same keys, and values of the same kinds, all the way down. What a list holds is like its first in the example.
fn check_like(found: &Value, example: &Value, at: &str) {
    match (found, example) {
        (Value::Object(found), Value::Object(example)) => {
            assert!(found.keys().eq(example.keys()), "{at}: {:?}", found.keys());
            for (key, value) in found {
                check_like(value, &example[key], &format!("{at}.{key}"));
            }
        }
        (Value::Array(found), Value::Array(example)) => {
            found
                .iter()
                .for_each(|value| check_like(value, &example[0], &format!("{at}[]")));
        }
        (Value::String(_), Value::String(_)) | (Value::Number(_), Value::Number(_)) => {}
        (Value::Bool(_), Value::Bool(_)) => {}
        _ => panic!("{at}: {found} is not like {example}"),
    }
}

#[tokio::test]
async fn dev_json_has_the_shape_that_scripts_rely_on_and_is_for_its_owner_only() {
    let dev = Dev::start(&["--shards", "2", "--log-nodes", "1"]).await;
    let path = dev.folder().join("dev.json");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut found = dev.contract();
    // The ports of each node go on in threes from its own first.
    let port = |node: u16, round: u16| dev.base_port + 100 + node + 3 * round;
    let on = |node: u16, round: u16| json!({"node": format!("data-{node}"), "addr": format!("127.0.0.1:{}", port(node, round))});
    let cluster = &found["clusters"][0];
    assert_eq!(cluster["endpoints"].as_array().unwrap().len(), 4);
    let [first, second] = &cluster["shards"].as_array().unwrap()[..] else {
        panic!("{cluster}");
    };
    assert_eq!((&first["primary"], &first["replicas"]), (&on(1, 0), &json!([on(2, 0)])));
    assert_eq!(
        (&second["primary"], &second["replicas"]),
        (&on(3, 0), &json!([on(1, 1)]))
    );
    assert_eq!(cluster["ca"], json!(dev.folder().join("ca.pem")));
    assert_eq!(
        found["api"]["url"],
        json!(format!("https://127.0.0.1:{}", dev.base_port))
    );
    assert_eq!(found["processes"][0]["ports"], json!({"grpc": dev.base_port + 11}));
    assert_eq!(
        found["processes"][1]["ports"],
        json!({"api": dev.base_port, "grpc": dev.base_port + 1})
    );
    let metrics = [21, 2, 31, 32, 33].map(|offset| format!("https://127.0.0.1:{}/metrics", dev.base_port + offset));
    assert_eq!(found["metrics"], json!(metrics), "in the order of the processes");
    let names: Vec<_> = dev.pids().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["log-1", "control-1", "data-1", "data-2", "data-3"]);
    // Ports of data nodes are named after the shards.
    assert_eq!(
        found["processes"][2]["ports"],
        json!({"demo/0001": port(1, 0), "demo/0002": port(1, 1)})
    );
    for process in found["processes"].as_array_mut().unwrap() {
        process["ports"] = json!({"grpc": 1});
    }
    check_like(&found, &example(), "dev.json");
}

#[tokio::test]
async fn a_second_dev_on_a_folder_that_is_in_use_is_refused() {
    let dev = Dev::start(&["--log-nodes", "1"]).await;
    let said = dev.refused(&[]).await;
    assert!(said.contains("is in use by another tenure dev\nhint: "), "{said}");
    assert_eq!(dev.process().state(), State::Ready);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_the_process_that_wants_it_and_others_can_be_chosen() {
    for (offset, process) in [
        (11, "log-1"),
        (0, "control-1 (API)"),
        (102, "data-2"),
        (32, "data-2 (metrics)"),
    ] {
        let mut dev = Dev::new();
        let base_port = dev.base_port.to_string();
        let taken = TcpListener::bind(("127.0.0.1", dev.base_port + offset)).unwrap();
        let said = dev.refused(&["--base-port", &base_port]).await;
        let port = taken.local_addr().unwrap().port();
        let expected = format!("error: port {port} of {process} is in use by another process\nhint: ");
        assert!(said.contains(&expected) && said.contains("--base-port"), "{said}");
        let other = Dev::new().base_port.to_string();
        assert_ne!(other, base_port);
        dev.run(&["--base-port", &other, "--log-nodes", "1"]).await;
    }
}

/// Clusters without who is primary of whom: any replica may be, after a start.
fn hosts_alike(mut clusters: Value) -> Value {
    for cluster in clusters.as_array_mut().unwrap() {
        for shard in cluster["shards"].as_array_mut().unwrap() {
            let mut hosts = shard["replicas"].as_array().unwrap().clone();
            hosts.push(shard["primary"].clone());
            hosts.sort_by_key(|host| host["addr"].to_string());
            *shard = json!({"name": shard["name"], "hosts": hosts});
        }
    }
    clusters
}

#[tokio::test]
async fn a_folder_brings_its_cluster_back_after_a_clean_end_and_after_a_crash() {
    let mut dev = Dev::start(&["--shards", "2"]).await;
    let authority = fs::read_to_string(dev.folder().join("ca.pem")).unwrap();
    let before = dev.contract();
    for crash in [false, true] {
        let pids = dev.pids();
        if crash {
            dev.process().kill(SOON).await.unwrap();
        } else {
            assert!(dev.process().stop(SOON).await.unwrap().success());
        }
        let said = dev.refused(&["--shards", "1"]).await;
        assert!(said.contains("it was made with --shards 2, not 1"), "{said}");
        // Neither flags nor a pause: what dies with a crashed process may still be about to.
        dev.run(&[]).await;
        let after = dev.contract();
        assert_eq!(
            hosts_alike(after["clusters"].clone()),
            hosts_alike(before["clusters"].clone())
        );
        assert_eq!(fs::read_to_string(dev.folder().join("ca.pem")).unwrap(), authority);
        assert_eq!(after["api"], before["api"]);
        let (old, new): (BTreeSet<_>, BTreeSet<_>) = (pids.into_iter().collect(), dev.pids().into_iter().collect());
        assert!(old.is_disjoint(&new), "{old:?} {new:?}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_crash_of_everything() {
    let mut dev = Dev::start(&["--no-tls"]).await;
    assert_eq!(dev.ask("SET key value\r\n", 2), "+OK\r\n+OK\r\n");
    dev.process().kill(SOON).await.unwrap();
    dev.run(&[]).await;
    assert_eq!(dev.ask("GET key\r\n", 3), "+OK\r\n$5\r\nvalue\r\n");
}

#[tokio::test]
async fn a_child_that_dies_is_reported_and_the_others_go_on() {
    let dev = Dev::start(&[]).await;
    let victim = dev.pid("log-2");
    platform::kill(victim);
    dev.says("log-2 ended: signal: 9 (SIGKILL)").await;
    until("dev.json forgets it", || {
        !dev.pids().contains(&("log-2".to_owned(), victim))
    })
    .await;
    assert_eq!(dev.pids().len(), 6);
    assert!(!dev.printed().contains("is started again"), "nobody asked for it");
    assert_eq!(dev.process().state(), State::Ready);
    for (name, pid) in dev.pids() {
        assert!(is_alive(pid), "{name}");
    }
}

#[tokio::test]
async fn a_child_that_dies_comes_back_if_that_was_asked_for() {
    let dev = Dev::start(&["--respawn"]).await;
    for name in ["data-1", "log-1", "control-1"] {
        let victim = dev.pid(name);
        platform::kill(victim);
        dev.says(&format!("{name} serves again")).await;
        assert_ne!(dev.pid(name), victim);
        assert!(is_alive(dev.pid(name)));
    }
}

#[tokio::test]
async fn a_shard_that_gets_another_owner_is_reported_and_dev_json_names_it_also_when_the_log_is_gone() {
    let dev = Dev::start(&["--shards", "2"]).await;
    let replica = |node: u16, offset: u16| {
        let address = format!("127.0.0.1:{}", dev.base_port + offset);
        json!({"node": format!("data-{node}"), "addr": address})
    };
    let mut expected = dev.contract()["clusters"].clone();
    let shards = [
        ("0001", 2, replica(2, 102), replica(1, 101)),
        ("0002", 1, replica(1, 104), replica(3, 103)),
    ];
    for (index, (name, owner, primary, former)) in shards.into_iter().enumerate() {
        // So that it does not take the shard back.
        platform::kill(dev.pid(former["node"].as_str().unwrap()));
        take_over(&dev, index, NodeId::new(owner)).await;
        dev.says(&format!("demo/{name} is now served by data-{owner}")).await;
        expected[0]["shards"][index] = json!({"name": name, "primary": primary, "replicas": [former]});
        until("dev.json names it", || dev.contract()["clusters"] == expected).await;
    }

    for name in ["log-1", "log-2", "log-3"] {
        platform::kill(dev.pid(name));
        until("dev.json forgets it", || {
            dev.pids().iter().all(|(named, _)| named != name)
        })
        .await;
    }
    assert_eq!(dev.contract()["clusters"], expected);
    assert!(dev.process().stop(SOON).await.unwrap().success());
    assert_eq!(dev.contract()["clusters"], expected);
    assert_eq!(
        dev.printed().matches("is now served by").count(),
        2,
        "{}",
        dev.printed()
    );
}

#[tokio::test]
async fn when_a_primary_dies_another_serves_its_shard_and_dev_json_names_it() {
    let mut dev = Dev::start(&["--no-tls"]).await;
    assert_eq!(dev.ask("SET key value\r\n", 2), "+OK\r\n+OK\r\n");
    platform::kill(dev.pid("data-1"));
    dev.says("demo/0001 is now served by data-2").await;
    until("dev.json names it", || dev.primary()["node"] == "data-2").await;
    // It may have to wait first until the lease of the one before has surely ended.
    let serves = |dev: &Dev| {
        let answer = dev.try_ask("SET other value\r\n", 2);
        answer.is_ok_and(|answer| answer == "+OK\r\n+OK\r\n")
    };
    until("it serves", || serves(&dev)).await;
    assert_eq!(dev.ask("GET key\r\n", 3), "+OK\r\n$5\r\nvalue\r\n");

    // Whoever is the primary after the next start, dev.json names it.
    dev.process().kill(SOON).await.unwrap();
    dev.run(&[]).await;
    until("it serves again", || serves(&dev)).await;
    assert_eq!(dev.ask("GET key\r\n", 3), "+OK\r\n$5\r\nvalue\r\n");
}

#[tokio::test]
async fn a_signal_ends_every_process_also_one_that_stands_still() {
    for signal in [Signal::TERM, Signal::INT] {
        let dev = Dev::start(&[]).await;
        let pids = dev.pids();
        platform::pause(dev.pid("data-3"));
        dev.process().signal(signal).unwrap();
        assert!(dev.process().wait_ended(SOON).await.unwrap().success());
        for (name, pid) in pids {
            assert!(!is_alive(pid), "{name}");
        }
        assert!(!dev.printed().contains("killed: "), "{}", dev.printed());
        assert_eq!(dev.contract()["processes"], json!([]));
    }
}

#[tokio::test]
async fn no_process_outlives_a_dev_that_is_killed() {
    let dev = Dev::start(&[]).await;
    let pids = dev.pids();
    dev.process().kill(SOON).await.unwrap();
    until("all are gone", || pids.iter().all(|(_, pid)| !is_alive(*pid))).await;
}

#[tokio::test]
async fn without_a_folder_nothing_is_left_behind() {
    let mut dev = Dev::new();
    let temporary = tempfile::tempdir().unwrap();
    let count = || fs::read_dir(temporary.path()).unwrap().count();
    dev.run_temporary(temporary.path()).await;
    assert_eq!(count(), 1);
    assert!(dev.process().stop(SOON).await.unwrap().success());
    assert_eq!(count(), 0);
}

#[tokio::test]
async fn what_is_printed_ends_with_the_line_ready_and_can_be_pasted() {
    let dev = Dev::start(&["--no-tls", "--log-nodes", "1"]).await;
    let printed = dev.printed();
    let password = dev.contract()["clusters"][0]["password"].as_str().unwrap().to_owned();
    let port = dev.base_port + 101;
    let line = format!("redis-cli -c -h 127.0.0.1 -p {port} --user default --pass {password} --no-auth-warning");
    assert!(printed.contains(&format!("\n  {line}\n")), "{printed}");
    assert!(printed.ends_with("\nready\n"), "{printed}");
    let cluster = &dev.contract()["clusters"][0];
    assert_eq!((&cluster["tls"], &cluster["ca"]), (&json!(false), &Value::Null));
}
