//! What every process tells Prometheus, with real processes, a real client, and Prometheus' own tool as the judge.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on ends there; clippy sees only its functions as tests"
)]

#[allow(dead_code, reason = "each test file uses its own part")]
mod platform;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use self::platform::{Dev, until};

const PAGE: &str = include_str!("../../docs/metrics.md");
/// Nothing is waited for longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Who scrapes one `tenure dev`, knowing its authority.
struct Scraper {
    agent: Agent,
    urls: Vec<String>,
}

/// One answer.
#[derive(Debug)]
struct Scrape(String);

impl Scraper {
    fn of(dev: &Dev) -> Self {
        let contract = dev.contract();
        let ca = fs::read(contract["api"]["ca"].as_str().unwrap()).unwrap();
        let trusted = parse_pem(&ca).filter_map(|item| match item.unwrap() {
            PemItem::Certificate(certificate) => Some(certificate),
            PemItem::PrivateKey(_) | _ => None,
        });
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(RootCerts::Specific(Arc::new(trusted.collect())))
            .build();
        let urls = contract["metrics"].as_array().unwrap().iter();
        Self {
            agent: Agent::config_builder()
                .tls_config(tls)
                .timeout_global(Some(ANSWER_WITHIN))
                .build()
                .into(),
            urls: urls.map(|url| url.as_str().unwrap().to_owned()).collect(),
        }
    }

    fn get(&self, url: &str) -> Result<String, ureq::Error> {
        self.agent.get(url).call()?.body_mut().read_to_string()
    }

    /// Of all that answer, by the names of the processes.
    fn scrape(&self) -> BTreeMap<String, Scrape> {
        let answers = self.urls.iter().filter_map(|url| self.get(url).ok()).map(Scrape);
        answers.map(|scrape| (scrape.node(), scrape)).collect()
    }
}

impl Scrape {
    /// Of the series with these labels, among others, all together. `None`: there is none.
    fn value(&self, name: &str, labels: &[&str]) -> Option<f64> {
        let series = self.0.lines().filter(|line| series_name(line) == name);
        let series = series.filter(|line| labels.iter().all(|label| line.contains(label)));
        let values = series.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap());
        values.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
    }

    /// The name of the process.
    fn node(&self) -> String {
        let info = self.0.lines().find(|line| series_name(line) == "tenure_build_info");
        let (_, rest) = info.unwrap().split_once("node=\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }

    fn role(&self) -> String {
        self.node().split('-').next().unwrap().to_owned()
    }

    /// Families with their types.
    fn families(&self) -> BTreeSet<(String, String)> {
        let types = self.0.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let pair = |line: &str| {
            let (name, kind) = line.split_once(' ').unwrap();
            (name.to_owned(), kind.to_owned())
        };
        types.map(pair).collect()
    }

    /// Names of the labels of a family, but for those that every series of a shard or a bucket has.
    fn labels_of(&self, family: &str) -> BTreeSet<String> {
        const IMPLIED: [&str; 4] = ["tenant", "cluster", "shard", "le"];
        let is_of_it = |line: &&str| {
            let name = series_name(line);
            let parts = ["", "_bucket", "_sum", "_count"];
            parts.iter().any(|part| name.strip_suffix(part) == Some(family))
        };
        let mut labels = BTreeSet::new();
        for line in self.0.lines().filter(is_of_it) {
            let within = line.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}'));
            let within = within.map_or("", |(within, _)| within);
            let names = within.split("\",").filter_map(|pair| pair.split_once('='));
            labels.extend(names.map(|(name, _)| name.to_owned()));
        }
        labels.retain(|label| !IMPLIED.contains(&label.as_str()));
        labels
    }
}

fn series_name(line: &str) -> &str {
    line.split(['{', ' ']).next().unwrap_or_default()
}

/// What promtool has to say of a text that it reads from its standard input.
fn promtool(arguments: &[&str], input: &str) -> (bool, String) {
    let child = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.expect("promtool is needed: apt-get install prometheus");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// What grew between two scrapes.
fn growth(before: &Scrape, after: &Scrape, name: &str, labels: &[&str]) -> f64 {
    let value = |scrape: &Scrape| scrape.value(name, labels);
    value(after).unwrap_or_else(|| panic!("no {name} in {after:?}")) - value(before).unwrap_or(0.0)
}

/// A row of the page.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    name: String,
    kind: String,
    labels: BTreeSet<String>,
}

/// Those below a heading.
fn rows(heading: &str) -> Vec<Row> {
    let (_, section) = PAGE.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 6, "{line}");
        let name: Vec<String> = quoted(cells[0]);
        Row {
            name: name[0].clone(),
            kind: cells[1].to_owned(),
            labels: quoted(cells[2]).into_iter().collect(),
        }
    };
    rows.map(row).collect()
}

