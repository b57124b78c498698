//! DUMP and RESTORE: one key's value as bytes that another server understands.

use tenure_types::WallTime;

use super::{ACCESS_ONE, NONDETERMINISTIC};
use crate::command::{Access, Arity, Call, Category, Command, Flags, Group, KeySpec, Spec};
use crate::commands::sorted_set;
use crate::dump::{self, Restored};
use crate::{Args, CommandError, DumpError, Effect, Entry, Image, number};

pub(super) const DUMP: Command = Command {
    spec: Spec {
        name: "dump",
        arity: Arity::Exactly(2),
        flags: Flags::READONLY,
        keys: ACCESS_ONE,
        categories: &[Category::Keyspace],
        group: Group::Generic,
        since: "2.6.0",
        summary: "Writes what a key holds as bytes for RESTORE.",
        complexity: "O(N) with N bytes of elements.",
        tips: NONDETERMINISTIC,
    },
    run: dump,
    subcommands: &[],
};

fn dump(call: &mut Call<'_>) -> Result<(), CommandError> {
    let payload = call.image.entry(&call.args[1])?.map(Entry::value).map(dump::encode);
    call.reply.bulk_or_null(payload.as_deref());
    Ok(())
}

pub(super) const RESTORE: Command = Command {
    spec: Spec {
        name: "restore",
        arity: Arity::AtLeast(4),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[KeySpec::one(1, Access::Overwrite, &["update"])],
        categories: &[Category::Keyspace, Category::Dangerous],
        group: Group::Generic,
        since: "2.6.0",
        summary: "Makes a key of what DUMP wrote, here or on another server.",
        complexity: "O(N log N) with N elements.",
        tips: &[],
    },
    run: restore,
    subcommands: &[],
};

fn restore(call: &mut Call<'_>) -> Result<(), CommandError> {
    // 1. Everything that can fail, in the order in which Redis finds fault.
    let args = call.args;
    let key = &args[1];
    let options = RestoreOptions::parse(args.from(4))?;
    let exists = call.image.peek(key)?.is_some();
    if exists && !options.replace {
        return Err(CommandError::BusyKey);
    }
    let expires_at = parse_expiry(&args[2], options.absolute, call.image.now())?;
    let restored = dump::decode(&args[3])?;

    // 2. Changes.
    if expires_at.is_some_and(|at| at <= call.image.now()) {
        // The key would be gone at once, so it does not come. What was there is replaced by nothing.
        if exists {
            call.image.write(Effect::Remove { key });
        }
    } else {
        write_restored(call.image, key, exists, &restored, expires_at)?;
    }
    call.reply.ok();
    Ok(())
}

fn write_restored(
    image: &mut Image,
    key: &[u8],
    exists: bool,
    restored: &Restored,
    expires_at: Option<WallTime>,
) -> Result<(), CommandError> {
    match restored {
        Restored::String(value) => {
            image.write(Effect::Set { key, value, expires_at });
        }
        Restored::Hash(fields) => {
            if exists {
                image.write(Effect::Remove { key });
            }
            let pairs = fields
                .iter()
                .flat_map(|(field, value)| [field.as_slice(), value.as_slice()])
                .collect();
            image.write(Effect::HashSet { key, pairs });
            expire(image, key, expires_at);
        }
        Restored::SortedSet(elements) => {
            let elements = elements.iter().map(|(member, score)| (*score, member.as_slice()));
            let mut elements: Vec<_> = elements.collect();
            // With the longest member first it is large from the start, if it will be by that, and a zero keeps its sign.
            if let Some(longest) = (0..elements.len()).max_by_key(|at| elements[*at].1.len()) {
                elements.swap(0, longest);
            }
            if !sorted_set::fit_a_record(&elements) {
                let bytes_max = sorted_set::ELEMENTS_BYTES_MAX;
                return Err(DumpError::TooLarge { bytes_max }.into());
            }
            if exists {
                image.write(Effect::Remove { key });
            }
            image.write(Effect::SortedSetAdd { key, elements });
            expire(image, key, expires_at);
        }
    }
    Ok(())
}

fn expire(image: &mut Image, key: &[u8], expires_at: Option<WallTime>) {
    if let Some(at) = expires_at {
        image.write(Effect::ExpireAt { key, at });
    }
}

/// Zero: never. A time past the range is refused; Redis wraps it around and drops the key.
fn parse_expiry(text: &[u8], absolute: bool, now: WallTime) -> Result<Option<WallTime>, CommandError> {
    let millis = u64::try_from(number::integer(text)?).map_err(|_| CommandError::NegativeTimeToLive)?;
    if millis == 0 {
        return Ok(None);
    }
    let base = if absolute { 0 } else { now.as_unix_millis() };
    let at = base.checked_add(millis).filter(|at| i64::try_from(*at).is_ok());
    let at = at.ok_or(CommandError::InvalidExpireTime { command: "restore" })?;
    Ok(Some(WallTime::from_unix_millis(at)))
}

/// How RESTORE goes about it. IDLETIME and FREQ are checked and not kept: what is noted of accesses is no part of a
/// shard's data, and every node notes its own.
#[derive(Default)]
struct RestoreOptions {
    replace: bool,
    /// Whether the time to live is a time since 1970.
    absolute: bool,
}

impl RestoreOptions {
    fn parse(options: Args<'_>) -> Result<Self, CommandError> {
        let (mut parsed, mut idle_time, mut frequency) = (Self::default(), false, false);
        let mut words = options.iter();
        while let Some(option) = words.next() {
            match option.to_ascii_uppercase().as_slice() {
                b"REPLACE" => parsed.replace = true,
                b"ABSTTL" => parsed.absolute = true,
                b"IDLETIME" if !frequency => {
                    let idle = number::integer(words.next().ok_or(CommandError::Syntax)?)?;
                    if idle < 0 {
                        return Err(CommandError::NegativeIdleTime);
                    }
                    idle_time = true;
                }
                b"FREQ" if !idle_time => {
                    let counted = number::integer(words.next().ok_or(CommandError::Syntax)?)?;
                    if u8::try_from(counted).is_err() {
                        return Err(CommandError::FrequencyOutOfRange);
                    }
                    frequency = true;
                }
                _ => return Err(CommandError::Syntax),
            }
        }
        Ok(parsed)
    }
}
