//! EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT: when a key goes.
//! Promises: what is logged is the time at which the key goes. A time that has passed removes the key at once.

use super::{UPDATE_ONE, unix_millis};
use crate::command::{Arity, Call, Category, Command, Flags, Group, Spec};
use crate::{Args, CommandError, Effect};
use tenure_types::WallTime;

pub(super) const EXPIRE: Command = command("expire", "1.0.0", "Sets after how many seconds a key goes.", |call| {
    expire(call, "expire", Unit::Seconds, Base::Now)
});

pub(super) const PEXPIRE: Command = command(
    "pexpire",
    "2.6.0",
    "Sets after how many milliseconds a key goes.",
    |call| expire(call, "pexpire", Unit::Millis, Base::Now),
);

pub(super) const EXPIREAT: Command = command(
    "expireat",
    "1.2.0",
    "Sets when a key goes, in seconds since 1970.",
    |call| expire(call, "expireat", Unit::Seconds, Base::Epoch),
);

pub(super) const PEXPIREAT: Command = command(
    "pexpireat",
    "2.6.0",
    "Sets when a key goes, in milliseconds since 1970.",
    |call| expire(call, "pexpireat", Unit::Millis, Base::Epoch),
);

const fn command(name: &'static str, since: &'static str, summary: &'static str, run: crate::command::Run) -> Command {
    Command {
        spec: Spec {
            name,
            arity: Arity::AtLeast(3),
            flags: Flags::WRITE.and(Flags::FAST),
            keys: UPDATE_ONE,
            categories: &[Category::Keyspace],
            group: Group::Generic,
            since,
            summary,
            complexity: "O(1)",
            tips: &[],
        },
        run,
        subcommands: &[],
    }
}

/// What a time is told in.
#[derive(Clone, Copy)]
enum Unit {
    Seconds,
    Millis,
}

/// What a time is counted from.
#[derive(Clone, Copy)]
enum Base {
    Now,
    Epoch,
}

fn expire(call: &mut Call<'_>, command: &'static str, unit: Unit, base: Base) -> Result<(), CommandError> {
    let (args, now) = (call.args, call.image.now());
    let condition = Condition::parse(args.from(3))?;
    let time = crate::number::integer(&args[2])?;
    let base = match base {
        Base::Now => unix_millis(now),
        Base::Epoch => 0,
    };
    let at = absolute_millis(time, unit, base).ok_or(CommandError::InvalidExpireTime { command })?;

    let key = &args[1];
    let Some(entry) = call.image.entry(key)? else {
        call.reply.integer(0);
        return Ok(());
    };
    if !condition.allows(entry.expires_at().map(unix_millis), at) {
        call.reply.integer(0);
        return Ok(());
    }
    let to_come = u64::try_from(at)
        .ok()
        .map(WallTime::from_unix_millis)
        .filter(|at| *at > now);
    call.image.write(match to_come {
        Some(at) => Effect::ExpireAt { key, at },
        None => Effect::Remove { key },
    });
    call.reply.integer(1);
    Ok(())
}

/// Milliseconds since 1970, or before it if negative.
fn absolute_millis(time: i64, unit: Unit, base: i64) -> Option<i64> {
    let millis = match unit {
        Unit::Seconds => time.checked_mul(1_000)?,
        Unit::Millis => time,
    };
    millis.checked_add(base)
}

/// Whether an expiry may be set, by the one there is. No expiry counts as one that never comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Always,
    /// NX.
    IfNone,
    /// XX.
    IfAny,
    /// GT, with or without XX: without an expiry there is nothing later.
    IfLater,
    /// LT.
    IfSooner,
    /// LT and XX.
    IfAnyAndSooner,
}

impl Condition {
    fn parse(options: Args<'_>) -> Result<Self, CommandError> {
        let (mut nx, mut xx, mut gt, mut lt) = (false, false, false, false);
        for option in options.iter() {
            match option.to_ascii_uppercase().as_slice() {
                b"NX" => nx = true,
                b"XX" => xx = true,
                b"GT" => gt = true,
                b"LT" => lt = true,
                _ => {
                    let option = String::from_utf8_lossy(option).into_owned();
                    return Err(CommandError::UnsupportedOption { option });
                }
            }
        }
        match (nx, xx, gt, lt) {
            (true, false, false, false) => Ok(Self::IfNone),
            (true, ..) => Err(CommandError::ExpireNxWithOthers),
            (_, _, true, true) => Err(CommandError::ExpireGtWithLt),
            (_, _, true, _) => Ok(Self::IfLater),
            (_, true, _, true) => Ok(Self::IfAnyAndSooner),
            (_, _, _, true) => Ok(Self::IfSooner),
            (_, true, ..) => Ok(Self::IfAny),
            _ => Ok(Self::Always),
        }
    }

    fn allows(self, current: Option<i64>, at: i64) -> bool {
        match self {
            Self::Always => true,
            Self::IfNone => current.is_none(),
            Self::IfAny => current.is_some(),
            Self::IfLater => current.is_some_and(|current| at > current),
            Self::IfSooner => current.is_none_or(|current| at < current),
            Self::IfAnyAndSooner => current.is_some_and(|current| at < current),
        }
    }
}
