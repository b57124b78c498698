//! EXISTS, TOUCH, TYPE: whether keys are there.

use super::{ADD_UP_SHARDS, READ_ONE};
use crate::command::{Access, Arity, Call, Category, Command, Flags, Group, KeySpec, Spec};
use crate::{CommandError, Entry};

const READ_ALL: &[KeySpec] = &[KeySpec::range(1, -1, 1, Access::Read, &[])];

pub(super) const EXISTS: Command = Command {
    spec: Spec {
        name: "exists",
        arity: Arity::AtLeast(2),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: READ_ALL,
        categories: &[Category::Keyspace],
        group: Group::Generic,
        since: "1.0.0",
        summary: "Counts how many of the keys are there; one that is named twice counts twice.",
        complexity: "O(N) with N keys.",
        tips: ADD_UP_SHARDS,
    },
    run: exists,
    subcommands: &[],
};

fn exists(call: &mut Call<'_>) -> Result<(), CommandError> {
    let mut found = 0;
    for key in call.args.from(1).iter() {
        found += i64::from(call.image.peek(key)?.is_some());
    }
    call.reply.integer(found);
    Ok(())
}

pub(super) const TOUCH: Command = Command {
    spec: Spec {
        name: "touch",
        arity: Arity::AtLeast(2),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: READ_ALL,
        categories: &[Category::Keyspace],
        group: Group::Generic,
        since: "3.2.1",
        summary: "Notes an access to keys as if they were read, and counts how many are there.",
        complexity: "O(N) with N keys.",
        tips: ADD_UP_SHARDS,
    },
    run: touch,
    subcommands: &[],
};

fn touch(call: &mut Call<'_>) -> Result<(), CommandError> {
    let mut found = 0;
    for key in call.args.from(1).iter() {
        found += i64::from(call.image.entry(key)?.is_some());
    }
    call.reply.integer(found);
    Ok(())
}

pub(super) const TYPE: Command = Command {
    spec: Spec {
        name: "type",
        arity: Arity::Exactly(2),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: READ_ONE,
        categories: &[Category::Keyspace],
        group: Group::Generic,
        since: "1.0.0",
        summary: "Names the type of what a key holds, or none.",
        complexity: "O(1)",
        tips: &[],
    },
    run: type_of,
    subcommands: &[],
};

fn type_of(call: &mut Call<'_>) -> Result<(), CommandError> {
    let value = call.image.peek(&call.args[1])?.map(Entry::value);
    call.reply.simple(value.map_or("none", |value| value.type_name()));
    Ok(())
}
