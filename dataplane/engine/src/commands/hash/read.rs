//! What a hash holds.

use super::{ASKED, READ};
use crate::command::{Arity, Call, Category, Command, Flags, Group, Spec};
use crate::{CommandError, Hash};

pub(super) const HGET: Command = Command {
    spec: Spec {
        name: "hget",
        arity: Arity::Exactly(3),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: READ,
        categories: &[Category::Hash],
        group: Group::Hash,
        since: "2.0.0",
        summary: "Reads the value of one field.",
        complexity: "O(1)",
        tips: &[],
    },
    run: hget,
    subcommands: &[],
};

fn hget(call: &mut Call<'_>) -> Result<(), CommandError> {
    let hash = call.image.hash(&call.args[1])?;
    call.reply.bulk_or_null(hash.and_then(|hash| hash.get(&call.args[2])));
    Ok(())
}

pub(super) const HMGET: Command = Command {
    spec: Spec {
        name: "hmget",
        arity: Arity::AtLeast(3),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: READ,
        categories: &[Category::Hash],
        group: Group::Hash,
        since: "2.0.0",
        summary: "Reads the values of some fields, in the order asked for.",
        complexity: "O(fields asked for)",
        tips: &[],
    },
    run: hmget,
    subcommands: &[],
};

fn hmget(call: &mut Call<'_>) -> Result<(), CommandError> {
    let hash = call.image.hash(&call.args[1])?;
    let fields = call.args.from(2);
    call.reply.array(fields.len());
    for field in fields.iter() {
        call.reply.bulk_or_null(hash.and_then(|hash| hash.get(field)));
    }
    Ok(())
}

pub(super) const HEXISTS: Command = Command {
    spec: Spec {
        name: "hexists",
        arity: Arity::Exactly(3),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: ASKED,
        categories: &[Category::Hash],
        group: Group::Hash,
        since: "2.0.0",
        summary: "Tells whether the hash has a field.",
        complexity: "O(1)",
        tips: &[],
    },
    run: hexists,
    subcommands: &[],
};

fn hexists(call: &mut Call<'_>) -> Result<(), CommandError> {
    let hash = call.image.hash(&call.args[1])?;
    let there = hash.is_some_and(|hash| hash.get(&call.args[2]).is_some());
    call.reply.integer(i64::from(there));
    Ok(())
}

pub(super) const HLEN: Command = Command {
    spec: Spec {
        name: "hlen",
        arity: Arity::Exactly(2),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: ASKED,
        categories: &[Category::Hash],
        group: Group::Hash,
        since: "2.0.0",
        summary: "Counts the fields.",
        complexity: "O(1)",
        tips: &[],
    },
    run: hlen,
    subcommands: &[],
};

fn hlen(call: &mut Call<'_>) -> Result<(), CommandError> {
    let hash = call.image.hash(&call.args[1])?;
    call.reply.integer(hash.map_or(0, Hash::len) as i64);
    Ok(())
}

pub(super) const HSTRLEN: Command = Command {
    spec: Spec {
        name: "hstrlen",
        arity: Arity::Exactly(3),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: ASKED,
        categories: &[Category::Hash],
        group: Group::Hash,
        since: "3.2.0",
        summary: "Tells how many bytes the value of one field has.",
        complexity: "O(1)",
        tips: &[],
    },
    run: hstrlen,
    subcommands: &[],
};

fn hstrlen(call: &mut Call<'_>) -> Result<(), CommandError> {
    let hash = call.image.hash(&call.args[1])?;
    let value = hash.and_then(|hash| hash.get(&call.args[2]));
    call.reply.integer(value.map_or(0, <[u8]>::len) as i64);
    Ok(())
}

pub(super) const HGETALL: Command = Command {
    spec: Spec {
        name: "hgetall",
        arity: Arity::Exactly(2),
        flags: Flags::READONLY,
        keys: READ,
        categories: &[Category::Hash],
        group: Group::Hash,
        since: "2.0.0",
        summary: "Reads all fields with their values.",
        complexity: "O(fields of the hash)",
        tips: &["nondeterministic_output_order"],
    },
    run: hgetall,
    subcommands: &[],
};

fn hgetall(call: &mut Call<'_>) -> Result<(), CommandError> {
    let hash = call.image.hash(&call.args[1])?;
    call.reply.map(hash.map_or(0, Hash::len));
    for (field, value) in hash.into_iter().flat_map(Hash::iter) {
        call.reply.bulk(field);
        call.reply.bulk(value);
    }
    Ok(())
}

pub(super) const HKEYS: Command = Command {
    spec: Spec {
        name: "hkeys",
        arity: Arity::Exactly(2),
        flags: Flags::READONLY,
        keys: READ,
        categories: &[Category::Hash],
        group: Group::Hash,
        since: "2.0.0",
        summary: "Reads all fields without their values.",
        complexity: "O(fields of the hash)",
        tips: &["nondeterministic_output_order"],
    },
    run: hkeys,
    subcommands: &[],
};

fn hkeys(call: &mut Call<'_>) -> Result<(), CommandError> {
    let hash = call.image.hash(&call.args[1])?;
    call.reply.array(hash.map_or(0, Hash::len));
    for (field, _) in hash.into_iter().flat_map(Hash::iter) {
        call.reply.bulk(field);
    }
    Ok(())
}

pub(super) const HVALS: Command = Command {
    spec: Spec {
        name: "hvals",
        arity: Arity::Exactly(2),
        flags: Flags::READONLY,
        keys: READ,
        categories: &[Category::Hash],
        group: Group::Hash,
        since: "2.0.0",
        summary: "Reads the values of all fields.",
        complexity: "O(fields of the hash)",
        tips: &["nondeterministic_output_order"],
    },
    run: hvals,
    subcommands: &[],
};

fn hvals(call: &mut Call<'_>) -> Result<(), CommandError> {
    let hash = call.image.hash(&call.args[1])?;
    call.reply.array(hash.map_or(0, Hash::len));
    for (_, value) in hash.into_iter().flat_map(Hash::iter) {
        call.reply.bulk(value);
    }
    Ok(())
}
