//! SET and its older forms.

use tenure_types::WallTime;

use super::OVERWRITE;
use super::expiry::{Asked, Measure};
use crate::command::{Access, Arity, Call, Category, Command, Flags, Group, KeySpec, Spec};
use crate::keyspace::ValueRef;
use crate::{Args, CommandError, Effect, Entry, Image};

pub(super) const SET: Command = Command {
    spec: Spec {
        name: "set",
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[KeySpec::one(
            1,
            Access::ReadWrite,
            &["access", "update", "variable_flags"],
        )],
        categories: &[Category::String],
        group: Group::String,
        since: "1.0.0",
        summary: "Writes a string, whatever the key held before; options make that depend on the old value.",
        complexity: "O(1)",
        tips: &[],
    },
    run: set,
    subcommands: &[],
};

fn set(call: &mut Call<'_>) -> Result<(), CommandError> {
    let (key, value) = (&call.args[1], &call.args[2]);
    let options = Options::read(call.args.from(3))?;
    let until = match options.life {
        Life::Until(asked) => Some(asked.resolve(call.image.now(), "set")?),
        Life::Forever | Life::Kept => None,
    };
    if !options.need_old() {
        write(call.image, key, value, until)?;
        call.reply.ok();
        return Ok(());
    }
    let old = call.image.entry(key)?;
    let set = options.allow(old)?;
    let until = match options.life {
        Life::Kept => old.and_then(Entry::expires_at),
        Life::Until(_) | Life::Forever => until,
    };
    match (options.get, set) {
        (true, _) => call.reply.bulk_or_null(old.and_then(string)),
        (false, true) => call.reply.ok(),
        (false, false) => call.reply.null(),
    }
    if set {
        write(call.image, key, value, until)?;
    }
    Ok(())
}

/// Writes a string that goes at this time.
///
/// If that is past, what the key held goes at once: Redis keeps such a string until somebody looks for it, which nobody
/// can tell from its absence.
fn write(image: &mut Image, key: &[u8], value: &[u8], expires_at: Option<WallTime>) -> Result<(), CommandError> {
    if expires_at.is_none_or(|at| at > image.now()) {
        image.write(Effect::Set { key, value, expires_at });
    } else if image.peek(key)?.is_some() {
        image.write(Effect::Remove { key });
    }
    Ok(())
}

fn string(entry: &Entry) -> Option<&[u8]> {
    let ValueRef::String(bytes) = entry.value() else {
        return None;
    };
    Some(bytes)
}

/// What stands behind the value of SET.
struct Options<'a> {
    condition: Condition<'a>,
    life: Life<'a>,
    /// Answer the old value.
    get: bool,
}

/// What the key must hold for SET to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition<'a> {
    /// No matter what.
    None,
    /// NX: nothing.
    Absent,
    /// XX: anything.
    Present,
    /// IFEQ: this string.
    Equal(&'a [u8]),
}

/// When the new string goes.
#[derive(Debug, Clone, Copy)]
enum Life<'a> {
    /// Never.
    Forever,
    /// KEEPTTL: when the old one would have gone.
    Kept,
    /// At this time.
    Until(Asked<'a>),
}

impl<'a> Options<'a> {
    fn read(args: Args<'a>) -> Result<Self, CommandError> {
        let mut options = Self {
            condition: Condition::None,
            life: Life::Forever,
            get: false,
        };
        let mut args = args.iter();
        while let Some(option) = args.next() {
            let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
            if is(b"get") {
                options.get = true;
            } else if is(b"nx") {
                options.set_condition(Condition::Absent)?;
            } else if is(b"xx") {
                options.set_condition(Condition::Present)?;
            } else if is(b"ifeq") {
                let comparison = args.next().ok_or(CommandError::Syntax)?;
                options.set_condition(Condition::Equal(comparison))?;
            } else if is(b"keepttl") {
                options.keep_life()?;
            } else {
                let measure = Measure::named(option).ok_or(CommandError::Syntax)?;
                options.set_life(measure, args.next())?;
            }
        }
        Ok(options)
    }

