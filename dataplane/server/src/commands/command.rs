//! COMMAND: what the table of commands knows, told to clients and proxies.

mod describe;
mod docs;
mod keys;
mod list;

use tenure_engine::command::{Arity, Category, Group, Spec};

use super::argument::names;
use super::container::{SERVER, help};
use super::{SessionCall, SessionCommand, SessionError, Then};
use crate::table::{Found, Registered};
use describe::describe;
#[cfg(test)]
pub(super) use describe::{Legacy, access_name};

pub(super) const COMMAND: SessionCommand = SessionCommand {
    spec: Spec {
        name: "command",
        arity: Arity::AtLeast(1),
        since: "2.8.13",
        summary: "What is known of all commands.",
        complexity: "O(N) of N commands",
        tips: &["nondeterministic_output_order"],
        ..SPEC
    },
    run: all,
    subcommands: &[
        COUNT,
        docs::DOCS,
        keys::GETKEYS,
        keys::GETKEYSANDFLAGS,
        INFO,
        list::LIST,
        HELP,
    ],
};

/// A subcommand.
const SPEC: Spec = Spec {
    categories: &[Category::Connection],
    ..SERVER
};

const HELP: SessionCommand = {
    let help = help("command|help", Group::Server, "5.0.0");
    SessionCommand {
        spec: Spec {
            categories: &[Category::Connection],
            ..help.spec
        },
        ..help
    }
};

fn all(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let commands = call.all(false);
    call.reply.array(commands.len());
    commands.iter().for_each(|command| describe(call.reply, command));
    Ok(Then::GoOn)
}

const COUNT: SessionCommand = SessionCommand::new(
    Spec {
        name: "command|count",
        since: "2.8.13",
        summary: "How many commands there are.",
        ..SPEC
    },
    |call| {
        let count = call.all(false).len();
        call.reply.integer(i64::try_from(count).unwrap_or(i64::MAX));
        Ok(Then::GoOn)
    },
);

const INFO: SessionCommand = SessionCommand::new(
    Spec {
        name: "command|info",
        arity: Arity::AtLeast(2),
        since: "2.8.13",
        summary: "What is known of some commands, or of all.",
        complexity: "O(N) of N commands",
        tips: &["nondeterministic_output_order"],
        ..SPEC
    },
    info,
);

fn info(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let names = names(call.args.from(2))?;
    if names.is_empty() {
        return all(call);
    }
    call.reply.array(names.len());
    for name in names.iter() {
        match named(call, name) {
            Some(command) => describe(call.reply, &command),
            None => call.reply.null(),
        }
    }
    Ok(Then::GoOn)
}

/// The command that is listed under this name, `config|get` for one of two words.
fn named(call: &SessionCall<'_, '_>, name: &[u8]) -> Option<Registered> {
    let mut words = name.splitn(2, |byte| *byte == b'|');
    let (first, second) = (words.next()?, words.next());
    let Found::Command(command) = call.find(first, second) else {
        return None;
    };
    // A command without subcommands is found whatever comes behind it. What is refused is found and not listed.
    let is_it = command.spec().name.as_bytes().eq_ignore_ascii_case(name);
    (is_it && call.table.lists(&command)).then_some(command)
}

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn commands_are_described_by_their_names() {
        let mut server = Server::new();
        server.check(&[
            ("COMMAND INFO nope get|x config|nope", "[(nil) (nil) (nil)]"),
            (
                "COMMAND INFO TIME",
                r#"[["time" (integer) 1 [loading stale fast] (integer) 0 (integer) 0 (integer) 0 [@fast] ["nondeterministic_output"] [] []]]"#,
            ),
            (
                "COMMAND INFO client|ID",
                r#"[["client|id" (integer) 2 [noscript loading stale] (integer) 0 (integer) 0 (integer) 0 [@connection @slow] [] [] []]]"#,
            ),
            ("HELLO 3", "*"),
            (
                "COMMAND INFO get",
                r#"[["get" (integer) 2 ~[readonly fast] (integer) 1 (integer) 1 (integer) 1 ~[@string @read @fast] ~[] ~[{"flags" => ~[RO access] "begin_search" => {"type" => "index" "spec" => {"index" => (integer) 1}} "find_keys" => {"type" => "range" "spec" => {"lastkey" => (integer) 0 "keystep" => (integer) 1 "limit" => (integer) 0}}}] ~[]]]"#,
            ),
        ]);
    }

    #[test]
    fn all_commands_are_described_and_counted() {
        let mut server = Server::new();
        let count = server.table.all().len();
        server.check(&[("COMMAND COUNT", &format!("(integer) {count}"))]);
        let all = server.run("COMMAND");
        assert_eq!(all, server.run("COMMAND INFO"));
        for command in server.table.with_subcommands() {
            let name = command.name();
            assert!(all.contains(&format!("[\"{name}\" ")), "{name}");
        }
    }
}
