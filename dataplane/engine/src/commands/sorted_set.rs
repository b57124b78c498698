//! Sorted sets: members with scores at one key.
//! Promises: an effect carries the scores that came of it, and no more bytes than a record has room for: what a short
//! command may do to very many members is logged by the ranks of these, or by the keys that they come from.
//! Leaves to `keyspace`: how the elements are stored.

mod add;
mod combine;
mod interval;
mod pop;
mod random;
mod range;
mod read;
mod remove;
mod scan;
mod store;

use crate::command::{Access, Arity, Category, Command, Flags, Group, KeySpec, Run, Spec};
use crate::{Effect, Protocol, Reply, Score};

pub(super) const COMMANDS: &[Command] = &[
    add::ZADD,
    read::ZCARD,
    read::ZCOUNT,
    combine::ZDIFF,
    store::ZDIFFSTORE,
    add::ZINCRBY,
    combine::ZINTER,
    combine::ZINTERCARD,
    store::ZINTERSTORE,
    read::ZLEXCOUNT,
    pop::ZMPOP,
    read::ZMSCORE,
    pop::ZPOPMAX,
    pop::ZPOPMIN,
    random::ZRANDMEMBER,
    range::ZRANGE,
    range::ZRANGEBYLEX,
    range::ZRANGEBYSCORE,
    range::ZRANGESTORE,
    read::ZRANK,
    remove::ZREM,
    remove::ZREMRANGEBYLEX,
    remove::ZREMRANGEBYRANK,
    remove::ZREMRANGEBYSCORE,
    range::ZREVRANGE,
    range::ZREVRANGEBYLEX,
    range::ZREVRANGEBYSCORE,
    read::ZREVRANK,
    scan::ZSCAN,
    read::ZSCORE,
    combine::ZUNION,
    store::ZUNIONSTORE,
];

/// The key of a command that tells what is in the sorted set.
const READ: &[KeySpec] = &[KeySpec::one(1, Access::Read, &["access"])];
/// The key of a command that removes members.
const SHORTENED: &[KeySpec] = &[KeySpec::one(1, Access::ReadWrite, &["delete"])];
/// The key of a command that tells what it removes.
const TAKEN_FROM: &[KeySpec] = &[KeySpec::one(1, Access::ReadWrite, &["access", "delete"])];

/// What most of these commands are like.
const SPEC: Spec = Spec {
    name: "",
    arity: Arity::AtLeast(2),
    flags: Flags::READONLY,
    keys: READ,
    categories: &[Category::SortedSet],
    group: Group::SortedSet,
    since: "",
    summary: "",
    complexity: "",
    tips: &[],
};

const fn command(spec: Spec, run: Run) -> Command {
    Command {
        spec,
        run,
        subcommands: &[],
    }
}

/// Bytes of scores and members that one effect may carry, so that a record has room for it, for three times its key, and for
/// what the turn wrote before. A score of two characters takes nine bytes in the log.
pub(super) const ELEMENTS_BYTES_MAX: usize = 7 << 20;

/// Whether these fit one effect.
pub(super) fn fit_a_record(elements: &[(Score, &[u8])]) -> bool {
    let at_most: usize = elements.iter().map(|(_, member)| 9 + 10 + member.len()).sum();
    if at_most <= ELEMENTS_BYTES_MAX {
        return true;
    }
    let mut encoded = Vec::new();
    let elements = elements.to_vec();
    Effect::SortedSetAdd { key: b"", elements }.encode(&mut encoded);
    encoded.len() <= ELEMENTS_BYTES_MAX
}

/// How elements are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Without scores.
    Members,
    /// A member, its score, the next member: RESP2.
    Flat,
    /// An array for each member and its score: RESP3.
    Pairs,
}

impl Shape {
    fn of(with_scores: bool, protocol: Protocol) -> Self {
        match (with_scores, protocol) {
            (false, _) => Self::Members,
            (true, Protocol::Resp2) => Self::Flat,
            (true, Protocol::Resp3) => Self::Pairs,
        }
    }

    fn header(self, reply: &mut dyn Reply, elements: usize) {
        match self {
            Self::Members | Self::Pairs => reply.array(elements),
            Self::Flat => reply.array(elements * 2),
        }
    }

    fn put(self, reply: &mut dyn Reply, score: Score, member: &[u8]) {
        if self == Self::Pairs {
            reply.array(2);
        }
        reply.bulk(member);
        if self != Self::Members {
            reply.double(score.get());
        }
    }
}
