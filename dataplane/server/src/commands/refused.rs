//! Commands of Redis that no tenant may run: what they are for is done by the platform.
//! Promises: each is found, and answers its reason; COMMAND lists none of them.
//!
//! Their numbers of arguments are Redis's, so that a wrong call is told so first. Keys of a command that never runs lead
//! nowhere: they have no key specs, and no MOVED sends a client from node to node to be refused there too.

use std::fmt;

use tenure_engine::command::{Arity, Spec};

use super::argument::shown;
use super::container::{ADMIN, SERVER};
use super::{SessionCall, SessionCommand, SessionError, Then};

/// Why a command is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It would save.
    Durable,
    /// It would change who follows whom, or let a client follow.
    Replication,
    /// It would change where slots and nodes are.
    Topology,
    /// It would change, or store, a setting.
    Settings,
    /// It would change, or show, who may log in.
    Users,
    /// It would load code into the process.
    Modules,
    /// It would end, stop or look into a process that others share.
    Shared,
    /// It would move keys behind the back of the log.
    Keys,
    /// There is one database.
    OneDatabase,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Durable => "every acknowledged write is already durable",
            Self::Replication => "replicas follow the log, and the control plane places them",
            Self::Topology => "shards, slots and nodes are changed in the control plane",
            Self::Settings => "settings are changed in the control plane",
            Self::Users => "users are managed in the control plane",
            Self::Modules => "code is uploaded as a WASM plugin in the control plane",
            Self::Shared => "the process serves other clusters too",
            Self::Keys => "keys go from cluster to cluster by DUMP and RESTORE, or by a snapshot",
            Self::OneDatabase => "there is one database",
        })
    }
}

#[derive(Debug)]
struct Refused {
    command: SessionCommand,
    reason: Reason,
}

const fn row(name: &'static str, arity: Arity, since: &'static str, reason: Reason) -> Refused {
    let spec = Spec {
        name,
        arity,
        since,
        flags: ADMIN,
        summary: "Refused.",
        ..SERVER
    };
    Refused {
        command: SessionCommand::new(spec, refuse),
        reason,
    }
}

const fn exactly(name: &'static str, args: usize, since: &'static str, reason: Reason) -> Refused {
    row(name, Arity::Exactly(args), since, reason)
}

const fn at_least(name: &'static str, args: usize, since: &'static str, reason: Reason) -> Refused {
    row(name, Arity::AtLeast(args), since, reason)
}