    /// NX and XX may be repeated, and nothing else may.
    fn set_condition(&mut self, condition: Condition<'a>) -> Result<(), CommandError> {
        let repeated = self.condition == condition && !matches!(condition, Condition::Equal(_));
        if self.condition != Condition::None && !repeated {
            return Err(CommandError::Syntax);
        }
        self.condition = condition;
        Ok(())
    }

    fn keep_life(&mut self) -> Result<(), CommandError> {
        if let Life::Until(_) = self.life {
            return Err(CommandError::Syntax);
        }
        self.life = Life::Kept;
        Ok(())
    }

    fn set_life(&mut self, measure: Measure, number: Option<&'a [u8]>) -> Result<(), CommandError> {
        let earlier = match self.life {
            Life::Forever => None,
            Life::Kept => return Err(CommandError::Syntax),
            Life::Until(asked) => Some(asked),
        };
        self.life = Life::Until(Asked::after(earlier, measure, number)?);
        Ok(())
    }

    /// Whether what the key holds matters, for the new value or the reply. If not, nothing is looked up.
    fn need_old(&self) -> bool {
        self.get || self.condition != Condition::None || matches!(self.life, Life::Kept)
    }

    /// Whether to write, given what the key holds. GET and IFEQ work on strings only.
    fn allow(&self, old: Option<&Entry>) -> Result<bool, CommandError> {
        let needs_string = self.get || matches!(self.condition, Condition::Equal(_));
        if needs_string && old.is_some_and(|old| string(old).is_none()) {
            return Err(CommandError::WrongType);
        }
        Ok(match self.condition {
            Condition::None => true,
            Condition::Absent => old.is_none(),
            Condition::Present => old.is_some(),
            Condition::Equal(comparison) => old.and_then(string) == Some(comparison),
        })
    }
}

pub(super) const SETNX: Command = Command {
    spec: Spec {
        name: "setnx",
        arity: Arity::Exactly(3),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[KeySpec::one(1, Access::Overwrite, &["insert"])],
        categories: &[Category::String],
        group: Group::String,
        since: "1.0.0",
        summary: "Writes a string where there is nothing yet.",
        complexity: "O(1)",
        tips: &[],
    },
    run: setnx,
    subcommands: &[],
};

fn setnx(call: &mut Call<'_>) -> Result<(), CommandError> {
    let (key, value) = (&call.args[1], &call.args[2]);
    let absent = call.image.entry(key)?.is_none();
    if absent {
        write(call.image, key, value, None)?;
    }
    call.reply.integer(i64::from(absent));
    Ok(())
}

pub(super) const SETEX: Command = Command {
    spec: Spec {
        name: "setex",
        arity: Arity::Exactly(4),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: OVERWRITE,
        categories: &[Category::String],
        group: Group::String,
        since: "2.0.0",
        summary: "Writes a string that goes after so many seconds.",
        complexity: "O(1)",
        tips: &[],
    },
    run: setex,
    subcommands: &[],
};

fn setex(call: &mut Call<'_>) -> Result<(), CommandError> {
    set_for(call, Measure::SecondsFromNow, "setex")
}

pub(super) const PSETEX: Command = Command {
    spec: Spec {
        name: "psetex",
        arity: Arity::Exactly(4),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: OVERWRITE,
        categories: &[Category::String],
        group: Group::String,
        since: "2.6.0",
        summary: "Writes a string that goes after so many milliseconds.",
        complexity: "O(1)",
        tips: &[],
    },
    run: psetex,
    subcommands: &[],
};

fn psetex(call: &mut Call<'_>) -> Result<(), CommandError> {
    set_for(call, Measure::MillisFromNow, "psetex")
}

fn set_for(call: &mut Call<'_>, measure: Measure, command: &'static str) -> Result<(), CommandError> {
    let (key, number, value) = (&call.args[1], &call.args[2], &call.args[3]);
    let until = Asked { measure, number }.resolve(call.image.now(), command)?;
    write(call.image, key, value, Some(until))?;
    call.reply.ok();
    Ok(())
}
