//! Numbers in strings: counting up and down.
//! Promises: the expiry of a counter stays. What is logged is the sum, so a replica never adds.

use super::UPDATE;
use super::stored::Stored;
use crate::command::{Arity, Call, Category, Command, Flags, Group, Spec};
use crate::{CommandError, Effect, number};

pub(super) const INCR: Command = Command {
    spec: Spec {
        name: "incr",
        arity: Arity::Exactly(2),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: UPDATE,
        categories: &[Category::String],
        group: Group::String,
        since: "1.0.0",
        summary: "Adds one to a whole number; nothing counts as 0.",
        complexity: "O(1)",
        tips: &[],
    },
    run: incr,
    subcommands: &[],
};

fn incr(call: &mut Call<'_>) -> Result<(), CommandError> {
    add(call, 1)
}

pub(super) const DECR: Command = Command {
    spec: Spec {
        name: "decr",
        arity: Arity::Exactly(2),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: UPDATE,
        categories: &[Category::String],
        group: Group::String,
        since: "1.0.0",
        summary: "Takes one from a whole number; nothing counts as 0.",
        complexity: "O(1)",
        tips: &[],
    },
    run: decr,
    subcommands: &[],
};

fn decr(call: &mut Call<'_>) -> Result<(), CommandError> {
    add(call, -1)
}

pub(super) const INCRBY: Command = Command {
    spec: Spec {
        name: "incrby",
        arity: Arity::Exactly(3),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: UPDATE,
        categories: &[Category::String],
        group: Group::String,
        since: "1.0.0",
        summary: "Adds a whole number to another; nothing counts as 0.",
        complexity: "O(1)",
        tips: &[],
    },
    run: incrby,
    subcommands: &[],
};

fn incrby(call: &mut Call<'_>) -> Result<(), CommandError> {
    add(call, number::integer(&call.args[2])?)
}

pub(super) const DECRBY: Command = Command {
    spec: Spec {
        name: "decrby",
        arity: Arity::Exactly(3),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: UPDATE,
        categories: &[Category::String],
        group: Group::String,
        since: "1.0.0",
        summary: "Takes a whole number from another; nothing counts as 0.",
        complexity: "O(1)",
        tips: &[],
    },
    run: decrby,
    subcommands: &[],
};

fn decrby(call: &mut Call<'_>) -> Result<(), CommandError> {
    let decrement = number::integer(&call.args[2])?;
    add(call, decrement.checked_neg().ok_or(CommandError::DecrementOverflow)?)
}

fn add(call: &mut Call<'_>, increment: i64) -> Result<(), CommandError> {
    let key = &call.args[1];
    let (old, expires_at) = match Stored::find(call.image, key)? {
        Some(stored) => (number::integer(stored.bytes)?, stored.expires_at),
        None => (0, None),
    };
    let sum = old.checked_add(increment).ok_or(CommandError::Overflow)?;
    call.image.write(Effect::Set {
        key,
        value: &number::write_i64(sum),
        expires_at,
    });
    call.reply.integer(sum);
    Ok(())
}

pub(super) const INCRBYFLOAT: Command = Command {
    spec: Spec {
        name: "incrbyfloat",
        arity: Arity::Exactly(3),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: UPDATE,
        categories: &[Category::String],
        group: Group::String,
        since: "2.6.0",
        summary: "Adds a number with a fraction to another; nothing counts as 0.",
        complexity: "O(1)",
        tips: &[],
    },
    run: incrbyfloat,
    subcommands: &[],
};

fn incrbyfloat(call: &mut Call<'_>) -> Result<(), CommandError> {
    let (key, increment) = (&call.args[1], &call.args[2]);
    let (old, expires_at) = match Stored::find(call.image, key)? {
        Some(stored) => (number::float(stored.bytes)?, stored.expires_at),
        None => (number::float(b"0")?, None),
    };
    let sum = old.plus(number::float(increment)?).ok_or(CommandError::NotFinite)?;
    let sum = sum.to_text();
    call.image.write(Effect::Set {
        key,
        value: &sum,
        expires_at,
    });
    call.reply.bulk(&sum);
    Ok(())
}
