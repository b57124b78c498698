//! Fields that are set and removed.

use std::collections::BTreeSet;

use super::UPDATED;
use crate::command::{Access, Arity, Call, Category, Command, Flags, Group, KeySpec, Spec};
use crate::number::parse_i64;
use crate::{Args, CommandError, Effect};

pub(super) const HSET: Command = Command {
    spec: Spec {
        name: "hset",
        arity: Arity::AtLeast(4),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: UPDATED,
        categories: &[Category::Hash],
        group: Group::Hash,
        since: "2.0.0",
        summary: "Sets fields to values and tells how many fields are new.",
        complexity: "O(fields named)",
        tips: &[],
    },
    run: hset,
    subcommands: &[],
};

fn hset(call: &mut Call<'_>) -> Result<(), CommandError> {
    let added = set_pairs(call, "hset")?;
    call.reply.integer(added as i64);
    Ok(())
}

pub(super) const HMSET: Command = Command {
    spec: Spec {
        name: "hmset",
        arity: Arity::AtLeast(4),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: UPDATED,
        categories: &[Category::Hash],
        group: Group::Hash,
        since: "2.0.0",
        summary: "Sets fields to values. HSET does the same and tells more.",
        complexity: "O(fields named)",
        tips: &[],
    },
    run: hmset,
    subcommands: &[],
};

fn hmset(call: &mut Call<'_>) -> Result<(), CommandError> {
    set_pairs(call, "hmset")?;
    call.reply.ok();
    Ok(())
}

/// How many of the fields are new.
fn set_pairs(call: &mut Call<'_>, command: &str) -> Result<usize, CommandError> {
    let pairs = call.args.from(2);
    if !pairs.len().is_multiple_of(2) {
        return Err(CommandError::WrongArity {
            command: command.to_owned(),
        });
    }
    let key = &call.args[1];
    call.image.hash(key)?;
    let applied = call.image.write(Effect::HashSet {
        key,
        pairs: pairs.iter().collect(),
    });
    Ok(applied.added)
}

pub(super) const HSETNX: Command = Command {
    spec: Spec {
        name: "hsetnx",
        arity: Arity::Exactly(4),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[KeySpec::one(1, Access::ReadWrite, &["insert"])],
        categories: &[Category::Hash],
        group: Group::Hash,
        since: "2.0.0",
        summary: "Sets a field only if the hash has none of that name.",
        complexity: "O(1)",
        tips: &[],
    },
    run: hsetnx,
    subcommands: &[],
};

fn hsetnx(call: &mut Call<'_>) -> Result<(), CommandError> {
    let (key, field) = (&call.args[1], &call.args[2]);
    let hash = call.image.hash(key)?;
    let there = hash.is_some_and(|hash| hash.get(field).is_some());
    if !there {
        call.image.write(Effect::HashSet {
            key,
            pairs: vec![field, &call.args[3]],
        });
    }
    call.reply.integer(i64::from(!there));
    Ok(())
}

pub(super) const HDEL: Command = Command {
    spec: Spec {
        name: "hdel",
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[KeySpec::one(1, Access::ReadWrite, &["delete"])],
        categories: &[Category::Hash],
        group: Group::Hash,
        since: "2.0.0",
        summary: "Removes fields and tells how many there were. A hash without fields is gone.",
        complexity: "O(fields named)",
        tips: &[],
    },
    run: hdel,
    subcommands: &[],
};

fn hdel(call: &mut Call<'_>) -> Result<(), CommandError> {
    let fields = present(call, call.args.from(2))?;
    let removed = remove(call, fields);
    call.reply.integer(removed as i64);
    Ok(())
}

pub(super) const HGETDEL: Command = Command {
    spec: Spec {
        name: "hgetdel",
        arity: Arity::AtLeast(5),
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[KeySpec::one(1, Access::ReadWrite, &["access", "delete"])],
        categories: &[Category::Hash],
        group: Group::Hash,
        since: "9.1.0",
        summary: "Reads the values of some fields and removes the fields.",
        complexity: "O(fields named)",
        tips: &[],
    },
    run: hgetdel,
    subcommands: &[],
};

fn hgetdel(call: &mut Call<'_>) -> Result<(), CommandError> {
    let hash = call.image.hash(&call.args[1])?;
    let fields = counted_fields(call.args)?;
    call.reply.array(fields.len());
    let mut taken = BTreeSet::new();
    for field in fields.iter() {
        // The second time a field is named it is gone.
        let value = hash.and_then(|hash| hash.get(field));
        call.reply.bulk_or_null(value.filter(|_| taken.insert(field)));
    }
    remove(call, taken.into_iter().collect());
    Ok(())
}

/// The fields behind `FIELDS` and their number, which must be all that is left.
fn counted_fields(args: Args<'_>) -> Result<Args<'_>, CommandError> {
    if !args[2].eq_ignore_ascii_case(b"fields") {
        return Err(CommandError::FieldsMissing);
    }
    let number = parse_i64(&args[3]).filter(|number| *number > 0);
    let number = number.ok_or(CommandError::FieldCountNotPositive)?;
    let fields = args.from(4);
    if usize::try_from(number) != Ok(fields.len()) {
        return Err(CommandError::FieldCountMismatch);
    }
    Ok(fields)
}

/// Those of the fields that the hash has.
fn present<'a>(call: &mut Call<'a>, fields: Args<'a>) -> Result<Vec<&'a [u8]>, CommandError> {
    let Some(hash) = call.image.hash(&call.args[1])? else {
        return Ok(Vec::new());
    };
    Ok(fields.iter().filter(|field| hash.get(field).is_some()).collect())
}

fn remove(call: &mut Call<'_>, fields: Vec<&[u8]>) -> usize {
    if fields.is_empty() {
        return 0;
    }
    let key = &call.args[1];
    call.image.write(Effect::HashRemove { key, fields }).removed
}
