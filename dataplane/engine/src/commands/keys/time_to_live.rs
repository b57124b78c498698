//! TTL, PTTL, EXPIRETIME, PEXPIRETIME: when a key goes; PERSIST: that it does not.

use super::{ACCESS_ONE, NONDETERMINISTIC, UPDATE_ONE};
use crate::command::{Arity, Call, Category, Command, Flags, Group, Run, Spec};
use crate::{CommandError, Effect};

pub(super) const TTL: Command = command(
    "ttl",
    "1.0.0",
    "Tells how many seconds a key has left.",
    NONDETERMINISTIC,
    |call| reply_expiry(call, |at, now| to_seconds(at.saturating_sub(now))),
);

pub(super) const PTTL: Command = command(
    "pttl",
    "2.6.0",
    "Tells how many milliseconds a key has left.",
    NONDETERMINISTIC,
    |call| reply_expiry(call, u64::saturating_sub),
);

pub(super) const EXPIRETIME: Command = command(
    "expiretime",
    "7.0.0",
    "Tells when a key goes, in seconds since 1970.",
    &[],
    |call| reply_expiry(call, |at, _| to_seconds(at)),
);

pub(super) const PEXPIRETIME: Command = command(
    "pexpiretime",
    "7.0.0",
    "Tells when a key goes, in milliseconds since 1970.",
    &[],
    |call| reply_expiry(call, |at, _| at),
);

const fn command(
    name: &'static str,
    since: &'static str,
    summary: &'static str,
    tips: &'static [&'static str],
    run: Run,
) -> Command {
    Command {
        spec: Spec {
            name,
            arity: Arity::Exactly(2),
            flags: Flags::READONLY.and(Flags::FAST),
            keys: ACCESS_ONE,
            categories: &[Category::Keyspace],
            group: Group::Generic,
            since,
            summary,
            complexity: "O(1)",
            tips,
        },
        run,
        subcommands: &[],
    }
}

/// Replies what `show` makes of the key's expiry and the time, -1 if it has no expiry, -2 if it is not there.
fn reply_expiry(call: &mut Call<'_>, show: impl Fn(u64, u64) -> u64) -> Result<(), CommandError> {
    let now = call.image.now();
    let shown = match call.image.peek(&call.args[1])?.map(|entry| entry.expires_at()) {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => {
            let shown = show(at.as_unix_millis(), now.as_unix_millis());
            i64::try_from(shown).unwrap_or(i64::MAX)
        }
    };
    call.reply.integer(shown);
    Ok(())
}

/// The nearest; half a second up.
fn to_seconds(millis: u64) -> u64 {
    millis.saturating_add(500) / 1_000
}

pub(super) const PERSIST: Command = Command {
    spec: Spec {
        name: "persist",
        arity: Arity::Exactly(2),
        flags: Flags::WRITE.and(Flags::FAST),
        keys: UPDATE_ONE,
        categories: &[Category::Keyspace],
        group: Group::Generic,
        since: "2.2.0",
        summary: "Takes the expiry off a key.",
        complexity: "O(1)",
        tips: &[],
    },
    run: persist,
    subcommands: &[],
};

fn persist(call: &mut Call<'_>) -> Result<(), CommandError> {
    let key = &call.args[1];
    let expires = call.image.entry(key)?.is_some_and(|entry| entry.expires_at().is_some());
    if expires {
        call.image.write(Effect::Persist { key });
    }
    call.reply.integer(i64::from(expires));
    Ok(())
}