#[tokio::test]
async fn every_process_tells_how_it_is_as_prometheus_likes_it_and_as_the_page_says() {
    let dev = Dev::start(&["--no-tls"]).await;
    let scraper = Scraper::of(&dev);
    let all: BTreeSet<_> = ["log-1", "log-2", "log-3", "control", "data-1", "data-2", "data-3"].into();
    // A replica has to have found its shard first.
    until("the replica follows", || {
        let told = scraper.scrape();
        told["data-2"].value("tenure_standing", &["standing=\"replica\""]) == Some(1.0)
    })
    .await;
    let before = scraper.scrape();
    assert_eq!(before.keys().map(String::as_str).collect::<BTreeSet<_>>(), all);
    for (node, scrape) in &before {
        assert_eq!(
            promtool(&["check", "metrics"], &scrape.0),
            (true, String::new()),
            "{node}"
        );
    }
    for url in &scraper.urls {
        let ready = scraper.get(&url.replace("/metrics", "/readyz")).unwrap();
        assert_eq!(ready, "ready\n");
    }

    what_was_done_shows(&dev, &scraper, &before).await;
    a_take_over_shows_as_another_epoch_of_the_successor(&dev, &scraper, &before["data-2"]).await;
    the_page_names_what_there_is(&before);
    the_example_of_the_page_is_a_configuration(&dev);
    assert!(dev.process().stop(platform::SOON).await.unwrap().success());
    assert!(scraper.scrape().is_empty(), "the ports are closed with their processes");
}

async fn what_was_done_shows(dev: &Dev, scraper: &Scraper, before: &BTreeMap<String, Scrape>) {
    let address = dev.primary()["addr"].as_str().unwrap().to_owned();
    let password = dev.contract()["clusters"][0]["password"].as_str().unwrap().to_owned();
    let client = redis::Client::open(format!("redis://:{password}@{address}")).unwrap();
    let connection = RefCell::new(client.get_connection().unwrap());
    // A machine that stalls may cost the shard its lease for a moment: nothing is executed then.
    let ask = async |command: &redis::Cmd| {
        let answer = RefCell::new(redis::Value::Nil);
        until("the shard answers", || {
            let answered = command.query(&mut *connection.borrow_mut());
            answered.map(|value| answer.replace(value)).is_ok()
        })
        .await;
        answer.into_inner()
    };
    for key in 0..10 {
        ask(redis::cmd("SET").arg(key).arg("value")).await;
    }
    ask(redis::cmd("EXPIRE").arg(0).arg(1000)).await;
    for key in 8..13 {
        let got = ask(redis::cmd("GET").arg(key)).await;
        assert_eq!(got != redis::Value::Nil, key < 10);
    }
    let api = dev.contract()["api"]["url"].as_str().unwrap().to_owned();
    assert!(scraper.get(&format!("{api}/healthz")).is_ok());

    let after = scraper.scrape();
    let (primary_before, primary) = (&before["data-1"], &after["data-1"]);
    let shard = &["tenant=\"1\"", "cluster=\"demo\"", "shard=\"0001\""][..];
    let grew = |name: &str| growth(primary_before, primary, name, shard);
    let is = |name: &str| primary.value(name, shard).unwrap_or_else(|| panic!("no {name}"));
    for (name, by) in [
        ("redis_connections_received_total", 1.0),
        ("redis_keyspace_misses_total", 3.0),
        ("redis_db_keys", 10.0),
        ("redis_db_keys_expiring", 1.0),
        ("tenure_epoch_changes_total", 0.0),
    ] {
        assert!(
            (grew(name) - by).abs() < 1e-9,
            "{name} grew by {} and not by {by}",
            grew(name)
        );
    }
    for (name, at_least) in [
        ("redis_commands_processed_total", 16.0),
        ("redis_keyspace_hits_total", 2.0),
        ("redis_net_input_bytes_total", 300.0),
        ("redis_net_output_bytes_total", 50.0),
        ("redis_memory_used_bytes", 100.0),
        // One client that waits for each answer: each write is a record of its own, and its reply is held for it.
        ("tenure_hazard_waits_total", 11.0),
        ("tenure_commit_seconds_count", 11.0),
        ("tenure_replica_lsn", 11.0),
    ] {
        assert!(grew(name) >= at_least, "{name} grew by {} only", grew(name));
    }
    for (name, value) in [
        ("redis_up", 1.0),
        ("redis_connected_clients", 1.0),
        ("redis_memory_max_bytes", 268_435_456.0),
        ("tenure_lease_length_seconds", 1.2),
        ("tenure_epoch", 1.0),
        ("tenure_unacknowledged_records", 0.0),
    ] {
        assert!(
            (is(name) - value).abs() < 1e-9,
            "{name} is {} and not {value}",
            is(name)
        );
    }
    let lease = is("tenure_lease_remaining_seconds");
    assert!(lease > 0.0 && lease <= 1.2, "{lease}");
    assert!(is("tenure_log_credit_bytes") > 1e6);
    let info = primary.value(
        "redis_instance_info",
        &["role=\"master\"", "maxmemory_policy=\"noeviction\""],
    );
    assert_eq!(info, Some(1.0));
    assert_eq!(
        after["data-2"].value("tenure_lease_remaining_seconds", &[]),
        None,
        "a replica has no lease"
    );
    assert_eq!(after["data-3"].value("redis_up", &[]), None, "it hosts nothing");
    assert_eq!(after["data-3"].value("tenure_control_session_up", &[]), Some(1.0));

    let log: Vec<_> = ["log-1", "log-2", "log-3"].into();
    let leaders = log
        .iter()
        .map(|node| after[*node].value("tenure_raft_is_leader", &["group=\"0\""]).unwrap());
    assert!((leaders.sum::<f64>() - 1.0).abs() < 1e-9, "one leads");
    for name in [
        "tenure_log_appends_total",
        "tenure_log_entries_total",
        "tenure_log_fsync_seconds_count",
    ] {
        let grew: Vec<f64> = log
            .iter()
            .map(|node| growth(&before[*node], &after[*node], name, &[]))
            .collect();
        let most = grew.iter().filter(|grew| **grew >= 11.0).count();
        assert!(most >= 2, "{name} grew by {grew:?}: not on a majority");
    }
    assert!(
        log.iter()
            .any(|node| after[*node].value("tenure_log_tail_readers", &[]) >= Some(1.0))
    );

    let requests = "tenure_control_http_requests_total";
    let health = &["route=\"/healthz\"", "method=\"GET\"", "status=\"200\""][..];
    assert!(growth(&before["control"], &after["control"], requests, health) >= 1.0);
    let control = |name: &str, label: &str| after["control"].value(name, &[label]);
    assert_eq!(control("tenure_control_nodes", "state=\"alive\""), Some(3.0));
    assert_eq!(control("tenure_control_clusters", "state=\"active\""), Some(1.0));
    assert_eq!(control("tenure_control_sessions", ""), Some(3.0));
    assert!(control("tenure_control_reconcile_seconds_count", "reconciler=\"read\"") >= Some(1.0));
}

