//! Fields that are counters.
//! Promises: the effect carries the sum, so that a replica does no arithmetic.

use super::READ_AND_UPDATED;
use crate::command::{Arity, Call, Category, Command, Flags, Group, Spec};
use crate::number::{Float, integer, parse_i64, write_i64};
use crate::{CommandError, Effect};

pub(super) const HINCRBY: Command = Command {
    spec: Spec {
        name: "hincrby",
        arity: Arity::Exactly(4),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: READ_AND_UPDATED,
        categories: &[Category::Hash],
        group: Group::Hash,
        since: "2.0.0",
        summary: "Adds a whole number to a field that holds one, or that is not there and counts as 0.",
        complexity: "O(1)",
        tips: &[],
    },
    run: hincrby,
    subcommands: &[],
};

fn hincrby(call: &mut Call<'_>) -> Result<(), CommandError> {
    let by = integer(&call.args[3])?;
    let before = match field(call)? {
        Some(value) => parse_i64(value).ok_or(CommandError::HashValueNotAnInteger)?,
        None => 0,
    };
    let sum = before.checked_add(by).ok_or(CommandError::Overflow)?;
    store(call, &write_i64(sum));
    call.reply.integer(sum);
    Ok(())
}

pub(super) const HINCRBYFLOAT: Command = Command {
    spec: Spec {
        name: "hincrbyfloat",
        arity: Arity::Exactly(4),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: READ_AND_UPDATED,
        categories: &[Category::Hash],
        group: Group::Hash,
        since: "2.6.0",
        summary: "Adds a number with a fraction to a field that holds one, or that is not there and counts as 0.",
        complexity: "O(1)",
        tips: &[],
    },
    run: hincrbyfloat,
    subcommands: &[],
};

fn hincrbyfloat(call: &mut Call<'_>) -> Result<(), CommandError> {
    let by = Float::parse(&call.args[3]).ok_or(CommandError::NotAFloat)?;
    if by == Float::Infinite {
        return Err(CommandError::IncrementNotFinite);
    }
    let before = Float::parse(field(call)?.unwrap_or(b"0")).ok_or(CommandError::HashValueNotAFloat)?;
    let sum = before.plus(by).ok_or(CommandError::NotFinite)?.to_text();
    store(call, &sum);
    call.reply.bulk(&sum);
    Ok(())
}

fn field<'a>(call: &'a mut Call<'_>) -> Result<Option<&'a [u8]>, CommandError> {
    let hash = call.image.hash(&call.args[1])?;
    Ok(hash.and_then(|hash| hash.get(&call.args[2])))
}

fn store(call: &mut Call<'_>, value: &[u8]) {
    call.image.write(Effect::HashSet {
        key: &call.args[1],
        pairs: vec![&call.args[2], value],
    });
}
