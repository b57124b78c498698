//! OBJECT: how a key is kept.
//! Promises: looking at a key is no access to it.

use super::help::{reply_help, unknown_subcommand};
use super::{NONDETERMINISTIC, READ_SECOND};
use crate::command::{Arity, Call, Category, Command, Flags, Group, Run, Spec};
use crate::{CommandError, Entry, ValueRef, number};

pub(super) const OBJECT: Command = Command {
    spec: Spec {
        name: "object",
        arity: Arity::AtLeast(2),
        flags: Flags::NONE,
        keys: &[],
        categories: &[],
        group: Group::Generic,
        since: "2.2.3",
        summary: "Holds the commands that tell how a key is kept.",
        complexity: "Depends on the subcommand.",
        tips: &[],
    },
    run: |call| Err(unknown_subcommand("OBJECT", &call.args[1])),
    subcommands: &[ENCODING, FREQ, HELP, IDLETIME, REFCOUNT],
};

const ENCODING: Command = subcommand(
    "object|encoding",
    "2.2.3",
    "Names the encoding of what a key holds.",
    encoding,
);

fn encoding(call: &mut Call<'_>) -> Result<(), CommandError> {
    let encoding = call.image.peek(&call.args[2])?.map(|entry| match entry.value() {
        ValueRef::String(bytes) => string_encoding(bytes),
        ValueRef::Hash(hash) => hash.encoding(),
        ValueRef::SortedSet(set) => set.encoding(),
    });
    call.reply.bulk_or_null(encoding.map(str::as_bytes));
    Ok(())
}

/// The longest string that Redis keeps in one piece with its header.
const EMBEDDED_BYTES_MAX: usize = 44;

/// By what it is, not by how it came to be: a string that was appended to is not told from one that was set.
fn string_encoding(bytes: &[u8]) -> &'static str {
    if number::parse_i64(bytes).is_some() {
        "int"
    } else if bytes.len() <= EMBEDDED_BYTES_MAX {
        "embstr"
    } else {
        "raw"
    }
}

const FREQ: Command = subcommand("object|freq", "4.0.0", "Tells how often a key is used.", |call| {
    let (now, counted) = (call.image.now(), call.image.options().policy.counts_frequency());
    reply_number(call, |entry| match counted {
        true => Ok(i64::from(entry.frequency(now))),
        false => Err(CommandError::FrequencyNotTracked),
    })
});

const IDLETIME: Command = subcommand(
    "object|idletime",
    "2.2.3",
    "Tells for how many seconds a key was not used.",
    |call| {
        let (now, counted) = (call.image.now(), call.image.options().policy.counts_frequency());
        reply_number(call, |entry| match counted {
            true => Err(CommandError::IdleTimeNotTracked),
            false => Ok(i64::try_from(entry.idle(now).as_secs()).unwrap_or(i64::MAX)),
        })
    },
);

const REFCOUNT: Command = subcommand(
    "object|refcount",
    "2.2.3",
    "Tells how many keys share one value: one, for none is shared.",
    |call| reply_number(call, |_| Ok(1)),
);

const HELP: Command = Command {
    spec: Spec {
        name: "object|help",
        arity: Arity::Exactly(2),
        flags: Flags::LOADING.and(Flags::STALE),
        keys: &[],
        categories: &[Category::Keyspace],
        group: Group::Generic,
        since: "6.2.0",
        summary: "Lists the subcommands.",
        complexity: "O(1)",
        tips: &[],
    },
    run: |call| {
        let subcommands = [
            ("ENCODING <key>", "How the key's value is kept."),
            ("FREQ <key>", "How often the key is used, on a scale of logarithms."),
            ("IDLETIME <key>", "Seconds since the key was last used."),
            ("REFCOUNT <key>", "How many keys share the value."),
            ("HELP", "This text."),
        ];
        reply_help(call.reply, "OBJECT", &subcommands);
        Ok(())
    },
    subcommands: &[],
};

const fn subcommand(name: &'static str, since: &'static str, summary: &'static str, run: Run) -> Command {
    Command {
        spec: Spec {
            name,
            arity: Arity::Exactly(3),
            flags: Flags::READONLY,
            keys: READ_SECOND,
            categories: &[Category::Keyspace],
            group: Group::Generic,
            since,
            summary,
            complexity: "O(1)",
            tips: NONDETERMINISTIC,
        },
        run,
        subcommands: &[],
    }
}

/// Replies what is told of the key's entry. A key that is not there is nil, whatever could not be told.
fn reply_number(call: &mut Call<'_>, number: impl Fn(&Entry) -> Result<i64, CommandError>) -> Result<(), CommandError> {
    match call.image.peek(&call.args[2])? {
        Some(entry) => call.reply.integer(number(entry)?),
        None => call.reply.null(),
    }
    Ok(())
}
