//! CONFIG GET: a view of the settings that libraries and tools ask for, as far as they have a meaning here.
//! Promises: what depends on the cluster says what is so for this cluster; the rest is what Redis would have to be set to
//! for behaving as this server does. Nothing is set here.

mod settings;

use std::collections::BTreeMap;

use tenure_engine::command::{Arity, Flags, Group, Spec};
use tenure_engine::glob;

use super::argument::names;
use super::cluster::view::View;
use super::container::{ADMIN, SERVER, help};
use super::{SessionCall, SessionCommand, SessionError, Then};
use settings::settings;

pub(super) const CONFIG: SessionCommand = SessionCommand::container(
    Spec {
        name: "config",
        arity: Arity::AtLeast(2),
        flags: Flags::NONE,
        since: "2.0.0",
        summary: "Commands on settings.",
        ..SERVER
    },
    &[GET, RESETSTAT, help("config|help", Group::Server, "5.0.0")],
);

const GET: SessionCommand = SessionCommand::new(
    Spec {
        name: "config|get",
        arity: Arity::AtLeast(3),
        flags: ADMIN,
        since: "2.0.0",
        summary: "The settings whose names are like one of the patterns.",
        complexity: "O(N) of N patterns",
        ..SERVER
    },
    get,
);

fn get(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let settings = settings(&View::of(call.replica));
    let mut found: BTreeMap<String, &str> = BTreeMap::new();
    for wanted in names(call.args.from(2))?.iter() {
        let pattern = wanted.to_ascii_lowercase();
        for (name, value) in &settings {
            if pattern == name.as_bytes() {
                // Asked for by its name, it is answered as it was spelled.
                found.insert(String::from_utf8_lossy(wanted).into_owned(), value);
            } else if glob::matches(&pattern, name.as_bytes()) {
                found.insert((*name).to_owned(), value);
            }
        }
    }
    call.reply.map(found.len());
    for (name, value) in found {
        call.reply.bulk(name.as_bytes());
        call.reply.bulk(value.as_bytes());
    }
    Ok(Then::GoOn)
}

const RESETSTAT: SessionCommand = SessionCommand::new(
    Spec {
        name: "config|resetstat",
        flags: ADMIN,
        since: "2.0.0",
        summary: "Sets the counters of INFO to zero.",
        ..SERVER
    },
    |call| {
        call.replica.counters.reset();
        call.turn.image().forget_stats();
        call.reply.ok();
        Ok(Then::GoOn)
    },
);

#[cfg(test)]
mod tests {
    use crate::commands::harness::{Server, layout};

    #[test]
    fn settings_are_found_by_patterns_in_any_case() {
        Server::new().check(&[
            ("CONFIG GET nope", "[]"),
            ("CONFIG GET databases", "[\"databases\" \"1\"]"),
            ("CONFIG GET SAVE", "[\"SAVE\" \"\"]"),
            (
                "CONFIG GET append* maxmemory appendonly",
                r#"["appendfsync" "always" "appendonly" "yes" "maxmemory" "268435456"]"#,
            ),
            ("HELLO 3", "*"),
            ("CONFIG GET timeout", "{\"timeout\" => \"0\"}"),
        ]);
    }

    #[test]
    fn what_the_cluster_may_use_is_shown() {
        let mut cluster = layout();
        cluster.limits.connections_max = 12;
        cluster.limits.request_bytes_max = 34;
        Server::of(cluster).check(&[
            ("CONFIG GET maxclients", "[\"maxclients\" \"12\"]"),
            ("CONFIG GET proto-max-bulk-len", "[\"proto-max-bulk-len\" \"34\"]"),
            ("CONFIG GET maxmemory-policy", "[\"maxmemory-policy\" \"noeviction\"]"),
            ("CONFIG GET tls-port", "[\"tls-port\" \"0\"]"),
            ("CONFIG GET port", "[\"port\" \"7001\"]"),
        ]);
    }

    #[test]
    fn resetstat_counts_from_zero() {
        let mut server = Server::new();
        server.replica.counters.commands_processed.set(5);
        server.check(&[("GET a", "(nil)")]);
        assert!(server.run("INFO stats").contains("keyspace_misses:1\r\n"));
        server.check(&[("CONFIG RESETSTAT", "OK")]);
        assert!(server.run("INFO stats").contains("keyspace_misses:0\r\n"));
        assert_eq!(server.replica.counters.commands_processed.get(), 0);
    }
}
