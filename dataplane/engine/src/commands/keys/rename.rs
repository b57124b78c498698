//! RENAME, RENAMENX, COPY, MOVE: what a key holds becomes what another holds, with its expiry.
//! Leaves to the server: that both keys lie in this shard.

use crate::command::{Access, Arity, Call, Category, Command, Flags, Group, KeySpec, Spec};
use crate::{Args, CommandError, Effect, number};

const SOURCE: KeySpec = KeySpec::one(1, Access::ReadWrite, &["access", "delete"]);

pub(super) const RENAME: Command = Command {
    spec: Spec {
        name: "rename",
        arity: Arity::Exactly(3),
        flags: Flags::WRITE,
        keys: &[SOURCE, KeySpec::one(2, Access::Overwrite, &["update"])],
        categories: &[Category::Keyspace],
        group: Group::Generic,
        since: "1.0.0",
        summary: "Gives a key another name, whatever was there before.",
        complexity: "O(1), and O(N) to remove N elements that were there before.",
        tips: &[],
    },
    run: rename,
    subcommands: &[],
};

fn rename(call: &mut Call<'_>) -> Result<(), CommandError> {
    let (from, to) = (&call.args[1], &call.args[2]);
    call.image.entry(from)?.ok_or(CommandError::NoSuchKey)?;
    if from != to {
        call.image.peek(to)?;
        call.image.write(Effect::Rename { from, to });
    }
    call.reply.ok();
    Ok(())
}

pub(super) const RENAMENX: Command = Command {
    spec: Spec {
        name: "renamenx",
        arity: Arity::Exactly(3),
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[SOURCE, KeySpec::one(2, Access::Overwrite, &["insert"])],
        categories: &[Category::Keyspace],
        group: Group::Generic,
        since: "1.0.0",
        summary: "Gives a key another name, if no other key has it.",
        complexity: "O(1)",
        tips: &[],
    },
    run: rename_if_free,
    subcommands: &[],
};

fn rename_if_free(call: &mut Call<'_>) -> Result<(), CommandError> {
    let (from, to) = (&call.args[1], &call.args[2]);
    call.image.entry(from)?.ok_or(CommandError::NoSuchKey)?;
    // A name is not free for the key that has it.
    let free = call.image.peek(to)?.is_none();
    if free {
        call.image.write(Effect::Rename { from, to });
    }
    call.reply.integer(i64::from(free));
    Ok(())
}

pub(super) const COPY: Command = Command {
    spec: Spec {
        name: "copy",
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[
            KeySpec::one(1, Access::Read, &["access"]),
            KeySpec::one(2, Access::Overwrite, &["update"]),
        ],
        categories: &[Category::Keyspace],
        group: Group::Generic,
        since: "6.2.0",
        summary: "Copies what a key holds, and its expiry, to another key.",
        complexity: "O(N) with N elements.",
        tips: &[],
    },
    run: copy,
    subcommands: &[],
};

fn copy(call: &mut Call<'_>) -> Result<(), CommandError> {
    let args = call.args;
    let (from, to) = (&args[1], &args[2]);
    let replace = parse_copy_options(args.from(3))?;
    if from == to {
        return Err(CommandError::SameKey);
    }
    let found = call.image.entry(from)?.is_some();
    let copied = found && (call.image.peek(to)?.is_none() || replace);
    if copied {
        call.image.write(Effect::Copy { from, to });
    }
    call.reply.integer(i64::from(copied));
    Ok(())
}

/// Whether to replace.
fn parse_copy_options(options: Args<'_>) -> Result<bool, CommandError> {
    let (mut replace, mut database) = (false, 0);
    let mut words = options.iter();
    while let Some(option) = words.next() {
        match option.to_ascii_uppercase().as_slice() {
            b"REPLACE" => replace = true,
            b"DB" => database = parse_database(words.next().ok_or(CommandError::Syntax)?)?,
            _ => return Err(CommandError::Syntax),
        }
    }
    if database == 0 {
        Ok(replace)
    } else {
        Err(CommandError::CopyToOtherDatabase)
    }
}

/// A server without clustering has 16 databases, and Redis tells their numbers from others in a cluster too.
fn parse_database(text: &[u8]) -> Result<i64, CommandError> {
    let (min, max) = (i64::from(i32::MIN), i64::from(i32::MAX));
    match number::integer(text)? {
        number @ 0..=15 => Ok(number),
        number if (min..=max).contains(&number) => Err(CommandError::NoSuchDatabase),
        _ => Err(CommandError::OutsideRange { min, max }),
    }
}

pub(super) const MOVE: Command = Command {
    spec: Spec {
        name: "move",
        arity: Arity::Exactly(3),
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[KeySpec::one(1, Access::ReadWrite, &["access", "update"])],
        categories: &[Category::Keyspace],
        group: Group::Generic,
        since: "1.0.0",
        summary: "Moves a key to another database, of which a cluster has none: always an error.",
        complexity: "O(1)",
        tips: &[],
    },
    run: |_| Err(CommandError::NotInCluster { command: "MOVE" }),
    subcommands: &[],
};
