//! ZREM and its like: members that go.

use std::ops::Range;

use super::interval::{Members, Ranks, Scores, logged};
use super::{SHORTENED, SPEC, command};
use crate::command::{Arity, Call, Command, Flags, Spec};
use crate::number::integer;
use crate::{CommandError, Effect, SortedSet};

pub(super) const ZREM: Command = command(
    Spec {
        name: "zrem",
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::FAST),
        keys: SHORTENED,
        since: "1.2.0",
        summary: "Removes members and tells how many there were. A sorted set without members is gone.",
        complexity: "O(M*log(N)) with N members, M of them named",
        ..SPEC
    },
    |call| {
        let key = &call.args[1];
        let set = call.image.sorted_set(key)?;
        let is_there = |member: &&[u8]| set.is_some_and(|set| set.score(member).is_some());
        let members: Vec<_> = call.args.from(2).iter().filter(is_there).collect();
        let removed = match members.is_empty() {
            true => 0,
            false => call.image.write(Effect::SortedSetRemove { key, members }).removed,
        };
        call.reply.integer(removed as i64);
        Ok(())
    },
);

pub(super) const ZREMRANGEBYRANK: Command = command(
    Spec {
        name: "zremrangebyrank",
        since: "2.0.0",
        summary: "Removes the elements between two ranks and tells how many there were.",
        ..REMOVE_RANGE
    },
    |call| {
        let (first, last) = (integer(&call.args[2])?, integer(&call.args[3])?);
        remove_range(call, |set| Ranks { first, last }.among(set.len()))
    },
);

pub(super) const ZREMRANGEBYSCORE: Command = command(
    Spec {
        name: "zremrangebyscore",
        since: "1.2.0",
        summary: "Removes the elements with scores between two and tells how many there were.",
        ..REMOVE_RANGE
    },
    |call| {
        let scores = Scores::parse(&call.args[2], &call.args[3])?;
        remove_range(call, |set| scores.ranks(set))
    },
);

pub(super) const ZREMRANGEBYLEX: Command = command(
    Spec {
        name: "zremrangebylex",
        since: "2.8.9",
        summary: "Removes the members between two, where all scores are the same, and tells how many there were.",
        ..REMOVE_RANGE
    },
    |call| {
        let args = call.args;
        let members = Members::parse(&args[2], &args[3])?;
        remove_range(call, |set| members.ranks(set))
    },
);

const REMOVE_RANGE: Spec = Spec {
    arity: Arity::Exactly(4),
    flags: Flags::WRITE,
    keys: SHORTENED,
    complexity: "O(M*log(N)) with N members, M of them removed",
    ..SPEC
};

fn remove_range(call: &mut Call<'_>, ranks: impl Fn(&SortedSet) -> Range<usize>) -> Result<(), CommandError> {
    let key = &call.args[1];
    let ranks = call.image.sorted_set(key)?.map_or(0..0, ranks);
    if !ranks.is_empty() {
        let ranks = logged(&ranks);
        call.image.write(Effect::SortedSetRemoveRange { key, ranks });
    }
    call.reply.integer(ranks.len() as i64);
    Ok(())
}
