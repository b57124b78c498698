//! Plugins by the real command line on a real control plane, which has each module looked at by a process of its own.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends there; clippy sees only its functions as tests"
)]

#[allow(dead_code, reason = "each test file uses its own part")]
mod control_plane;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tenure_admin::{List, Plugin};
use tenure_plugin_abi::MODULE_BYTES_MAX;

use self::control_plane::cluster::read_only;
use self::control_plane::{Plane, Shape, until};

/// Addresses that a look takes which does not fail: the program itself, and one instance.
const MEMORY_BYTES: u64 = 1 << 30;
const OUT_OF_PROCESSOR_TIME: i32 = 24;

fn manifest(name: &str, version: &str) -> Value {
    let command = format!("{}.DO", name.to_uppercase());
    json!({"name": name, "version": version, "kind": "command",
           "commands": [{"name": command, "arity": 1, "flags": ["readonly"], "keys": []}]})
}

/// The text of a module with this manifest, and this beside what every module has.
fn text(manifest: &Value, more: &str) -> String {
    let manifest = manifest.to_string().replace('"', "\\\"");
    format!(
        "(module
           (@custom \"tenure_manifest\" \"{manifest}\")
           {more}
           (func (export \"tenure_command_1_0\") (param i32) (result i32) (i32.const 0)))"
    )
}

const MEMORY: &str = "(memory (export \"memory\") 1)";

/// Files that are pushed.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path: PathBuf = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_module_is_pushed_looked_at_listed_and_deleted_by_the_command_line() {
    let plane = Plane::without_data_nodes("pushed", Shape::default()).await;
    let (shell, files) = (&plane.shell, Files::new());
    let ratelimit = files.write("ratelimit.wasm", tenure_plugin_examples::ratelimit());
    let dry: Plugin = shell.json(&["plugin", "push", &ratelimit, "--dry-run"]);
    assert!(shell.json::<List<Plugin>>(&["plugin", "list"]).items.is_empty());
    let pushed: Plugin = shell.json(&["plugin", "push", &ratelimit]);
    assert_eq!(
        (&pushed.name, &pushed.sha256, &pushed.commands),
        (&dry.name, &dry.sha256, &dry.commands)
    );
    let manifest = pushed.manifest.clone().unwrap();
    assert_eq!(manifest["commands"][0]["name"], pushed.commands[0].as_str());
    let again: Plugin = shell.json(&["plugin", "push", &ratelimit]);
    assert_eq!(again, pushed, "the same bytes are the same plugin");

    let named = format!("{}@{}", pushed.name, pushed.version);
    assert_eq!(shell.json::<Plugin>(&["plugin", "show", &named]), pushed);
    let shown = shell.succeeds(&["plugin", "show", &named]);
    assert!(
        shown.contains(&pushed.commands[0]) && shown.contains(&pushed.sha256),
        "{shown}"
    );
    let tally = files.write("tally.wat", text(&self::manifest("tally", "0.1.0"), MEMORY));
    shell.succeeds(&["plugin", "push", &tally]);
    let listed = shell.succeeds(&["plugin", "list"]);
    assert!(listed.contains("tally") && listed.contains(&pushed.name), "{listed}");
    let of_one: List<Plugin> = shell.json(&["plugin", "list", "--name", "tally"]);
    assert_eq!(of_one.items.len(), 1);

    let other = files.write(
        "other.wat",
        text(
            &self::manifest("tally", "0.1.0"),
            &format!("{MEMORY} (global i32 (i32.const 1))"),
        ),
    );
    let refused = shell.run(&["plugin", "push", &other]);
    assert_eq!(refused.code, Some(5), "{refused:?}");
    assert!(refused.err.contains("other bytes as tally@0.1.0"), "{refused:?}");
    assert_eq!(shell.run(&["plugin", "delete", "tally@0.1.0"]).code, Some(0));
    assert_eq!(shell.run(&["plugin", "delete", "tally@0.1.0"]).code, Some(3));
    let kinds: Vec<_> = plane.events().into_iter().map(|event| event.kind).collect();
    let count = |kind: &str| kinds.iter().filter(|other| *other == kind).count();
    assert_eq!((count("plugin-pushed"), count("plugin-deleted")), (2, 1), "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_module_that_cannot_be_a_plugin_is_refused_with_the_reason_and_the_control_plane_goes_on() {
    let plane = Plane::without_data_nodes("unfit", Shape::default()).await;
    let (shell, files) = (&plane.shell, Files::new());
    let good = manifest("a", "1.0.0");
    let (mut unknown, mut memory) = (good.clone(), good.clone());
    unknown["colour"] = json!("red");
    memory["limits"] = json!({"memory_bytes": 1 << 30});
    let begins = format!("{MEMORY} (func $begin (loop $again (br $again))) (start $begin)");
    let imports = format!("(import \"tenure_command_2_0\" \"now\" (func)) {MEMORY}");
    let cases = [
        ("(module)".to_owned(), "no custom section tenure_manifest"),
        (text(&unknown, MEMORY), "unknown field `colour`"),
        (text(&memory, MEMORY), "limits.memory_bytes is 1073741824"),
        (text(&manifest("a", "1.0"), MEMORY), "the version \"1.0\" is none"),
        (text(&good, ""), "must export memory"),
        (text(&good, "(memory (export \"memory\") 1000)"), "memory at its start"),
        (text(&good, &imports), "tenure_command_2_0.now, which is not offered"),
        (text(&good, &begins), "the module does not start"),
    ];
    for (text, reason) in cases {
        let file = files.write("a.wat", text);
        let refused = shell.run(&["plugin", "push", &file]);
        assert_eq!(refused.code, Some(5), "{reason}: {refused:?}");
        assert!(refused.err.contains(reason), "{reason}: {refused:?}");
        assert!(refused.err.contains("\nhint: mend the module"), "{refused:?}");
    }
    let damaged = files.write("a.wasm", b"\0asm\x01\0\0\0damaged");
    assert_eq!(shell.run(&["plugin", "push", &damaged]).code, Some(5));
    let large = files.write("b.wasm", [b"\0asm\x01\0\0\0", &vec![0; MODULE_BYTES_MAX][..]].concat());
    assert_eq!(
        shell.run(&["plugin", "push", &large]).code,
        Some(2),
        "it is not even sent"
    );
    assert!(shell.json::<List<Plugin>>(&["plugin", "list"]).items.is_empty());

    let file = files.write("a.wat", text(&good, MEMORY));
    shell.succeeds(&["plugin", "push", &file]);
    // Not a fault of the server, whatever was pushed.
    let said = plane.control_said();
    assert!(!said.contains("ERROR"), "{said}");
}

/// What a command of the cluster answers.
async fn ask<T: redis::FromRedisValue>(
    client: &redis::cluster_async::ClusterConnection,
    words: &[&str],
) -> redis::RedisResult<T> {
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    command.query_async(&mut client.clone()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_attached_runs_on_a_cluster_and_what_is_detached_is_unknown() {
    let mut plane = Plane::start(
        "attached",
        Shape {
            data_nodes: 2,
            ..Shape::default()
        },
    )
    .await;
    let files = Files::new();
    let shop = plane.create("shop", 1);
    let client = shop.client().await;
    let shell = plane.shell.clone();
    let file = files.write("ratelimit.wasm", tenure_plugin_examples::ratelimit());
    shell.succeeds(&["plugin", "push", &file]);
    let shown = shell.succeeds(&["plugin", "attach", "shop", "ratelimit", "--wait"]);
    assert!(shown.contains("ACTIVE"), "{shown}");
    let take = ["RATELIMIT.TAKE", "visitor", "2", "600000"];
    for (is_there, left) in [(1, 1), (1, 0), (0, 0)] {
        let (taken, rest, _): (i64, i64, i64) = ask(&client, &take).await.unwrap();
        assert_eq!((taken, rest), (is_there, left));
    }
    assert!(
        shell
            .succeeds(&["cluster", "show", "shop"])
            .contains("ratelimit  1.0.0    ACTIVE")
    );
    let refused = shell.run(&["plugin", "delete", "ratelimit@1.0.0"]);
    assert_eq!(refused.code, Some(5), "{refused:?}");

    // Without a control plane, and after all data nodes were gone, it runs from their disks.
    plane.kill_control().await;
    plane.data.kill_all().await.unwrap();
    plane.data.launch_all().unwrap();
    plane.data.wait_all_ready().await.unwrap();
    let client = shop.client().await;
    let (taken, ..): (i64, i64, i64) = ask(&client, &take).await.unwrap();
    assert_eq!(taken, 0, "what it wrote is there");
    plane.restart_control().await;

    shell.succeeds(&["plugin", "detach", "shop", "ratelimit", "--wait"]);
    let unknown = ask::<redis::Value>(&client, &take).await.unwrap_err().to_string();
    assert!(unknown.contains("unknown command"), "{unknown}");
    shell.succeeds(&["plugin", "delete", "ratelimit@1.0.0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_loop_costs_its_caller_an_error_and_a_trap_amid_writes_leaves_no_trace_on_any_replica() {
    let plane = Plane::start(
        "broken",
        Shape {
            data_nodes: 2,
            ..Shape::default()
        },
    )
    .await;
    let files = Files::new();
    let shop = plane.create("shop", 1);
    let (client, other) = (shop.client().await, shop.client().await);
    let file = files.write("faulty.wasm", tenure_plugin_examples::faulty());
    plane.shell.succeeds(&["plugin", "push", &file]);
    plane.shell.succeeds(&["plugin", "attach", "shop", "faulty", "--wait"]);
    ask::<()>(&client, &["SET", "key", "before"]).await.unwrap();

    let (looped, served) = tokio::join!(
        ask::<redis::Value>(&client, &["FAULTY.LOOP"]),
        ask::<String>(&other, &["GET", "key"])
    );
    let looped = looped.unwrap_err().to_string();
    assert!(
        looped.contains("faulty") && looped.contains("longer than its 10 ms"),
        "{looped}"
    );
    assert_eq!(served.unwrap(), "before");
    for (command, said) in [("FAULTY.TRAP", "trapped"), ("FAULTY.REFUSE", "")] {
        let failed = ask::<redis::Value>(&client, &[command, "key"])
            .await
            .unwrap_err()
            .to_string();
        assert!(failed.contains(said), "{failed}");
        assert_eq!(
            ask::<String>(&client, &["GET", "key"]).await.unwrap(),
            "before",
            "{command}"
        );
        let failed = ask::<redis::Value>(&client, &[command, "new"]).await;
        assert!(failed.is_err(), "{failed:?}");
        let there: i64 = ask(&client, &["EXISTS", "new"]).await.unwrap();
        assert_eq!(there, 0, "{command}");
    }

    // What comes after it in the log is on the replica, and nothing of what failed.
    ask::<()>(&client, &["SET", "after", "1"]).await.unwrap();
    let shown = until("the replica has everything", async || {
        let shown = plane.show("shop");
        let has_all = |replica: &tenure_admin::Replica| replica.lag_records == 0 && replica.keys == 2;
        let replicas = shown.shards.iter().flat_map(|shard| &shard.replicas);
        replicas.clone().all(has_all).then(|| shown.clone())
    })
    .await;
    let replica = shown.shards[0].replicas.iter();
    let replica = replica
        .into_iter()
        .find(|replica| replica.role == tenure_admin::ReplicaRole::Replica)
        .unwrap();
    let mut follower = read_only(&shop, replica.address.parse().unwrap()).await;
    let held: String = redis::cmd("GET").arg("key").query_async(&mut follower).await.unwrap();
    assert_eq!(held, "before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_plugin_that_keeps_failing_is_quarantined_with_an_event() {
    let plane = Plane::start(
        "quarantined",
        Shape {
            data_nodes: 1,
            ..Shape::default()
        },
    )
    .await;
    let files = Files::new();
    let shop = plane.create("shop", 0);
    let client = shop.client().await;
    let file = files.write("faulty.wasm", tenure_plugin_examples::faulty());
    plane.shell.succeeds(&["plugin", "push", &file]);
    plane.shell.succeeds(&["plugin", "attach", "shop", "faulty", "--wait"]);
    let event = until("an event tells of the quarantine", async || {
        let failed = ask::<redis::Value>(&client, &["FAULTY.TRAP", "key"]).await;
        assert!(failed.is_err(), "{failed:?}");
        let mut events = plane.events().into_iter();
        events.find(|event| event.kind == "plugin-quarantined")
    })
    .await;
    assert_eq!(event.node.as_deref(), Some("data-1"));
    let shown = plane.shell.succeeds(&["cluster", "show", "shop"]);
    assert!(shown.contains("DEGRADED") && shown.contains("QUARANTINED"), "{shown}");
    assert_eq!(
        ask::<Option<String>>(&client, &["GET", "key"]).await.unwrap(),
        None,
        "no trace of it"
    );
}

/// `tenure plugin-check` with less than the control plane gives it.
fn look(module: &[u8], memory_bytes: u64, cpu_seconds: u64) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tenure"))
        .arg("plugin-check")
        .arg(format!("--memory-bytes={memory_bytes}"))
        .arg(format!("--cpu-seconds={cpu_seconds}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // One that is stopped reads no more.
    let _ = child.stdin.take().unwrap().write_all(module);
    child.wait_with_output().unwrap()
}

fn assembled(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// Functions with as many locals as may be, which depend on each other across branches: this takes a compiler long.
fn laborious(functions: usize) -> Vec<u8> {
    const LOCALS: usize = 1000;
    let mut more = MEMORY.to_owned();
    for _ in 0..functions {
        more += "(func (param i32) (result i32)";
        more += &" (local i32)".repeat(LOCALS);
        for at in 1..LOCALS * 8 {
            let (one, other, third) = (at % LOCALS, at * 7 % LOCALS, at * 13 % LOCALS);
            let _ = write!(
                more,
                "(block (br_if 0 (local.get {one})) (local.set {other} (i32.add (local.get {other}) (local.get {third}))))"
            );
        }
        more += "(local.get 5))";
    }
    assembled(&text(&manifest("a", "1.0.0"), &more))
}

#[test]
fn a_look_says_what_the_module_says_of_itself_or_why_it_cannot_be_run() {
    // With bytes that its memory begins with.
    let more = format!("{MEMORY} (data (i32.const 0) \"begins\")");
    let good = look(&assembled(&text(&manifest("a", "1.0.0"), &more)), MEMORY_BYTES, 10);
    assert_eq!(good.status.code(), Some(0));
    let said: Value = serde_json::from_slice(&good.stdout).unwrap();
    assert_eq!(said["manifest"]["name"], "a");
    let unfit = look(b"no module", MEMORY_BYTES, 10);
    assert_eq!(unfit.status.code(), Some(0), "to say so is what it was asked");
    let said: Value = serde_json::from_slice(&unfit.stdout).unwrap();
    assert!(
        said["unfit"]
            .as_str()
            .unwrap()
            .starts_with("the module is not valid here"),
        "{said}"
    );
}

#[test]
fn a_module_that_takes_the_compiler_too_long_is_stopped() {
    let module = laborious(20);
    assert!(module.len() < MODULE_BYTES_MAX);
    let stopped = look(&module, MEMORY_BYTES, 1);
    assert_eq!(
        stopped.status.signal(),
        Some(OUT_OF_PROCESSOR_TIME),
        "{:?}",
        stopped.status
    );
    assert!(stopped.stdout.is_empty());
}

#[test]
fn a_module_that_takes_the_compiler_too_much_memory_is_stopped_or_refused() {
    let module = laborious(1);
    // As much as it needs to begin; no machine has it more tightly.
    let small = assembled(&text(&manifest("a", "1.0.0"), MEMORY));
    let enough = (1..64).map(|step| step * (16 << 20)).find(|bytes| {
        let looked = look(&small, *bytes, 10);
        looked.status.success() && looked.stdout.starts_with(b"{\"manifest\"")
    });
    let enough = enough.unwrap();
    println!("a small module is looked at with {} MiB of addresses", enough >> 20);
    let looked = look(&module, enough, 120);
    assert_ne!(
        looked.status.signal(),
        Some(OUT_OF_PROCESSOR_TIME),
        "time was not what it lacked"
    );
    let is_taken = looked.status.success() && looked.stdout.starts_with(b"{\"manifest\"");
    assert!(!is_taken, "{looked:?}");
}