const REFUSED: &[Refused] = &[
    exactly("save", 1, "1.0.0", Reason::Durable),
    at_least("bgsave", 1, "1.0.0", Reason::Durable),
    exactly("bgrewriteaof", 1, "1.0.0", Reason::Durable),
    exactly("replicaof", 3, "5.0.0", Reason::Replication),
    exactly("slaveof", 3, "1.0.0", Reason::Replication),
    exactly("sync", 1, "1.0.0", Reason::Replication),
    at_least("psync", 3, "2.8.0", Reason::Replication),
    at_least("replconf", 1, "3.0.0", Reason::Replication),
    at_least("failover", 1, "6.2.0", Reason::Replication),
    at_least("cluster|failover", 2, "3.0.0", Reason::Replication),
    exactly("cluster|replicate", 3, "3.0.0", Reason::Replication),
    at_least("cluster|addslots", 3, "3.0.0", Reason::Topology),
    at_least("cluster|addslotsrange", 4, "7.0.0", Reason::Topology),
    exactly("cluster|bumpepoch", 2, "3.0.0", Reason::Topology),
    at_least("cluster|delslots", 3, "3.0.0", Reason::Topology),
    at_least("cluster|delslotsrange", 4, "7.0.0", Reason::Topology),
    exactly("cluster|flushslots", 2, "3.0.0", Reason::Topology),
    exactly("cluster|forget", 3, "3.0.0", Reason::Topology),
    at_least("cluster|meet", 4, "3.0.0", Reason::Topology),
    at_least("cluster|reset", 2, "3.0.0", Reason::Topology),
    exactly("cluster|saveconfig", 2, "3.0.0", Reason::Topology),
    exactly("cluster|set-config-epoch", 3, "3.0.0", Reason::Topology),
    at_least("cluster|setslot", 4, "3.0.0", Reason::Topology),
    at_least("config|set", 4, "2.0.0", Reason::Settings),
    exactly("config|rewrite", 2, "2.8.0", Reason::Settings),
    at_least("acl|deluser", 3, "6.0.0", Reason::Users),
    at_least("acl|dryrun", 4, "7.0.0", Reason::Users),
    at_least("acl|genpass", 2, "6.0.0", Reason::Users),
    exactly("acl|getuser", 3, "6.0.0", Reason::Users),
    exactly("acl|list", 2, "6.0.0", Reason::Users),
    exactly("acl|load", 2, "6.0.0", Reason::Users),
    at_least("acl|log", 2, "6.0.0", Reason::Users),
    exactly("acl|save", 2, "6.0.0", Reason::Users),
    at_least("acl|setuser", 3, "6.0.0", Reason::Users),
    exactly("acl|users", 2, "6.0.0", Reason::Users),
    at_least("module|load", 3, "4.0.0", Reason::Modules),
    at_least("module|loadex", 3, "7.0.0", Reason::Modules),
    exactly("module|unload", 3, "4.0.0", Reason::Modules),
    at_least("client|pause", 3, "3.0.0", Reason::Shared),
    exactly("client|unpause", 2, "6.2.0", Reason::Shared),
    at_least("debug", 2, "1.0.0", Reason::Shared),
    exactly("monitor", 1, "1.0.0", Reason::Shared),
    at_least("shutdown", 1, "1.0.0", Reason::Shared),
    at_least("migrate", 6, "2.6.0", Reason::Keys),
    at_least("restore-asking", 4, "3.0.0", Reason::Keys),
    exactly("swapdb", 3, "4.0.0", Reason::OneDatabase),
];

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static SessionCommand> {
    REFUSED.iter().map(|refused| &refused.command)
}

fn refuse(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let first = shown(&call.args[0]).to_ascii_lowercase();
    let second = call.args.get(1).map(shown).unwrap_or_default().to_ascii_lowercase();
    let both = format!("{first}|{second}");
    let is_it = |refused: &&Refused| [&first, &both].iter().any(|name| *name == refused.command.spec.name);
    let Some(Refused { command, reason }) = REFUSED.iter().find(is_it) else {
        return Ok(Then::GoOn);
    };
    Err(SessionError::NotForTenants {
        command: command.spec.name.replace('|', " ").to_ascii_uppercase(),
        reason: *reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::harness::Server;

    #[test]
    fn every_refused_command_names_itself_and_its_reason() {
        let mut server = Server::new();
        for Refused { command, reason } in REFUSED {
            let words = command.spec.name.split('|').count();
            let (Arity::Exactly(args) | Arity::AtLeast(args)) = command.spec.arity;
            let name = command.spec.name.replace('|', " ").to_ascii_uppercase();
            let line = format!("{name}{}", " x".repeat(args - words));
            let expected = format!("(error) ERR {name} is not for tenants: {reason}");
            assert_eq!(server.run(&line), expected);
            assert_eq!(server.run(&line.to_lowercase()), expected);
        }
    }

    #[test]
    fn what_is_refused_is_listed_nowhere() {
        let mut server = Server::new();
        for Refused { command, .. } in REFUSED {
            let name = command.spec.name;
            assert_eq!(server.run(&format!("COMMAND INFO {name}")), "[(nil)]");
            assert!(!server.run("COMMAND LIST").contains(&format!("\"{name}\"")), "{name}");
        }
    }

    #[test]
    fn a_wrong_call_is_told_so_first() {
        Server::new().check(&[
            ("SAVE x", "(error) ERR wrong number of arguments for 'save' command"),
            (
                "CONFIG SET a",
                "(error) ERR wrong number of arguments for 'config|set' command",
            ),
            ("CONFIG NOPE", "(error) ERR unknown subcommand 'NOPE'. Try CONFIG HELP."),
        ]);
    }

    #[test]
    fn refused_commands_are_flagged_for_operators() {
        assert!(all().all(|command| command.spec.flags.has(tenure_engine::command::Flags::ADMIN)));
    }
}
