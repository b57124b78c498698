//! ACL WHOAMI and ACL CAT. Users are made in the control plane, so whatever changes or shows them is refused here.

use tenure_engine::CommandError;
use tenure_engine::command::{Arity, Category, Flags, Group, Spec};

use super::argument::shown;
use super::container::{NOSCRIPT, SERVER, help};
use super::{SessionCall, SessionCommand, SessionError, Then};
use crate::session::DEFAULT_USER;
use crate::table::{CommandName, Registered};

pub(super) const ACL: SessionCommand = SessionCommand::container(
    Spec {
        name: "acl",
        arity: Arity::AtLeast(2),
        flags: Flags::NONE,
        since: "6.0.0",
        summary: "Commands on access control.",
        ..SERVER
    },
    &[CAT, WHOAMI, help("acl|help", Group::Server, "6.0.0")],
);

const CAT: SessionCommand = SessionCommand::new(
    Spec {
        name: "acl|cat",
        arity: Arity::AtLeast(2),
        flags: NOSCRIPT,
        since: "6.0.0",
        summary: "The categories of commands, or the commands of one.",
        complexity: "O(N) of N commands",
        ..SERVER
    },
    cat,
);

/// All categories, as ACL CAT lists them.
pub(super) const CATEGORIES: [Category; 21] = [
    Category::Keyspace,
    Category::Read,
    Category::Write,
    Category::Set,
    Category::SortedSet,
    Category::List,
    Category::Hash,
    Category::String,
    Category::Bitmap,
    Category::HyperLogLog,
    Category::Geo,
    Category::Stream,
    Category::PubSub,
    Category::Admin,
    Category::Fast,
    Category::Slow,
    Category::Blocking,
    Category::Dangerous,
    Category::Connection,
    Category::Transaction,
    Category::Scripting,
];

fn cat(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let names: Vec<CommandName> = match (call.args.len(), call.args.get(2)) {
        (..=3, None) => {
            let names = CATEGORIES.iter().map(|category| category.name());
            names.map(CommandName::Native).collect()
        }
        (..=3, Some(name)) => {
            let category = find_category(name).ok_or_else(|| SessionError::UnknownCategory { name: shown(name) })?;
            commands_of(&call.all(true), category)
        }
        _ => {
            let command = "acl|cat".to_owned();
            return Err(CommandError::WrongArity { command }.into());
        }
    };
    call.reply.array(names.len());
    names.iter().for_each(|name| call.reply.bulk(name.as_str().as_bytes()));
    Ok(Then::GoOn)
}

/// The category of this name, in any case.
pub(super) fn find_category(name: &[u8]) -> Option<Category> {
    CATEGORIES
        .into_iter()
        .find(|category| category.name().as_bytes().eq_ignore_ascii_case(name))
}

fn commands_of(all: &[Registered], category: Category) -> Vec<CommandName> {
    let is_in = |command: &&Registered| command.spec().all_categories().any(|own| own == category);
    all.iter().filter(is_in).map(Registered::name).collect()
}

const WHOAMI: SessionCommand = SessionCommand::new(
    Spec {
        name: "acl|whoami",
        flags: NOSCRIPT,
        since: "6.0.0",
        summary: "The user of the connection.",
        ..SERVER
    },
    |call| {
        let user = call.session.user.as_deref().unwrap_or(DEFAULT_USER);
        call.reply.bulk(user.as_bytes());
        Ok(Then::GoOn)
    },
);

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn the_commands_of_a_category_follow_from_their_specs() {
        let mut server = Server::new();
        server.check(&[
            ("ACL WHOAMI", "\"default\""),
            ("ACL CAT foo", "(error) ERR Unknown category 'foo'"),
            (
                "ACL CAT a b",
                "(error) ERR wrong number of arguments for 'acl|cat' command",
            ),
        ]);
        assert!(server.run("ACL CAT").starts_with(r#"["keyspace" "read" "write" "#));
        let connection = server.run("ACL CAT connection");
        assert!(connection.contains("\"client|id\""), "{connection}");
        assert!(server.run("ACL CAT STRING").contains("\"get\""));
    }
}
