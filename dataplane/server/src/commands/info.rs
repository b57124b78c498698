//! INFO: what exporters, tools and libraries read, as far as this shard knows it. A tenant sees its own shard, nothing of
//! the process and the machine that it shares.
//! Promises: how many keys there are is data, so a reply that tells it depends on all keys, and none tells it while the
//! shard may not answer about data.

mod sections;

use tenure_engine::command::{Arity, Category, Spec};

use super::argument::{is, names};
use super::container::SERVER;
use super::{SessionCall, SessionCommand, SessionError, Then};
use sections::SECTIONS;

/// The version of Redis that libraries are told: whose commands we have.
pub(crate) const VERSION: &str = "7.2.4";

pub(super) const INFO: SessionCommand = SessionCommand::new(
    Spec {
        name: "info",
        arity: Arity::AtLeast(1),
        // For operators it is not, and yet Redis has it among the dangerous.
        categories: &[Category::Dangerous],
        since: "1.0.0",
        summary: "What the shard tells of itself, by sections.",
        tips: &[
            "nondeterministic_output",
            "request_policy:all_shards",
            "response_policy:special",
        ],
        ..SERVER
    },
    info,
);

/// When a section is shown without being named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// By INFO alone, and by `default`.
    ByDefault,
    /// By `all` and `everything`.
    WithAll,
}

fn info(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let names = names(call.args.from(1))?;
    let mut text = String::new();
    for section in SECTIONS {
        let is_wanted = |name: &[u8]| {
            is(name, "all")
                || is(name, "everything")
                || (is(name, "default") && section.shown == Shown::ByDefault)
                || is(name, section.name)
        };
        let is_shown = match names.is_empty() {
            true => section.shown == Shown::ByDefault,
            false => names.iter().any(is_wanted),
        };
        if is_shown {
            if !text.is_empty() {
                text.push_str("\r\n");
            }
            text.push_str(&format!("# {}\r\n", section.title));
            (section.write)(call, &mut text);
        }
    }
    call.reply.verbatim("txt", &text);
    Ok(Then::GoOn)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::commands::harness::{Server, layout};

    fn titles(text: &str) -> Vec<&str> {
        text.lines().filter_map(|line| line.strip_prefix("# ")).collect()
    }

    const DEFAULT: [&str; 11] = [
        "Server",
        "Clients",
        "Memory",
        "Persistence",
        "Stats",
        "Replication",
        "CPU",
        "Modules",
        "Errorstats",
        "Cluster",
        "Keyspace",
    ];

    #[test]
    fn sections_are_chosen_by_name() {
        let mut server = Server::new();
        assert_eq!(titles(&server.run("INFO")), DEFAULT);
        assert_eq!(titles(&server.run("INFO default")), DEFAULT);
        assert_eq!(titles(&server.run("INFO everything")).len(), 12);
        assert!(titles(&server.run("INFO ALL")).contains(&"Commandstats"));
        assert_eq!(titles(&server.run("INFO keyspace nope SERVER")), ["Server", "Keyspace"]);
        server.check(&[
            ("INFO nope", ""),
            ("INFO cluster", "# Cluster\r\ncluster_enabled:1\r\n"),
        ]);
    }

    #[test]
    fn exporters_and_libraries_find_what_they_read() {
        let mut server = Server::new();
        server.run("SET a 1");
        server.clock.advance(Duration::from_secs(90_000));
        server.replica.renew_for_tests();
        server.connect(8, "127.0.0.1:50008");
        let text = server.run("INFO");
        for line in [
            "redis_version:7.2.4",
            "redis_mode:cluster",
            "tcp_port:7001",
            "uptime_in_seconds:90000",
            "uptime_in_days:1",
            "connected_clients:2",
            "maxclients:10000",
            "maxmemory:268435456",
            "maxmemory_human:256.00M",
            "maxmemory_policy:noeviction",
            "aof_enabled:1",
            "loading:0",
            "total_commands_processed:0",
            "role:master",
            "connected_slaves:1",
            "slave0:ip=127.0.0.2,port=7002,state=online,offset=0,lag=0",
            "cluster_enabled:1",
            "db0:keys=1,expires=0,avg_ttl=0",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} in {text}");
        }
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
            assert!(line.contains(':'), "{line}");
        }
    }

    #[test]
    fn only_a_reply_that_counts_keys_depends_on_them() {
        let mut server = Server::new();
        for (line, depends) in [
            ("INFO server clients memory", false),
            ("INFO keyspace", true),
            ("INFO", true),
        ] {
            server.run(line);
            assert_eq!(server.looked_at_all, depends, "{line}");
        }
    }

    #[test]
    fn an_empty_keyspace_has_no_line() {
        let mut server = Server::of(layout());
        server.check(&[("INFO keyspace", "# Keyspace\r\n")]);
    }

    #[test]
    fn a_replica_names_its_primary() {
        let text = Server::follower().run("INFO replication");
        for line in [
            "role:slave",
            "master_host:127.0.0.1",
            "master_port:7001",
            "master_link_status:up",
            "connected_slaves:0",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} in {text}");
        }
    }

    #[test]
    fn past_its_lease_a_shard_tells_how_it_is_but_not_how_many_keys_it_has() {
        let mut server = Server::new();
        server.run("SET a 1");
        server.clock.advance(Duration::from_secs(5));
        let text = server.run("INFO");
        assert!(text.contains("aof_last_write_status:err\r\n"), "{text}");
        assert!(text.ends_with("# Keyspace\r\n"), "{text}");
        assert!(!server.looked_at_all);
    }
}
