//! The control plane with real processes: what it makes serves, what dies is taken care of, and the data path does without it.
//! `kill -9`, SIGSTOP, the real command line. How long things took is printed, and nothing depends on it.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends there; clippy sees only its functions as tests"
)]

mod control_plane;
#[allow(dead_code, reason = "each test file uses its own part")]
mod platform;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use tenure_admin::{ClusterChange, ClusterState, NewApiKey, Replica, ReplicaRole};
use tenure_devcluster::Profile;
use tenure_types::NodeId;

use self::control_plane::cluster::{BATCH, check_keys, is_closed, read_only, slot, write_keys};
use self::control_plane::command_line::CommandLine;
use self::control_plane::load::Load;
use self::control_plane::{Plane, Shape, node_of, until, until_so};
use self::platform::{Dev, SOON};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_cluster_made_by_the_command_line_serves_over_tls_and_its_replicas_have_everything() {
    const BATCHES: usize = 1000;
    let plane = Plane::start("made", Shape::default()).await;
    let shop = plane.shell.create("shop", &["--shards", "2", "--replicas", "1"]);
    let client = shop.client().await;
    let begun = Instant::now();
    write_keys(&client, 0..BATCHES).await;
    check_keys(&client, 0..BATCHES).await;
    println!(
        "{} keys were written and read in {:?}",
        BATCHES * BATCH,
        begun.elapsed()
    );

    let shown = until("every replica has everything", async || {
        let shown = plane.show("shop");
        let replicas = || shown.shards.iter().flat_map(|shard| &shard.replicas);
        let has_all = replicas().all(|replica| replica.lag_records == 0);
        let keys: u64 = replicas().map(|replica| replica.keys).sum();
        (has_all && keys == 2 * (BATCHES * BATCH) as u64).then_some(shown)
    })
    .await;
    assert_eq!(shown.cluster.state, ClusterState::Active);
    for shard in &shown.shards {
        let [replica] = shard
            .replicas
            .iter()
            .filter(|replica| replica.role == ReplicaRole::Replica)
            .collect::<Vec<_>>()[..]
        else {
            unreachable!("{shard:?}");
        };
        let (first, last) = shard.slots[0].split_once('-').unwrap();
        let slots = first.parse().unwrap()..=last.parse().unwrap();
        let connection = read_only(&shop, replica.address.parse().unwrap()).await;
        check_keys(&connection, (0..BATCHES).filter(|batch| slots.contains(&slot(*batch)))).await;
    }

    let text = plane.shell.succeeds(&["cluster", "show", "shop"]);
    for replica in shown.shards.iter().flat_map(|shard| &shard.replicas) {
        let line = text
            .lines()
            .find(|line| line.contains(&replica.address) && line.contains(&replica.node));
        let line = line.unwrap_or_else(|| unreachable!("{replica:?} is not in {text}"));
        let role = if replica.role == ReplicaRole::Primary {
            "PRIMARY"
        } else {
            "REPLICA"
        };
        assert!(
            line.contains(role) && !replica.why.is_empty() && line.ends_with(&replica.why),
            "{line}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn without_a_control_plane_a_dead_primary_is_followed_by_another_and_it_learns_of_that_later() {
    let mut plane = Plane::start("followed", Shape::default()).await;
    let shop = plane.create("shop", 1);
    let (owner, _) = plane.primary("shop").await;
    let epoch = plane.shard("shop").epoch;
    let load = Load::start(&shop).await;

    plane.kill_control().await;
    load.acknowledges(100).await;
    load.mark();
    plane.data.kill(owner).await.unwrap();
    let first = load.first_acknowledged().await;
    println!("the first write after the death of the primary was acknowledged after {first:?}");
    load.acknowledges(100).await;

    plane.restart_control().await;
    let primary = until("it shows who owns the shard", async || {
        let (next, primary) = plane.primary("shop").await;
        (next != owner).then_some(primary)
    })
    .await;
    let shard = plane.shard("shop");
    assert_eq!(shard.owner.as_ref(), Some(&primary.node));
    assert!(shard.epoch > epoch, "{shard:?}");
    until_so("an event names the new primary", async || {
        let mut events = plane.events().into_iter();
        events.any(|event| event.kind == "primary-changed" && event.node.as_ref() == Some(&primary.node))
    })
    .await;
    load.check("followed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_serves_what_its_disk_has_kept_while_there_is_no_control_plane() {
    const BATCHES: usize = 20;
    let mut plane = Plane::start("kept", Shape::default()).await;
    let (alone, shop) = (plane.create("alone", 0), plane.create("shop", 1));
    write_keys(&alone.client().await, 0..BATCHES).await;
    write_keys(&shop.client().await, 0..BATCHES).await;
    let (owner, _) = plane.primary("alone").await;

    plane.kill_control().await;
    plane.data.kill(owner).await.unwrap();
    plane.data.restart(owner).await.unwrap();
    check_keys(&alone.client().await, 0..BATCHES).await;
    // As a power cut does it.
    plane.data.kill_all().await.unwrap();
    plane.data.launch_all().unwrap();
    plane.data.wait_all_ready().await.unwrap();
    for cluster in [&alone, &shop] {
        check_keys(&cluster.client().await, 0..BATCHES).await;
    }
    write_keys(&shop.client().await, BATCHES..2 * BATCHES).await;

    plane.restart_control().await;
    let (again, _) = plane.primary("alone").await;
    assert_eq!(again, owner);
    check_keys(&shop.client().await, 0..2 * BATCHES).await;
}

const RESCUED_SOON: Shape = Shape {
    data_nodes: 3,
    rescue_after_seconds: Some(3),
    replace_after_seconds: None,
    profile: Profile::Fast,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_shard_without_replicas_comes_back_with_its_node() {
    let patient = Shape {
        rescue_after_seconds: Some(300),
        ..Shape::default()
    };
    let mut plane = Plane::start("comes_back", patient).await;
    let shop = plane.create("shop", 0);
    write_keys(&shop.client().await, 0..20).await;
    let (owner, _) = plane.primary("shop").await;
    plane.data.kill(owner).await.unwrap();
    plane.data.restart(owner).await.unwrap();
    check_keys(&shop.client().await, 0..20).await;
    let (again, _) = plane.primary("shop").await;
    assert_eq!(again, owner);
    // The node itself or the control plane has fenced for it: whoever was faster.
    assert!(plane.events().iter().all(|event| event.kind != "replica-moved"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_shard_without_replicas_whose_node_stays_away_is_served_by_another_and_never_again_by_that() {
    let mut plane = Plane::start("rescued", RESCUED_SOON).await;
    let mut shop = plane.create("shop", 0);
    write_keys(&shop.client().await, 0..20).await;
    let (lost, before) = plane.primary("shop").await;
    let old_address = before.address.parse().unwrap();

    let begun = Instant::now();
    plane.data.kill(lost).await.unwrap();
    let after = until("another node serves the shard", async || {
        let replicas = plane.shard("shop").replicas;
        let is_next = |replica: &Replica| replica.node != before.node && replica.role == ReplicaRole::Primary;
        replicas.into_iter().find(is_next)
    })
    .await;
    println!("it was served again {:?} after its node died", begun.elapsed());
    assert!(
        after
            .why
            .contains(&format!("it took the place of {}, which was lost", before.node)),
        "{after:?}"
    );
    shop.addresses = vec![after.address.parse().unwrap()];
    check_keys(&shop.client().await, 0..20).await;
    write_keys(&shop.client().await, 20..30).await;
    let events = plane.events();
    let moved = events.iter().find(|event| event.kind == "replica-moved").unwrap();
    assert_eq!(moved.node.as_ref(), Some(&after.node), "{moved:?}");

    plane.data.restart(lost).await.unwrap();
    until_so("the old replica is forgotten", async || {
        plane
            .shard("shop")
            .replicas
            .iter()
            .all(|replica| replica.node != before.node)
    })
    .await;
    assert!(is_closed(old_address).await);
    assert_eq!(plane.primary("shop").await.1.node, after.node);
    check_keys(&shop.client().await, 0..30).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_planned_failover_loses_nothing_and_takes_one_epoch() {
    let plane = Plane::start("planned", Shape::default()).await;
    let shop = plane.create("shop", 1);
    let load = Load::start(&shop).await;
    for _ in 0..2 {
        let (owner, _) = plane.primary("shop").await;
        let epoch = plane.shard("shop").epoch;
        load.mark();
        let done: ClusterChange = plane
            .shell
            .json(&["cluster", "failover", "shop", "--shard", "0001", "--wait"]);
        load.acknowledges(100).await;
        println!("no write was acknowledged for at most {:?}", load.longest_pause());
        let shard = &done.shards[0];
        assert_eq!(shard.epoch, epoch + 1, "{shard:?}");
        let next = node_of(shard.owner.as_ref().unwrap());
        assert_ne!(next, owner);
        assert_eq!(plane.primary("shop").await.0, next);
    }
    load.check("planned").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_deleted_cluster_is_closed_and_another_of_its_name_begins_empty() {
    let plane = Plane::start("deleted", Shape::default()).await;
    let flags = ["--shards", "2", "--replicas", "1"];
    let shop = plane.shell.create("shop", &flags);
    let streams = || {
        plane
            .show("shop")
            .shards
            .into_iter()
            .map(|shard| shard.stream)
            .collect::<BTreeSet<_>>()
    };
    let old_streams = streams();
    write_keys(&shop.client().await, 0..20).await;
    for stream in &old_streams {
        assert!(plane.stream(stream).await.is_some(), "{stream}");
    }

    plane.shell.succeeds(&["cluster", "delete", "shop", "--yes", "--wait"]);
    assert!(shop.is_closed().await);
    assert_eq!(plane.shell.run(&["cluster", "show", "shop"]).code, Some(3));
    for stream in &old_streams {
        assert!(plane.stream(stream).await.is_none(), "{stream} is still in the log");
    }

    let again = plane.shell.create("shop", &flags);
    assert!(streams().is_disjoint(&old_streams), "{old_streams:?}");
    for shard in plane.show("shop").shards {
        let primary = shard
            .replicas
            .iter()
            .find(|replica| replica.role == ReplicaRole::Primary)
            .unwrap();
        let mut connection = again.connection_to(primary.address.parse().unwrap()).await.unwrap();
        let keys: u64 = redis::cmd("DBSIZE").query_async(&mut connection).await.unwrap();
        assert_eq!(keys, 0, "{shard:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_that_says_it_is_another_than_its_certificate_names_is_nobody() {
    let mut plane = Plane::without_data_nodes("liar", Shape::default()).await;
    let liar = NodeId::new(3);
    for node in [1, 2].map(NodeId::new) {
        plane.data.restart(node).await.unwrap();
    }
    // One that nobody is, and one that somebody is.
    for (times, claimed) in [9, 1].into_iter().enumerate() {
        let lie = |config: &mut toml::Table| _ = config.insert("node".to_owned(), claimed.into());
        let honest = plane.edit_config(liar, lie);
        plane.data.launch(liar).unwrap();
        until_so("it is refused", async || {
            let said = plane.control_said();
            let refused =
                format!("a caller says that it is a node that its certificate does not name node=node-{claimed}");
            said.contains(&refused)
        })
        .await;
        plane.data.kill(liar).await.unwrap();
        plane.edit_config(liar, |config| *config = honest);
        let nodes = plane.nodes();
        let listed: Vec<_> = nodes.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(listed, ["data-1", "data-2"], "after lie {times}");
        let begun = format!("a session began node=node-{claimed} ");
        assert_eq!(
            plane.control_said().matches(&begun).count(),
            times,
            "only who it is has a session"
        );
    }
    plane.data.restart(liar).await.unwrap();
    assert_eq!(plane.nodes().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn clusters_come_back_with_their_data_after_a_crash_of_everything() {
    const BATCHES: usize = 20;
    let mut dev = Dev::start(&["--log-nodes", "1"]).await;
    let api = dev.contract()["api"].clone();
    let text = |name: &str| api[name].as_str().unwrap().to_owned();
    let shell = CommandLine::new(text("url"), text("token"), text("ca").as_ref(), &dev.folder());
    let shop = shell.create("shop", &["--shards", "2"]);
    write_keys(&shop.client().await, 0..BATCHES).await;
    let shown = |shell: &CommandLine| -> ClusterChange { shell.json(&["cluster", "show", "shop"]) };
    let before = shown(&shell);

    dev.process().kill(SOON).await.unwrap();
    dev.run(&[]).await;
    assert_eq!(dev.contract()["api"], api);
    check_keys(&shop.client().await, 0..BATCHES).await;
    write_keys(&shop.client().await, BATCHES..2 * BATCHES).await;
    let after = until("every shard is served", async || {
        let now = shown(&shell);
        let serves = |replica: &Replica| replica.role == ReplicaRole::Primary;
        now.shards
            .iter()
            .all(|shard| shard.replicas.iter().any(serves))
            .then_some(now)
    })
    .await;
    assert_eq!(after.cluster.id, before.cluster.id);
    assert_eq!(after.cluster.state, ClusterState::Active);
    assert_eq!(after.cluster.endpoints, before.cluster.endpoints);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_exit_code_says_why_a_command_failed() {
    let plane = Plane::start("exit_codes", Shape::default()).await;
    let shell = &plane.shell;
    plane.create("shop", 1);
    let fails = |shell: &CommandLine, arguments: &[&str], code: i32, said: &[&str]| {
        let ran = shell.run(arguments);
        assert_eq!(ran.code, Some(code), "{arguments:?}: {ran:?}");
        assert!(
            said.iter().all(|said| ran.err.contains(said)),
            "{said:?} is not in {ran:?}"
        );
        assert!(
            ran.err.contains("error: ") && ran.err.lines().last().unwrap().starts_with("hint: "),
            "{ran:?}"
        );
        ran
    };
    fails(
        shell,
        &["cluster", "show", "nothing"],
        3,
        &["nothing", "hint: the list command shows"],
    );
    fails(shell, &["operation", "wait", "op_1"], 3, &["op_1"]);
    let stranger = shell.with_token("tk_nobody");
    fails(&stranger, &["cluster", "list"], 4, &["hint: is the token whole"]);
    let key: NewApiKey = shell.json(&["api-key", "create", "reader", "--role", "viewer"]);
    let reader = shell.with_token(&key.token.unwrap());
    reader.succeeds(&["cluster", "show", "shop"]);
    fails(
        &reader,
        &["cluster", "delete", "shop", "--yes"],
        4,
        &["hint: use a key of a higher role"],
    );
    fails(
        shell,
        &["cluster", "create", "shop"],
        5,
        &["shop", "hint: choose another name"],
    );

    // They were heard of a moment ago, so a place is found on them, and nobody starts anything there.
    for node in plane.data.nodes() {
        plane.data.pause(node).unwrap();
    }
    let line = ["cluster", "create", "slow", "--wait", "--timeout", "1s"];
    let ran = fails(shell, &line, 6, &["create-cluster of demo/slow is not over after 1 s"]);
    assert!(
        ran.out.starts_with("password of the user default, shown this once: "),
        "{ran:?}"
    );
    let hint = ran.err.lines().last().unwrap();
    let operation = hint
        .strip_prefix("hint: it goes on; wait again with: tenure operation wait ")
        .unwrap();
    let wait = ["operation", "wait", operation, "--timeout", "100ms"];
    fails(shell, &wait, 6, &["is not over after 100 ms"]);
    let failover = ["cluster", "failover", "slow", "--shard", "0001"];
    fails(shell, &failover, 5, &[&format!("tenure operation wait {operation}")]);
    for node in plane.data.nodes() {
        plane.data.resume(node).unwrap();
    }
    shell.succeeds(&["operation", "wait", operation]);
    assert_eq!(plane.show("slow").cluster.state, ClusterState::Active);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_control_plane_that_stood_still_moves_nothing() {
    /// Longer than a node's lease and a rescue take together.
    const STANDS_STILL_FOR: Duration = Duration::from_secs(5);
    let shape = Shape {
        rescue_after_seconds: Some(1),
        // So that no shard is taken over because this machine had other things to do.
        profile: Profile::Conservative,
        ..Shape::default()
    };
    let plane = Plane::start("stood_still", shape).await;
    let (shop, alone) = (plane.create("shop", 1), plane.create("alone", 0));
    let load = [Load::start(&shop).await, Load::start(&alone).await];
    let placed = || ["shop", "alone"].map(|name| plane.placed(name));
    let before = placed();

    let control = plane.control.id();
    plane.control.pause(control).unwrap();
    load.iter().for_each(Load::mark);
    tokio::time::sleep(STANDS_STILL_FOR).await;
    for load in &load {
        load.acknowledges(100).await;
        println!("no write was acknowledged for at most {:?}", load.longest_pause());
    }
    plane.control.resume(control).unwrap();
    until_so("every node is heard of again", async || {
        plane.nodes().iter().all(|node| node.alive)
    })
    .await;
    // It has looked at everything since, several times.
    plane.create("later", 1);
    assert_eq!(placed(), before);
    assert!(!plane.has_moved_something());
    for (load, name) in load.into_iter().zip(["stood_still", "stood_still_alone"]) {
        load.check(name).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_that_only_the_control_plane_does_not_hear_keeps_what_it_serves() {
    let shape = Shape {
        rescue_after_seconds: Some(1),
        profile: Profile::Conservative,
        ..Shape::default()
    };
    let mut plane = Plane::without_data_nodes("unheard", shape).await;
    let proxies = plane.proxies().await;
    plane.data.launch_all().unwrap();
    plane.data.wait_all_ready().await.unwrap();
    let alone = plane.create("alone", 0);
    let load = Load::start(&alone).await;
    let (owner, _) = plane.primary("alone").await;
    let before = plane.placed("alone");

    proxies[&owner].refuse();
    proxies[&owner].cut().await;
    until_so("its session is over", async || !plane.hears(owner)).await;
    // It has looked at everything since, several times.
    plane.create("later", 1);
    load.acknowledges(100).await;
    assert_eq!(plane.placed("alone"), before);

    proxies[&owner].heal();
    until_so("it is heard of again", async || plane.hears(owner)).await;
    plane.create("last", 1);
    load.acknowledges(100).await;
    assert_eq!(plane.placed("alone"), before);
    assert!(!plane.has_moved_something());
    load.check("unheard").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_shard_that_nobody_lives_for_is_rescued_also_while_most_nodes_look_dead() {
    let shape = Shape {
        rescue_after_seconds: Some(1),
        ..Shape::default()
    };
    let plane = Plane::start("most_dead", shape).await;
    let mut alone = plane.create("alone", 0);
    write_keys(&alone.client().await, 0..20).await;
    let (owner, _) = plane.primary("alone").await;
    let mut nodes = plane.data.nodes().into_iter();
    let other = nodes.find(|node| *node != owner).unwrap();
    tokio::try_join!(plane.data.kill(owner), plane.data.kill(other)).unwrap();
    let (_, next) = until("another node serves the shard", async || {
        let primary = plane.primary("alone").await;
        (primary.0 != owner).then_some(primary)
    })
    .await;
    alone.addresses = vec![next.address.parse().unwrap()];
    check_keys(&alone.client().await, 0..20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_was_begun_goes_on_after_a_crash_of_the_control_plane() {
    let mut plane = Plane::start("goes_on", Shape::default()).await;
    let shop = plane.create("shop", 1);
    let load = Load::start(&shop).await;
    let begin = |plane: &Plane, line: &[&str]| -> String {
        let change: ClusterChange = plane.shell.json(line);
        change.operation.unwrap().id
    };
    for round in 0..2 {
        let later = begin(&plane, &["cluster", "create", "later"]);
        crash_of_control(&mut plane).await;
        plane.shell.succeeds(&["operation", "wait", &later]);
        let created = plane.show("later");
        assert_eq!(created.cluster.state, ClusterState::Active, "round {round}");

        let (owner, _) = plane.primary("shop").await;
        let epoch = plane.shard("shop").epoch;
        let failover = begin(&plane, &["cluster", "failover", "shop", "--shard", "0001"]);
        crash_of_control(&mut plane).await;
        plane.shell.succeeds(&["operation", "wait", &failover]);
        assert_ne!(plane.primary("shop").await.0, owner);
        assert_eq!(plane.shard("shop").epoch, epoch + 1);
        load.acknowledges(100).await;

        let deletion = begin(&plane, &["cluster", "delete", "later", "--yes"]);
        crash_of_control(&mut plane).await;
        plane.shell.succeeds(&["operation", "wait", &deletion]);
        assert_eq!(plane.shell.run(&["cluster", "show", "later"]).code, Some(3));
        assert!(plane.stream(&created.shards[0].stream).await.is_none());
    }
    load.check("goes_on").await;
}

async fn crash_of_control(plane: &mut Plane) {
    plane.kill_control().await;
    plane.restart_control().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_that_was_away_when_a_cluster_was_deleted_never_serves_it_again() {
    let mut plane = Plane::start("away", RESCUED_SOON).await;
    let shop = plane.create("shop", 1);
    write_keys(&shop.client().await, 0..20).await;
    let mut replicas = plane.shard("shop").replicas.into_iter();
    let away = replicas.find(|replica| replica.role == ReplicaRole::Replica).unwrap();
    let (node, address) = (node_of(&away.node), away.address.parse().unwrap());
    plane.data.kill(node).await.unwrap();
    plane.shell.succeeds(&["cluster", "delete", "shop", "--yes", "--wait"]);

    // Nobody tells it.
    plane.kill_control().await;
    plane.data.launch(node).unwrap();
    until_so("it begins with what its disk has kept", async || {
        !is_closed(address).await
    })
    .await;
    let said = until("it answers", async || {
        let mut connection = shop.connection_to(address).await.ok()?;
        let request = redis::cmd("READONLY")
            .query_async::<redis::Value>(&mut connection)
            .await;
        println!("READONLY: {request:?}");
        Some(redis::cmd("DBSIZE").query_async::<u64>(&mut connection).await)
    })
    .await;
    assert!(said.is_err(), "{said:?}");

    plane.restart_control().await;
    plane.data.wait_ready(node).await.unwrap();
    until_so("it is closed", async || is_closed(address).await).await;
    until_so("it is heard of", async || plane.hears(node)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_replica_whose_node_stays_away_is_placed_anew_and_clients_are_told() {
    let shape = Shape {
        replace_after_seconds: Some(4),
        ..Shape::default()
    };
    let mut plane = Plane::start("replaced", shape).await;
    let shop = plane.create("shop", 1);
    let load = Load::start(&shop).await;
    write_keys(&shop.client().await, 0..20).await;
    let (owner, primary) = plane.primary("shop").await;
    let epoch = plane.shard("shop").epoch;
    let mut replicas = plane.shard("shop").replicas.into_iter();
    let lost = replicas.find(|replica| node_of(&replica.node) != owner).unwrap();

    plane.data.kill(node_of(&lost.node)).await.unwrap();
    let next = until("another node follows the shard", async || {
        let replicas = plane.shard("shop").replicas;
        let is_next = |replica: &Replica| replica.node != lost.node && replica.role == ReplicaRole::Replica;
        replicas.into_iter().find(is_next)
    })
    .await;
    assert_ne!(node_of(&next.node), owner);
    let connection = read_only(&shop, next.address.parse().unwrap()).await;
    check_keys(&connection, 0..20).await;
    let mut connection = shop.connection_to(primary.address.parse().unwrap()).await.unwrap();
    until_so("clients are told of the one and no more of the other", async || {
        let told: String = redis::cmd("CLUSTER")
            .arg("NODES")
            .query_async(&mut connection)
            .await
            .unwrap();
        told.contains(&next.address) && !told.contains(&lost.address)
    })
    .await;

    plane.data.restart(node_of(&lost.node)).await.unwrap();
    until_so("the old replica is forgotten", async || {
        let replicas = plane.shard("shop").replicas;
        replicas.iter().all(|replica| replica.node != lost.node)
    })
    .await;
    assert!(is_closed(lost.address.parse().unwrap()).await);
    assert_eq!(plane.shard("shop").epoch, epoch);
    load.check("replaced").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_whose_port_is_taken_is_named_and_goes_on_once_it_is_free() {
    let plane = Plane::start("taken", Shape::default()).await;
    let node = NodeId::new(2);
    let config = plane.edit_config(node, |_| ());
    let ports = config["control"]["ports"].as_array().unwrap().iter();
    let ports = ports.map(|port| port.as_str().unwrap().parse().unwrap());
    let strangers: Vec<_> = ports
        .map(|port: u16| TcpListener::bind(("127.0.0.1", port)).unwrap())
        .collect();

    // On every node.
    plane.shell.succeeds(&["cluster", "create", "shop", "--replicas", "2"]);
    let operation = plane.show("shop").cluster.operation.unwrap();
    let (address, problem) = until("the node says what it could not do", async || {
        let mut replicas = plane.shard("shop").replicas.into_iter();
        let replica = replicas.find(|replica| node_of(&replica.node) == node)?;
        Some((replica.address, replica.problem?))
    })
    .await;
    assert!(problem.contains("in use") && problem.contains(&address), "{problem}");
    until_so("the operation says what it waits for", async || {
        let shown = plane.shell.succeeds(&["operation", "show", &operation]);
        shown.contains(&format!("data-2 could not start shard 0001: {problem}"))
    })
    .await;

    drop(strangers);
    plane.shell.succeeds(&["operation", "wait", &operation]);
    let shown = plane.shard("shop").replicas;
    assert!(shown.iter().all(|replica| replica.problem.is_none()), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_control_plane_that_was_away_hears_every_node_before_it_moves_anything() {
    const REPLACE_AFTER: Duration = Duration::from_secs(4);
    let shape = Shape {
        replace_after_seconds: Some(REPLACE_AFTER.as_secs()),
        profile: Profile::Conservative,
        ..Shape::default()
    };
    let mut plane = Plane::start("away_long", shape).await;
    for name in ["one", "two", "three"] {
        plane.create(name, 1);
    }
    let placed = |plane: &Plane| ["one", "two", "three"].map(|name| plane.placed(name));
    let before = placed(&plane);
    plane.kill_control().await;
    tokio::time::sleep(REPLACE_AFTER + Duration::from_secs(2)).await;
    plane.restart_control().await;
    until_so("every node is heard of again", async || {
        plane.nodes().iter().all(|node| node.alive)
    })
    .await;
    plane.create("later", 1);
    assert!(!plane.has_moved_something());
    assert_eq!(placed(&plane), before);
}
