//! MEMORY: how much of it a key takes.
//! What an allocator or a doctor of it would say is not here: it would be about one process, and a shard moves.

use super::READ_SECOND;
use super::help::{reply_help, unknown_subcommand};
use crate::command::{Arity, Call, Command, Flags, Group, Spec};
use crate::{Args, CommandError, Entry, number};

pub(super) const MEMORY: Command = Command {
    spec: Spec {
        name: "memory",
        arity: Arity::AtLeast(2),
        flags: Flags::NONE,
        keys: &[],
        categories: &[],
        group: Group::Server,
        since: "4.0.0",
        summary: "Holds the commands that tell of memory.",
        complexity: "Depends on the subcommand.",
        tips: &[],
    },
    run: |call| Err(unknown_subcommand("MEMORY", &call.args[1])),
    subcommands: &[HELP, USAGE],
};

const USAGE: Command = Command {
    spec: Spec {
        name: "memory|usage",
        arity: Arity::AtLeast(3),
        flags: Flags::READONLY,
        keys: READ_SECOND,
        categories: &[],
        group: Group::Server,
        since: "4.0.0",
        summary: "Tells how many bytes a key takes with what it holds.",
        complexity: "O(1)",
        tips: &[],
    },
    run: usage,
    subcommands: &[],
};

fn usage(call: &mut Call<'_>) -> Result<(), CommandError> {
    let args = call.args;
    check_usage_options(args.from(3))?;
    match call.image.peek(&args[2])?.map(Entry::memory_bytes) {
        Some(bytes) => call.reply.integer(i64::try_from(bytes).unwrap_or(i64::MAX)),
        None => call.reply.null(),
    }
    Ok(())
}

/// SAMPLES is accepted and changes nothing: the answer is no estimate.
fn check_usage_options(options: Args<'_>) -> Result<(), CommandError> {
    let mut words = options.iter();
    while let Some(option) = words.next() {
        if !option.eq_ignore_ascii_case(b"samples") {
            return Err(CommandError::Syntax);
        }
        if number::integer(words.next().ok_or(CommandError::Syntax)?)? < 0 {
            return Err(CommandError::Syntax);
        }
    }
    Ok(())
}

const HELP: Command = Command {
    spec: Spec {
        name: "memory|help",
        arity: Arity::Exactly(2),
        flags: Flags::LOADING.and(Flags::STALE),
        keys: &[],
        categories: &[],
        group: Group::Server,
        since: "4.0.0",
        summary: "Lists the subcommands.",
        complexity: "O(1)",
        tips: &[],
    },
    run: |call| {
        let subcommands = [
            (
                "USAGE <key> [SAMPLES <count>]",
                "Bytes that the key takes. All of it is counted, whatever the count.",
            ),
            ("HELP", "This text."),
        ];
        reply_help(call.reply, "MEMORY", &subcommands);
        Ok(())
    },
    subcommands: &[],
};
