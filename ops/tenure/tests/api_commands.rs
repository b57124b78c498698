//! Commands over the API, as real processes against a scripted server: what is sent, what is printed, how they end.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scripted;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use scripted::{Answer, Ran, Request, Scripted, TOKEN, problem};

const TENANT: &str = r#"{"id":"ten_1","name":"demo","created_at":"2026-11-28T21:00:00.000Z"}"#;
const CLUSTER: &str = r#"{"id":"clu_1","tenant":"demo","name":"shop","state":"CREATING","conditions":[],
    "spec":{"shards":1,"replicas":1,"memory_bytes":268435456,"eviction_policy":"noeviction","tls":true},
    "endpoints":["127.0.0.1:7501"],"users":["default"],"ca_pem":"PEM of the authority",
    "created_at":"2026-11-28T21:00:00.000Z","etag":"\"1\""}"#;
const SHARDS: &str = r#"{"items":[{"id":"shd_1","name":"0001","slots":["0-16383"],"stream":"0/1","epoch":1,"owner":"data-1",
    "preferred":"data-1","silent_millis":20,"tail":0,"replicas":[{"node":"data-1","zone":"a","address":"127.0.0.1:7501",
    "role":"PRIMARY","lsn":0,"lag_records":0,"keys":0,"memory_bytes":0,"clients":0,"why":"the only node"}]}]}"#;

fn operation(state: &str, more: &str) -> String {
    format!(
        r#"{{"id":"op_1","kind":"create-cluster","state":"{state}","tenant":"demo","target":"demo/shop",
        "steps":[{{"name":"start replicas","state":"RUNNING","detail":"1 of 2"}}],"progress_percent":0,
        "created_at":"2026-11-28T21:00:00.000Z"{more}}}"#
    )
}

fn change(state: &str) -> String {
    format!(
        r#"{{"cluster":{CLUSTER},"operation":{},"shards":[]}}"#,
        operation(state, "")
    )
}

fn ok(body: impl Into<String>) -> Answer {
    Answer::Json(200, body.into())
}

/// A control plane with one cluster, whose operations end so.
fn with_cluster(end: String) -> Scripted {
    Scripted::start(move |request, _| match request.line.as_str() {
        "POST /v1/tenants/demo/clusters" => Answer::Json(202, change("RUNNING")),
        "GET /v1/tenants/demo/clusters/shop" => ok(CLUSTER),
        line if line.starts_with("GET /v1/tenants/demo/clusters/shop/shards") => ok(SHARDS),
        line if line.starts_with("GET /v1/operations/op_1") => ok(end.clone()),
        line => Answer::Json(500, format!("not expected: {line}")),
    })
}

fn keys(asked: &[Request]) -> Vec<&str> {
    asked
        .iter()
        .filter_map(|request| request.header("idempotency-key"))
        .collect()
}

