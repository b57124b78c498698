//! CLIENT: what a connection tells of itself, and what it sees of the others of its shard.

mod hints;
mod kill;
mod list;
pub(super) mod name;
mod replies;
mod tracking;
mod unblock;

use tenure_engine::command::{Arity, Category, Flags, Group, Spec};

use super::argument::{is, shown};
use super::container::{CONNECTION, NOSCRIPT, help};
use super::{SessionCommand, SessionError, Then};

pub(super) const CLIENT: SessionCommand = SessionCommand::container(
    Spec {
        name: "client",
        arity: Arity::AtLeast(2),
        flags: Flags::NONE,
        categories: &[],
        since: "2.4.0",
        summary: "Commands on connections.",
        ..CONNECTION
    },
    &[
        tracking::CACHING,
        name::GETNAME,
        tracking::GETREDIR,
        ID,
        list::INFO,
        kill::KILL,
        list::LIST,
        hints::NO_EVICT,
        hints::NO_TOUCH,
        replies::REPLY,
        name::SETINFO,
        name::SETNAME,
        tracking::TRACKING,
        tracking::TRACKINGINFO,
        unblock::UNBLOCK,
        help("client|help", Group::Connection, "5.0.0"),
    ],
);

/// A subcommand.
const SPEC: Spec = Spec {
    flags: NOSCRIPT,
    categories: &[Category::Connection],
    ..CONNECTION
};

const ID: SessionCommand = SessionCommand::new(
    Spec {
        name: "client|id",
        since: "5.0.0",
        summary: "The number of the connection.",
        ..SPEC
    },
    |call| {
        call.reply.integer(i64::try_from(call.client.id).unwrap_or(i64::MAX));
        Ok(Then::GoOn)
    },
);

/// What CLIENT LIST and CLIENT KILL tell connections apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    /// All connections of today.
    Normal,
    /// Primaries and replicas of Redis; ours speak to the log. Subscribers: there are none yet.
    Nobody,
}

fn parse_type(name: &[u8]) -> Result<Type, SessionError> {
    if is(name, "normal") {
        Ok(Type::Normal)
    } else if ["master", "replica", "slave", "pubsub"]
        .iter()
        .any(|known| is(name, known))
    {
        Ok(Type::Nobody)
    } else {
        Err(SessionError::UnknownClientType { name: shown(name) })
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn a_connection_knows_its_number() {
        Server::new().check(&[
            ("CLIENT ID", "(integer) 7"),
            ("CLIENT NOPE", "(error) ERR unknown subcommand 'NOPE'. Try CLIENT HELP."),
            ("CLIENT", "(error) ERR wrong number of arguments for 'client' command"),
        ]);
    }
}