async fn a_take_over_shows_as_another_epoch_of_the_successor(dev: &Dev, scraper: &Scraper, before: &Scrape) {
    assert_eq!(before.value("tenure_epoch", &[]), Some(1.0));
    platform::kill(dev.pid("data-1"));
    let owns = |scrape: &Scrape| {
        let is_primary = scrape.value("tenure_standing", &["standing=\"primary\""]) == Some(1.0);
        is_primary && scrape.value("tenure_epoch", &[]) == Some(2.0)
    };
    until("the successor shows its epoch", || owns(&scraper.scrape()["data-2"])).await;
    let after = scraper.scrape();
    assert!((growth(before, &after["data-2"], "tenure_epoch_changes_total", &[]) - 1.0).abs() < 1e-9);
    assert!(after["data-2"].value("tenure_lease_remaining_seconds", &[]).is_some());
    assert!(!after.contains_key("data-1"), "it is dead");
    let listed = dev.contract()["metrics"].as_array().unwrap().len();
    assert_eq!(listed, 7, "who scrapes shall see that one does not answer");
}

fn the_page_names_what_there_is(scrapes: &BTreeMap<String, Scrape>) {
    let of_all = rows("Every process");
    for (role, heading) in [
        ("log", "Log nodes"),
        ("data", "Data nodes"),
        ("control", "Control plane"),
    ] {
        let of_role: Vec<_> = scrapes.values().filter(|scrape| scrape.role() == role).collect();
        let there: BTreeSet<_> = of_role.iter().flat_map(|scrape| scrape.families()).collect();
        let rows = rows(heading);
        let rows: Vec<&Row> = rows.iter().chain(&of_all).collect();
        let told: BTreeSet<_> = rows.iter().map(|row| (row.name.clone(), row.kind.clone())).collect();
        assert_eq!(told.len(), rows.len(), "the page names one twice");
        let missing: Vec<_> = there.difference(&told).collect();
        let extra: Vec<_> = told.difference(&there).collect();
        assert!(
            missing.is_empty() && extra.is_empty(),
            "in ops/docs/metrics.md, {heading:?}: not named {missing:?}; named, but not there {extra:?}"
        );
        for row in rows {
            let labels: BTreeSet<_> = of_role.iter().flat_map(|scrape| scrape.labels_of(&row.name)).collect();
            assert_eq!(row.labels, labels, "in ops/docs/metrics.md, labels of {}", row.name);
        }
    }
}

fn the_example_of_the_page_is_a_configuration(dev: &Dev) {
    let (_, example) = PAGE.split_once("```yaml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let ca = dev.folder().join("ca.pem");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prometheus.yml");
    let named = example.replace("/path/of/data-dir/ca.pem", &ca.display().to_string());
    assert_ne!(named, example);
    fs::write(&file, named).unwrap();
    let (is_fine, said) = promtool(&["check", "config", &file.display().to_string()], "");
    assert!(is_fine && said.contains("SUCCESS"), "{said}");
    // Its ports are those of the default base port.
    for url in dev.contract()["metrics"].as_array().unwrap() {
        let port: u16 = url.as_str().unwrap().split([':', '/']).nth(4).unwrap().parse().unwrap();
        let target = format!("\"127.0.0.1:{}\"", port - dev.base_port + 7400);
        assert!(example.contains(&target), "{target} is not in the example");
    }
}