#[test]
fn scripts_read_the_log_groups_as_they_were_promised() {
    let groups = r#"{"groups": [{"id": 0, "leader": "log-2", "voters": ["log-1", "log-2", "log-3"], "committed": 0}]}"#;
    let server = Scripted::start(move |_, _| ok(groups));
    let ran = server.run(&["log", "show", "--output", "json"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert_eq!(ran.out, groups.replace(": ", ":").replace(", ", ",") + "\n");
    let asked = server.asked();
    assert_eq!(asked[0].line, "GET /v1/admin/log-groups");
    assert_eq!(asked[0].header("authorization"), Some(&*format!("Bearer {TOKEN}")));
    assert_eq!(asked[0].header("accept"), Some("application/json"));
}

#[test]
fn a_change_is_sent_again_under_the_same_key() {
    for first in [true, false] {
        let server = Scripted::start(move |_, before| match before {
            0 if first => Answer::Later(503, 0),
            0 => Answer::Nothing,
            1 => Answer::Later(429, 0),
            _ => Answer::Json(201, TENANT.to_owned()),
        });
        let ran = server.run(&["tenant", "create", "demo"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(ran.out, "NAME  ID     CREATED\ndemo  ten_1  2026-11-28T21:00:00.000Z\n");
        let asked = server.asked();
        assert_eq!(server.lines(), ["POST /v1/tenants"; 3]);
        let keys = keys(&asked);
        assert!(keys.len() == 3 && !keys[0].is_empty(), "{keys:?}");
        assert!(
            keys.iter().all(|key| *key == keys[0]),
            "tries under other keys: {keys:?}"
        );
        assert!(asked.iter().all(|request| request.body == r#"{"name":"demo"}"#));
    }
}

#[test]
fn two_changes_have_two_keys() {
    let server = Scripted::start(|_, _| Answer::Json(201, TENANT.to_owned()));
    for _ in 0..2 {
        assert_eq!(server.run(&["tenant", "create", "demo"]).code, Some(0));
    }
    let asked = server.asked();
    let keys = keys(&asked);
    assert!(keys.len() == 2 && keys[0] != keys[1], "{keys:?}");
}

#[test]
fn what_may_not_be_repeated_is_sent_once_and_said_to_be_unknown() {
    let server = Scripted::start(|_, _| Answer::Nothing);
    let ran = server.run(&["tenant", "delete", "demo", "--yes"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("not known whether the change was made"), "{ran:?}");
    assert_eq!(server.lines(), ["DELETE /v1/tenants/demo"]);
}

#[test]
fn a_server_that_stays_away_is_asked_three_times() {
    let server = Scripted::start(|_, _| Answer::Later(503, 0));
    let ran = server.run(&["tenant", "list"]);
    assert_eq!(ran.code, Some(1));
    assert_eq!(server.lines(), ["GET /v1/tenants?page_size=500"; 3]);
}

#[test]
fn the_exit_code_tells_what_kind_of_refusal_it_was() {
    for (status, code) in [
        (400, 1),
        (401, 4),
        (403, 4),
        (404, 3),
        (409, 5),
        (412, 5),
        (422, 5),
        (500, 1),
    ] {
        let server = Scripted::start(move |_, _| Answer::Json(status, problem(status, "a-code")));
        let ran = server.run(&["tenant", "show", "demo"]);
        assert_eq!(ran.code, Some(code), "{status}: {ran:?}");
        assert!(ran.err.starts_with("error: it is so\nrequest: 7f\nhint: "), "{ran:?}");
        assert_eq!(ran.out, "");

        let ran = server.run(&["tenant", "show", "demo", "--output", "json"]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(code), ""));
        assert_eq!(ran.err, problem(status, "a-code") + "\n");
    }
}

#[test]
fn a_list_is_read_to_its_end() {
    let page = |name: &str, next: &str| {
        let tenant = TENANT.replace("demo", name);
        format!(r#"{{"items":[{tenant}]{next}}}"#)
    };
    let (first, last) = (page("one", r#","next_page_token":"a/b""#), page("two", ""));
    let server = Scripted::start(move |_, before| ok(if before == 0 { first.clone() } else { last.clone() }));
    let ran = server.run(&["tenant", "list", "--output", "json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let list: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let names: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["name"])
        .collect();
    assert_eq!(names, ["one", "two"]);
    assert!(list.get("next_page_token").is_none());
    assert_eq!(server.lines()[1], "GET /v1/tenants?page_size=500&page_token=a%2Fb");
}

#[test]
fn a_server_of_another_authority_hears_no_token() {
    let server = Scripted::start(|_, _| ok(TENANT));
    let other = Scripted::start(|_, _| ok(TENANT));
    let ran = Ran::of(
        server
            .tenure(&["tenant", "list"])
            .env("TENURE_CA", other.ca())
            .output()
            .unwrap(),
    );
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("invalid peer certificate"), "{ran:?}");
    assert!(
        ran.err.contains("\nhint: is the CA that of this control plane"),
        "{ran:?}"
    );
    assert!(server.asked().is_empty(), "it was asked something");
}

#[test]
fn what_is_no_answer_of_a_control_plane_is_shown_and_no_redirect_is_followed() {
    let elsewhere = Scripted::start(|_, _| ok(TENANT));
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}/\r\nContent-Length: 0\r\n\r\n",
        elsewhere.url()
    );
    for (raw, said) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
            "status 200, is none of a control plane: <html>",
        ),
        (
            "HTTP/1.1 502 Bad\r\nContent-Length: 5\r\n\r\noops\n",
            "status 502, is none of a control plane: oops",
        ),
        (redirect.leak(), "status 302, is none of a control plane: (empty)"),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", "does not speak HTTP"),
    ] {
        let server = Scripted::start(move |_, _| Answer::Raw(raw));
        let ran = server.run(&["tenant", "show", "demo"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains(said), "{ran:?}");
        assert_eq!(server.asked().len(), 1);
    }
    assert!(elsewhere.asked().is_empty(), "the redirect was followed");
}

#[test]
fn a_failed_operation_that_was_waited_for_is_exit_code_1() {
    let end = operation(
        "FAILED",
        r#","error":{"code":"superseded","detail":"the cluster was deleted"}"#,
    );
    let server = with_cluster(end);
    let line = ["cluster", "create", "shop", "--tenant", "demo", "--wait"];
    let ran = server.run(&line);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(
        ran.err,
        "demo/shop: start replicas: running (1 of 2)\n\
         error: create-cluster of demo/shop failed: the cluster was deleted (superseded)\n\
         hint: tenure operation show op_1 has its steps; tenure event list what happened\n"
    );
    assert!(
        ran.out.starts_with("password of the user default, shown this once: "),
        "{ran:?}"
    );

    let ran = server.run(&[&line[..], &["--output", "json"]].concat());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let made: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(made["operation"]["state"], "FAILED");
    assert_eq!(made["password"].as_str().unwrap().len(), 32);
    let ran = server.run(&["operation", "wait", "op_1"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
}

#[test]
fn an_operation_that_takes_longer_than_the_timeout_is_exit_code_6_and_the_password_is_not_lost() {
    let server = with_cluster(operation("RUNNING", ""));
    let line = [
        "cluster",
        "create",
        "shop",
        "--tenant",
        "demo",
        "--wait",
        "--timeout",
        "300ms",
    ];
    let ran = server.run(&[&line[..], &["--output", "json"]].concat());
    assert_eq!(ran.code, Some(6), "{ran:?}");
    assert!(
        ran.err
            .ends_with("\nhint: it goes on; wait again with: tenure operation wait op_1\n"),
        "{ran:?}"
    );
    let made: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let sent: serde_json::Value = serde_json::from_str(&server.asked()[0].body).unwrap();
    assert_eq!(made["password"], sent["password"]);
}

/// The password in a request to make a cluster.
fn sent_password(server: &Scripted) -> String {
    let asked = server.asked();
    let made = asked.iter().find(|request| request.line.starts_with("POST ")).unwrap();
    let body: serde_json::Value = serde_json::from_str(&made.body).unwrap();
    body["password"].as_str().unwrap().to_owned()
}

#[test]
fn a_program_that_ends_the_wait_has_the_password() {
    let server = with_cluster(operation("RUNNING", ""));
    let line = [
        "cluster",
        "create",
        "shop",
        "--tenant",
        "demo",
        "--wait",
        "--timeout",
        "20s",
        "--output",
        "json",
    ];
    let mut child = server
        .tenure(&line)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Ends at the timeout at the latest.
    let said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let first = said.take(1).last().unwrap_or_default();
    child.kill().unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(
        first,
        format!("password of the user default: {}", sent_password(&server))
    );
    assert!(ended.stdout.is_empty(), "one document, and only when the wait is over");
}

#[test]
fn a_drawn_password_is_told_when_it_is_not_known_whether_the_cluster_was_made() {
    let line = ["cluster", "create", "shop", "--tenant", "demo", "--wait"];
    let cases: [fn(usize) -> Answer; 5] = [
        |_| Answer::Nothing,
        |_| Answer::Raw("HTTP/1.1 202 OK\r\nContent-Length: 6\r\n\r\n<html>"),
        |_| Answer::Raw("SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        |_| Answer::Json(500, problem(500, "internal")),
        // The first try may be what has the name.
        |before| match before {
            0 => Answer::Nothing,
            _ => Answer::Json(409, problem(409, "already-exists")),
        },
    ];
    for (case, answer) in cases.into_iter().enumerate() {
        for output in ["table", "json"] {
            let server = Scripted::start(move |_, before| answer(before));
            let ran = server.run(&[&line[..], &["--output", output]].concat());
            assert!(matches!(ran.code, Some(1 | 5)), "case {case}: {ran:?}");
            let password = sent_password(&server);
            let told =
                format!("if the cluster was made all the same, the password of its user default is {password}\n");
            assert!(ran.err.starts_with(&told), "case {case}: {ran:?}");
            assert_eq!(ran.out, "", "case {case}");
        }
    }
}

#[test]
fn a_password_is_not_told_when_it_opens_nothing_or_is_known() {
    for status in [400, 401, 403, 404, 409, 422, 429, 507] {
        let server = Scripted::start(move |_, _| Answer::Json(status, problem(status, "a-code")));
        let ran = server.run(&["cluster", "create", "shop", "--tenant", "demo"]);
        let password = sent_password(&server);
        assert!(!(ran.err + &ran.out).contains(&password), "{status}");
    }
    let server = Scripted::start(|_, _| Answer::Nothing);
    let ran = server.run(&["cluster", "create", "shop", "--tenant", "demo", "--dry-run"]);
    assert!(!(ran.err + &ran.out).contains(&sent_password(&server)), "of a dry run");
    let file = server.folder().join("password");
    fs::write(&file, "0123456789abcdef\n").unwrap();
    let of_file = ["--password-file", file.to_str().unwrap()];
    let ran = server.run(&[&["cluster", "create", "shop", "--tenant", "demo"][..], &of_file].concat());
    assert!(!(ran.err + &ran.out).contains("0123456789abcdef"), "of a file");
}

#[test]
fn a_password_that_cannot_be_printed_is_in_the_error() {
    for more in [&[][..], &["--wait"], &["--output", "json"]] {
        let server = with_cluster(operation("SUCCEEDED", ""));
        let line = [&["cluster", "create", "shop", "--tenant", "demo"][..], more].concat();
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let ran = Ran::of(server.tenure(&line).stdout(full).output().unwrap());
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let told = format!("\npassword of the user default: {}\n", sent_password(&server));
        assert!(ran.err.contains(&told), "{ran:?}");
    }
}

#[test]
fn a_cluster_that_was_waited_for_is_shown_as_it_is_then() {
    let server = with_cluster(operation("SUCCEEDED", ""));
    let password = server.folder().join("password");
    fs::write(&password, "0123456789abcdef\n").unwrap();
    let password = password.to_str().unwrap();
    let line = [
        "cluster",
        "create",
        "shop",
        "--tenant",
        "demo",
        "--shards",
        "2",
        "--replicas",
        "0",
        "--memory",
        "1GiB",
        "--eviction-policy",
        "allkeys-lru",
        "--no-tls",
        "--password-file",
        password,
        "--wait",
    ];
    let ran = server.run(&line);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.out.starts_with("cluster    demo/shop\n") && ran.out.contains("  data-1  a"),
        "{ran:?}"
    );
    assert!(!ran.out.contains("0123456789abcdef"), "a password of a file was shown");
    assert_eq!(
        server.asked()[0].body,
        r#"{"name":"shop","shards":2,"replicas":0,"memory_bytes":1073741824,"eviction_policy":"allkeys-lru","tls":false,"password":"0123456789abcdef"}"#
    );
}

#[test]
fn a_control_plane_that_cannot_tell_for_a_moment_ends_no_wait() {
    let away = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&away);
    let server = Scripted::start(move |request, _| {
        if !request.line.starts_with("GET /v1/operations/op_1") {
            return Answer::Json(202, change("RUNNING"));
        }
        match asked.fetch_add(1, Ordering::SeqCst) {
            0 => Answer::Json(503, problem(503, "database-unavailable")),
            1 => Answer::Json(429, problem(429, "too-many-requests")),
            2 => Answer::Raw("HTTP/1.1 502 Bad\r\nContent-Length: 5\r\n\r\noops\n"),
            _ => ok(operation("SUCCEEDED", "")),
        }
    });
    let line = ["cluster", "delete", "shop", "--tenant", "demo", "--yes", "--wait"];
    let ran = server.run(&line);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), "cluster demo/shop is deleted\n")
    );
    assert!(
        ran.err.contains("the control plane cannot tell now; asking again\n"),
        "{ran:?}"
    );
    assert_eq!(away.load(Ordering::SeqCst), 4);
}

#[test]
fn an_operation_that_is_over_is_so_whether_or_not_the_cluster_can_be_shown_then() {
    let failover = [
        "cluster", "failover", "shop", "--shard", "0001", "--tenant", "demo", "--wait",
    ];
    let create = ["cluster", "create", "shop", "--tenant", "demo", "--wait"];
    let shards = SHARDS.trim_start_matches(r#"{"items":"#).trim_end_matches('}');
    let with_shards = change("RUNNING").replace(r#""shards":[]"#, &format!(r#""shards":{shards}"#));
    let failed = operation(
        "FAILED",
        r#","error":{"code":"superseded","detail":"no replica is left"}"#,
    );
    for (end, state, code) in [(operation("SUCCEEDED", ""), "SUCCEEDED", 0), (failed, "FAILED", 1)] {
        for line in [&failover[..], &create] {
            let (end, with_shards) = (end.clone(), with_shards.clone());
            let server = Scripted::start(move |request, _| match request.line.as_str() {
                line if line.starts_with("POST ") => Answer::Json(202, with_shards.clone()),
                line if line.starts_with("GET /v1/operations/op_1") => ok(end.clone()),
                _ => Answer::Json(500, problem(500, "internal")),
            });
            let ran = server.run(line);
            assert_eq!(ran.code, Some(code), "{ran:?}");
            assert!(
                ran.err.contains("demo/shop cannot be shown as it is now: it is so\n"),
                "{ran:?}"
            );
            assert_eq!(
                ran.err.contains("failed: no replica is left (superseded)"),
                code == 1,
                "{ran:?}"
            );
            assert!(
                !ran.out.contains("data-1"),
                "what may be out of date was shown: {ran:?}"
            );

            let ran = server.run(&[line, &["--output", "json"]].concat());
            assert_eq!(ran.code, Some(code), "{ran:?}");
            let shown: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
            assert_eq!(shown["operation"]["state"], state);
            assert_eq!(shown["shards"], serde_json::json!([]));
        }
    }
}

#[test]
fn an_operation_that_failed_says_so_also_where_nothing_can_be_printed() {
    let failed = operation(
        "FAILED",
        r#","error":{"code":"superseded","detail":"no replica is left"}"#,
    );
    let server = Scripted::start(move |request, _| match request.line.as_str() {
        line if line.starts_with("GET /v1/operations/op_1") => ok(failed.clone()),
        line if line.contains("/shards?") => ok(SHARDS),
        line if line.starts_with("GET ") => ok(CLUSTER),
        _ => Answer::Json(202, change("RUNNING")),
    });
    for line in [
        "cluster create shop --tenant demo --wait --output json",
        "cluster failover shop --tenant demo --shard 0001 --wait",
        "cluster delete shop --tenant demo --yes --wait",
        "operation wait op_1",
    ] {
        let line: Vec<_> = line.split(' ').collect();
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let ran = Ran::of(server.tenure(&line).stdout(full).output().unwrap());
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains("failed: no replica is left (superseded)"), "{ran:?}");
    }
}

#[test]
fn the_tenant_is_the_keys_own_or_the_only_one() {
    let list = |names: &[&str]| {
        let tenants: Vec<_> = names.iter().map(|name| TENANT.replace("demo", name)).collect();
        format!(r#"{{"items":[{}]}}"#, tenants.join(","))
    };
    let key = |tenant: &str| {
        let key = format!(r#"{{"id":"key_1",{tenant}"name":"a","role":"owner","created_at":""}}"#);
        format!(r#"{{"key":{key}}}"#)
    };
    for (own, tenants, code, last) in [
        (
            key(r#""tenant":"own","#),
            list(&[]),
            0,
            "GET /v1/tenants/own/clusters?page_size=500",
        ),
        (
            key(""),
            list(&["only"]),
            0,
            "GET /v1/tenants/only/clusters?page_size=500",
        ),
        (key(""), list(&["one", "two"]), 2, "GET /v1/tenants?page_size=20"),
    ] {
        let server = Scripted::start(move |request, _| match request.line.as_str() {
            "GET /v1/whoami" => ok(own.clone()),
            "GET /v1/tenants?page_size=20" => ok(tenants.clone()),
            _ => ok(r#"{"items":[]}"#),
        });
        let ran = server.run(&["cluster", "list"]);
        assert_eq!(ran.code, Some(code), "{ran:?}");
        assert_eq!(server.lines().last().unwrap(), last);
    }
}

#[test]
fn nothing_is_deleted_without_a_terminal_or_a_yes() {
    let server = Scripted::start(|_, _| Answer::Json(202, change("RUNNING")));
    for line in [
        &["cluster", "delete", "shop", "--tenant", "demo"][..],
        &["tenant", "delete", "demo"],
    ] {
        let ran = server.run(line);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.err.ends_with("\nhint: add --yes if it is meant\n"), "{ran:?}");
    }
    assert!(server.asked().is_empty());
    let ran = server.run(&["cluster", "delete", "shop", "--tenant", "demo", "--yes"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), "cluster demo/shop is CREATING\n")
    );
}

#[test]
fn connect_becomes_the_client_with_the_password_in_its_environment_only() {
    let server = with_cluster(String::new());
    let bin = server.folder().join("bin");
    fs::create_dir(&bin).unwrap();
    let client = bin.join("redis-cli");
    fs::write(
        &client,
        "#!/bin/sh\necho \"$@\"\necho \"$REDISCLI_AUTH|$TENURE_TOKEN|$TENURE_PASSWORD\"\nexit 9\n",
    )
    .unwrap();
    fs::set_permissions(&client, fs::Permissions::from_mode(0o755)).unwrap();
    let line = ["cluster", "connect", "shop", "--tenant", "demo", "--", "GET", "--key"];
    let mut command = server.tenure(&line);
    let ran = Ran::of(
        command
            .env("PATH", &bin)
            .env("TENURE_PASSWORD", "a secret")
            .output()
            .unwrap(),
    );
    assert_eq!(ran.code, Some(9), "{ran:?}");
    let ca = server.folder().join(".cache/tenure/clu_1.pem");
    assert_eq!(
        ran.out,
        format!(
            "-c -h 127.0.0.1 -p 7501 --user default --tls --cacert {} GET --key\na secret||\n",
            ca.display()
        )
    );
    assert_eq!(fs::read_to_string(ca).unwrap(), "PEM of the authority");

    let ran = Ran::of(server.tenure(&line).env("PATH", &bin).output().unwrap());
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(
        ran.err.contains("hint: --password-file FILE or TENURE_PASSWORD"),
        "{ran:?}"
    );
    let ran = Ran::of(server.tenure(&line).env("PATH", server.folder()).output().unwrap());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("neither redis-cli nor valkey-cli in PATH"), "{ran:?}");
}

#[test]
fn the_context_file_is_enough() {
    let server = Scripted::start(|_, _| ok(r#"{"items":[]}"#));
    let folder = server.folder().join(".config/tenure");
    fs::create_dir_all(&folder).unwrap();
    let context = folder.join("context.toml");
    let text = format!(
        "api = '{}'\ntoken = 'of-the-context'\nca = '../../ca.pem'\n",
        server.url()
    );
    fs::write(&context, text).unwrap();
    let list = || {
        let mut command = server.tenure(&["tenant", "list"]);
        for name in ["TENURE_API", "TENURE_TOKEN", "TENURE_CA"] {
            command.env_remove(name);
        }
        Ran::of(command.output().unwrap())
    };
    fs::set_permissions(&context, fs::Permissions::from_mode(0o644)).unwrap();
    let ran = list();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.err.contains("may be read by others") && server.asked().is_empty(),
        "{ran:?}"
    );
    fs::set_permissions(&context, fs::Permissions::from_mode(0o600)).unwrap();
    let ran = list();
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), "NAME  ID  CREATED\n"),
        "{ran:?}"
    );
    assert_eq!(server.asked()[0].header("authorization"), Some("Bearer of-the-context"));
}

#[test]
fn plain_http_is_refused_on_loopback_too() {
    let server = Scripted::start(|_, _| ok(TENANT));
    let url = server.url().replace("https", "http");
    let ran = server.run(&["tenant", "list", "--api", &url]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("the token never goes over plain HTTP"), "{ran:?}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let server = Scripted::start(|_, _| ok(TENANT));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ran = Ran::of(
        server
            .tenure(&["tenant", "show", "demo"])
            .stdout(writer)
            .output()
            .unwrap(),
    );
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
}

#[test]
fn a_text_is_pushed_as_the_module_that_it_stands_for() {
    const PLUGIN: &str = r#"{"id":"plg_1","tenant":"demo","name":"ratelimit","version":"1.0.0","sha256":"00","bytes":8,
        "description":"","commands":["RATELIMIT.TAKE"],"clusters":[],"created_at":"2026-11-28T21:00:00.000Z"}"#;
    let server = Scripted::start(|_, _| Answer::Json(201, PLUGIN.to_owned()));
    let file = server.folder().join("ratelimit.wat");
    fs::write(&file, "(module)").unwrap();
    let file = file.to_str().unwrap();
    for flags in [&[][..], &["--dry-run"]] {
        let ran = server.run(&[&["plugin", "push", file, "--tenant", "demo"], flags].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.out.starts_with("plugin    demo/ratelimit@1.0.0\n"), "{ran:?}");
        assert_eq!(ran.err.contains("nothing was kept"), !flags.is_empty(), "{ran:?}");
    }
    let asked = server.asked();
    assert_eq!(
        server.lines(),
        [
            "POST /v1/tenants/demo/plugins",
            "POST /v1/tenants/demo/plugins?dry_run=true"
        ]
    );
    assert_eq!(asked[0].header("content-type"), Some("application/wasm"));
    assert_eq!(asked[0].body, "\0asm\x01\0\0\0");
    assert_eq!(keys(&asked).len(), 2);
}

#[test]
fn the_newest_version_is_attached_if_none_is_named_and_it_is_said_which() {
    let versions = ["1.9.0", "1.10.0", "1.2.0"].map(|version| {
        format!(
            r#"{{"id":"plg_1","tenant":"demo","name":"ratelimit","version":"{version}","sha256":"00","bytes":8,"description":"",
            "commands":[],"clusters":[],"created_at":"2026-11-28T21:00:00.000Z"}}"#
        )
    });
    let list = format!(r#"{{"items":[{}]}}"#, versions.join(","));
    let server = Scripted::start(move |request, _| match request.line.as_str() {
        "PUT /v1/tenants/demo/clusters/shop/plugins/ratelimit" => Answer::Json(202, change("RUNNING")),
        line if line.ends_with("name=none&page_size=500") => ok(r#"{"items":[]}"#),
        _ => ok(list.clone()),
    });
    let attach = |plugin: &str| server.run(&["plugin", "attach", "shop", plugin, "--tenant", "demo"]);
    let ran = attach("ratelimit");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(
        ran.err,
        "the newest is ratelimit@1.10.0\nit goes on; to wait for it: tenure operation wait op_1\n"
    );
    let ran = attach("ratelimit@1.2.0");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!ran.err.contains("newest"), "{ran:?}");
    let asked = server.asked();
    let puts: Vec<_> = asked
        .iter()
        .filter(|request| request.line.starts_with("PUT "))
        .collect();
    let bodies: Vec<_> = puts.iter().map(|request| request.body.as_str()).collect();
    assert_eq!(bodies, [r#"{"version":"1.10.0"}"#, r#"{"version":"1.2.0"}"#]);
    assert!(puts.iter().all(|request| request.header("idempotency-key").is_some()));
    let ran = attach("none");
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert_eq!(attach("ratelimit@latest").code, Some(2));
}

#[test]
fn a_plugin_is_detached_by_an_operation_that_can_be_waited_for() {
    let end = operation("SUCCEEDED", "");
    let server = Scripted::start(move |request, _| match request.line.as_str() {
        "DELETE /v1/tenants/demo/clusters/shop/plugins/ratelimit" => Answer::Json(202, change("RUNNING")),
        "GET /v1/tenants/demo/clusters/shop" => ok(CLUSTER),
        _ => ok(end.clone()),
    });
    let ran = server.run(&["plugin", "detach", "shop", "ratelimit", "--tenant", "demo", "--wait"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.out, "cluster demo/shop runs no plugins\n");
}
