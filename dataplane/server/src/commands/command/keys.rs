//! COMMAND GETKEYS and GETKEYSANDFLAGS: where the keys of a request are.

use tenure_engine::command::{Arity, KeySpec, Spec, SpecOf};
use tenure_engine::{Args, Reply};

use super::SPEC;
use super::describe::flags;
use crate::commands::{SessionCall, SessionCommand, SessionError, Then};
use crate::table::Found;

pub(super) const GETKEYS: SessionCommand = SessionCommand::new(
    Spec {
        name: "command|getkeys",
        arity: Arity::AtLeast(4),
        since: "2.8.13",
        summary: "The keys of a request.",
        complexity: "O(N) of N arguments",
        ..SPEC
    },
    |call| {
        let keys = keys(call)?;
        call.reply.array(keys.len());
        keys.iter().for_each(|(key, _)| call.reply.bulk(key));
        Ok(Then::GoOn)
    },
);

pub(super) const GETKEYSANDFLAGS: SessionCommand = SessionCommand::new(
    Spec {
        name: "command|getkeysandflags",
        arity: Arity::AtLeast(4),
        since: "7.0.0",
        summary: "The keys of a request, and what is done to each.",
        complexity: "O(N) of N arguments",
        ..SPEC
    },
    |call| {
        let keys = keys(call)?;
        call.reply.array(keys.len());
        keys.iter().for_each(|(key, spec)| with_flags(call.reply, key, spec));
        Ok(Then::GoOn)
    },
);

fn with_flags(reply: &mut dyn Reply, key: &[u8], spec: &KeySpec) {
    reply.array(2);
    reply.bulk(key);
    flags(reply, spec);
}

/// The keys of the request that is an argument, each with the spec that found it.
fn keys<'a>(call: &SessionCall<'a, '_>) -> Result<Vec<(&'a [u8], KeySpec)>, SessionError> {
    let request: Args<'a> = call.args.from(2);
    let first = request.get(0).ok_or(SessionError::CommandNotFound)?;
    let Found::Command(command) = call.find(first, request.get(1)) else {
        return Err(SessionError::CommandNotFound);
    };
    let spec = command.spec();
    if spec.keys.is_empty() {
        return Err(SessionError::CommandWithoutKeys);
    }
    if !spec.arity.allows(request.len()) {
        return Err(SessionError::CommandArity);
    }
    let mut found = Vec::new();
    for keys in spec.keys.chunks(1) {
        let places = SpecOf { keys, ..spec }.key_places(request);
        let places = places.ok_or(SessionError::CommandArguments)?;
        for key in places.into_iter().filter_map(|at| request.get(at)) {
            found.extend(keys.iter().map(|spec| (key, *spec)));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn keys_are_found_where_their_specs_say() {
        Server::new().check(&[
            ("COMMAND GETKEYS get a", "[\"a\"]"),
            ("COMMAND GETKEYS SET a b", "[\"a\"]"),
            (
                "COMMAND GETKEYSANDFLAGS set a b",
                "[[\"a\" [RW access update variable_flags]]]",
            ),
            ("COMMAND GETKEYS nope a", "(error) ERR Invalid command specified"),
            ("COMMAND GETKEYS config nope", "(error) ERR Invalid command specified"),
            ("COMMAND GETKEYS ping a", "(error) ERR The command has no key arguments"),
            (
                "COMMAND GETKEYSANDFLAGS config get a",
                "(error) ERR The command has no key arguments",
            ),
            (
                "COMMAND GETKEYS get a b",
                "(error) ERR Invalid number of arguments specified for command",
            ),
            (
                "COMMAND GETKEYS get",
                "(error) ERR wrong number of arguments for 'command|getkeys' command",
            ),
        ]);
    }
}
