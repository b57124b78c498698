//! COMMAND DOCS. Arguments are not told: we have no table of them.

use tenure_engine::Reply;
use tenure_engine::command::{Arity, Spec};

use super::{SPEC, named};
use crate::commands::argument::names;
use crate::commands::{SessionCall, SessionCommand, SessionError, Then};
use crate::table::Registered;

pub(super) const DOCS: SessionCommand = SessionCommand::new(
    Spec {
        name: "command|docs",
        arity: Arity::AtLeast(2),
        since: "7.0.0",
        summary: "What some commands are for, or all.",
        complexity: "O(N) of N commands",
        tips: &["nondeterministic_output_order"],
        ..SPEC
    },
    docs,
);

fn docs(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let names = names(call.args.from(2))?;
    let mut commands = match names.is_empty() {
        true => call.all(false),
        false => names.iter().filter_map(|name| named(call, name)).collect(),
    };
    // The reply is a map: each name once.
    commands.sort_by_key(Registered::name);
    commands.dedup_by_key(|command| command.name());
    call.reply.map(commands.len());
    commands.iter().for_each(|command| document(call.reply, command));
    Ok(Then::GoOn)
}

fn document(reply: &mut dyn Reply, command: &Registered) {
    let (spec, subcommands) = (command.spec(), command.subcommands());
    let fields = [
        ("summary", spec.summary),
        ("since", spec.since),
        ("group", spec.group.name()),
        ("complexity", spec.complexity),
    ];
    reply.bulk(spec.name.as_bytes());
    let module = match command {
        Registered::Plugin(command) => Some(command.plugin_name()),
        Registered::Engine(_) | Registered::Session(_) => None,
    };
    reply.map(fields.len() + usize::from(module.is_some()) + usize::from(!subcommands.is_empty()));
    for (name, value) in fields {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    if let Some(module) = module {
        reply.bulk(b"module");
        reply.bulk(module.as_bytes());
    }
    if !subcommands.is_empty() {
        reply.bulk(b"subcommands");
        reply.map(subcommands.len());
        subcommands.iter().for_each(|command| document(reply, command));
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn each_command_is_documented_once() {
        let get = r#""get" => {"summary" => "Reads a string." "since" => "1.0.0" "group" => "string" "complexity" => "O(1)"}"#;
        let id = r#""client|id" => {"summary" => "The number of the connection." "since" => "5.0.0" "group" => "connection" "complexity" => "O(1)"}"#;
        Server::new().check(&[
            ("COMMAND DOCS nope", "[]"),
            ("HELLO 3", "*"),
            ("COMMAND DOCS get nope GET", &format!("{{{get}}}")),
            ("COMMAND DOCS get client|id", &format!("{{{id} {get}}}")),
        ]);
        assert!(
            Server::new()
                .run("COMMAND DOCS client")
                .contains("\"subcommands\" [\"client|caching\" [")
        );
        assert!(Server::new().run("COMMAND DOCS").contains("\"time\""));
    }
}
