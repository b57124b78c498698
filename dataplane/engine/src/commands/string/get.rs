//! Reading a whole string, and what may be done to it in passing.

use super::expiry::{Asked, Measure};
use super::stored::Stored;
use super::{READ, UPDATE};
use crate::command::{Access, Arity, Call, Category, Command, Flags, Group, KeySpec, Spec};
use crate::{Args, CommandError, Effect};

pub(super) const GET: Command = Command {
    spec: Spec {
        name: "get",
        arity: Arity::Exactly(2),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: READ,
        categories: &[Category::String],
        group: Group::String,
        since: "1.0.0",
        summary: "Reads a string.",
        complexity: "O(1)",
        tips: &[],
    },
    run: get,
    subcommands: &[],
};

fn get(call: &mut Call<'_>) -> Result<(), CommandError> {
    let value = call.image.string(&call.args[1])?;
    call.reply.bulk_or_null(value);
    Ok(())
}

pub(super) const STRLEN: Command = Command {
    spec: Spec {
        name: "strlen",
        arity: Arity::Exactly(2),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[KeySpec::one(1, Access::Read, &[])],
        categories: &[Category::String],
        group: Group::String,
        since: "2.2.0",
        summary: "Tells how many bytes a string has; 0 if there is none.",
        complexity: "O(1)",
        tips: &[],
    },
    run: strlen,
    subcommands: &[],
};

fn strlen(call: &mut Call<'_>) -> Result<(), CommandError> {
    let length = call.image.string(&call.args[1])?.map_or(0, <[u8]>::len);
    call.reply.integer(length as i64);
    Ok(())
}

pub(super) const GETSET: Command = Command {
    spec: Spec {
        name: "getset",
        arity: Arity::Exactly(3),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: UPDATE,
        categories: &[Category::String],
        group: Group::String,
        since: "1.0.0",
        summary: "Writes a string, and answers the one before it.",
        complexity: "O(1)",
        tips: &[],
    },
    run: getset,
    subcommands: &[],
};

fn getset(call: &mut Call<'_>) -> Result<(), CommandError> {
    let (key, value) = (&call.args[1], &call.args[2]);
    call.reply.bulk_or_null(call.image.string(key)?);
    call.image.write(Effect::Set {
        key,
        value,
        expires_at: None,
    });
    Ok(())
}

pub(super) const GETDEL: Command = Command {
    spec: Spec {
        name: "getdel",
        arity: Arity::Exactly(2),
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[KeySpec::one(1, Access::ReadWrite, &["access", "delete"])],
        categories: &[Category::String],
        group: Group::String,
        since: "6.2.0",
        summary: "Reads a string and deletes it.",
        complexity: "O(1)",
        tips: &[],
    },
    run: getdel,
    subcommands: &[],
};

fn getdel(call: &mut Call<'_>) -> Result<(), CommandError> {
    let key = &call.args[1];
    let value = call.image.string(key)?;
    call.reply.bulk_or_null(value);
    if value.is_some() {
        call.image.write(Effect::Remove { key });
    }
    Ok(())
}

pub(super) const GETEX: Command = Command {
    spec: Spec {
        name: "getex",
        arity: Arity::AtLeast(2),
        flags: Flags::WRITE.and(Flags::FAST),
        keys: UPDATE,
        categories: &[Category::String],
        group: Group::String,
        since: "6.2.0",
        summary: "Reads a string, and sets or ends the time it has left.",
        complexity: "O(1)",
        tips: &[],
    },
    run: getex,
    subcommands: &[],
};

fn getex(call: &mut Call<'_>) -> Result<(), CommandError> {
    let (key, now) = (&call.args[1], call.image.now());
    let change = Change::read(call.args.from(2))?;
    let Some(stored) = Stored::find(call.image, key)? else {
        call.reply.null();
        return Ok(());
    };
    // Only here, for a key that is not there hides a number that is wrong.
    let effect = match change {
        Change::Nothing => None,
        Change::Persist => stored.expires_at.map(|_| Effect::Persist { key }),
        Change::Expire(asked) => Some(match asked.resolve(now, "getex")? {
            at if at <= now => Effect::Remove { key },
            at => Effect::ExpireAt { key, at },
        }),
    };
    call.reply.bulk(stored.bytes);
    if let Some(effect) = effect {
        call.image.write(effect);
    }
    Ok(())
}

/// What GETEX does to the expiry.
#[derive(Debug, Clone, Copy)]
enum Change<'a> {
    /// It stays.
    Nothing,
    /// There is none any more.
    Persist,
    /// It is this.
    Expire(Asked<'a>),
}

impl<'a> Change<'a> {
    fn read(args: Args<'a>) -> Result<Self, CommandError> {
        let mut change = Self::Nothing;
        let mut args = args.iter();
        while let Some(option) = args.next() {
            change = match (change, Measure::named(option)) {
                (Self::Nothing, Some(measure)) => Self::Expire(Asked::after(None, measure, args.next())?),
                (Self::Expire(earlier), Some(measure)) => {
                    Self::Expire(Asked::after(Some(earlier), measure, args.next())?)
                }
                (Self::Nothing | Self::Persist, None) if option.eq_ignore_ascii_case(b"persist") => Self::Persist,
                (Self::Persist, Some(_)) | (Self::Nothing | Self::Persist | Self::Expire(_), None) => {
                    return Err(CommandError::Syntax);
                }
            };
        }
        Ok(change)
    }
}
