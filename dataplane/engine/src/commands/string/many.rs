//! Several strings at once.
//! Promises: all are written or none.

use crate::command::{Access, Arity, Call, Category, Command, Flags, Group, KeySpec, Spec};
use crate::{Args, CommandError, Effect, Image};

pub(super) const MGET: Command = Command {
    spec: Spec {
        name: "mget",
        arity: Arity::AtLeast(2),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[KeySpec::range(1, -1, 1, Access::Read, &["access"])],
        categories: &[Category::String],
        group: Group::String,
        since: "1.0.0",
        summary: "Reads several strings; what is missing or no string is null.",
        complexity: "O(N), N being the keys.",
        tips: &["request_policy:multi_shard"],
    },
    run: mget,
    subcommands: &[],
};

fn mget(call: &mut Call<'_>) -> Result<(), CommandError> {
    let keys = call.args.from(1);
    call.reply.array(keys.len());
    for key in keys.iter() {
        let value = match call.image.string(key) {
            Err(CommandError::WrongType) => None,
            value => value?,
        };
        call.reply.bulk_or_null(value);
    }
    Ok(())
}

pub(super) const MSET: Command = Command {
    spec: Spec {
        name: "mset",
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[KeySpec::range(1, -1, 2, Access::Overwrite, &["update"])],
        categories: &[Category::String],
        group: Group::String,
        since: "1.0.1",
        summary: "Writes several strings, whatever their keys held before.",
        complexity: "O(N), N being the keys.",
        tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
    },
    run: mset,
    subcommands: &[],
};

fn mset(call: &mut Call<'_>) -> Result<(), CommandError> {
    let pairs = Pairs::read(call.args, "mset")?;
    pairs.write(call.image);
    call.reply.ok();
    Ok(())
}

pub(super) const MSETNX: Command = Command {
    spec: Spec {
        name: "msetnx",
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[KeySpec::range(1, -1, 2, Access::Overwrite, &["insert"])],
        categories: &[Category::String],
        group: Group::String,
        since: "1.0.1",
        summary: "Writes several strings if there is nothing yet at any of their keys.",
        complexity: "O(N), N being the keys.",
        tips: &[],
    },
    run: msetnx,
    subcommands: &[],
};

fn msetnx(call: &mut Call<'_>) -> Result<(), CommandError> {
    let pairs = Pairs::read(call.args, "msetnx")?;
    for (key, _) in pairs.iter() {
        if call.image.entry(key)?.is_some() {
            call.reply.integer(0);
            return Ok(());
        }
    }
    pairs.write(call.image);
    call.reply.integer(1);
    Ok(())
}

/// Keys with values behind the name of a command.
#[derive(Clone, Copy)]
struct Pairs<'a>(Args<'a>);

impl<'a> Pairs<'a> {
    fn read(args: Args<'a>, command: &'static str) -> Result<Self, CommandError> {
        let pairs = args.from(1);
        if !pairs.len().is_multiple_of(2) {
            return Err(CommandError::WrongArity {
                command: command.to_owned(),
            });
        }
        Ok(Self(pairs))
    }

    fn iter(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let (keys, values) = (self.0.iter(), self.0.from(1).iter());
        keys.step_by(2).zip(values.step_by(2))
    }

    /// In their order: of two for one key the later stays.
    fn write(self, image: &mut Image) {
        for (key, value) in self.iter() {
            image.write(Effect::Set {
                key,
                value,
                expires_at: None,
            });
        }
    }
}
