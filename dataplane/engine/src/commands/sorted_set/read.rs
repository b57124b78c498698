//! What is known of a sorted set and of single members: how many, with which scores, at which ranks.

use super::interval::{Members, Scores};
use super::{SPEC, command};
use crate::command::{Access, Arity, Call, Command, Flags, KeySpec, Spec};
use crate::{CommandError, Score};

const FAST: Spec = Spec {
    flags: Flags::READONLY.and(Flags::FAST),
    ..SPEC
};

pub(super) const ZCARD: Command = command(
    Spec {
        name: "zcard",
        arity: Arity::Exactly(2),
        keys: &[KeySpec::one(1, Access::Read, &[])],
        since: "1.2.0",
        summary: "Counts the members.",
        complexity: "O(1)",
        ..FAST
    },
    |call| {
        let set = call.image.sorted_set(&call.args[1])?;
        let len = set.map_or(0, |set| set.len());
        call.reply.integer(len as i64);
        Ok(())
    },
);

pub(super) const ZSCORE: Command = command(
    Spec {
        name: "zscore",
        arity: Arity::Exactly(3),
        since: "1.2.0",
        summary: "Reads the score of one member.",
        complexity: "O(1)",
        ..FAST
    },
    |call| {
        let set = call.image.sorted_set(&call.args[1])?;
        let score = set.and_then(|set| set.score(&call.args[2]));
        put_score(call, score);
        Ok(())
    },
);

pub(super) const ZMSCORE: Command = command(
    Spec {
        name: "zmscore",
        arity: Arity::AtLeast(3),
        since: "6.2.0",
        summary: "Reads the scores of some members, in the order asked for.",
        complexity: "O(members asked for)",
        ..FAST
    },
    |call| {
        let set = call.image.sorted_set(&call.args[1])?;
        let members = call.args.from(2);
        let scores: Vec<_> = members
            .iter()
            .map(|member| set.and_then(|set| set.score(member)))
            .collect();
        call.reply.array(scores.len());
        scores.into_iter().for_each(|score| put_score(call, score));
        Ok(())
    },
);

fn put_score(call: &mut Call<'_>, score: Option<Score>) {
    match score {
        Some(score) => call.reply.double(score.get()),
        None => call.reply.null(),
    }
}

pub(super) const ZRANK: Command = command(
    Spec {
        name: "zrank",
        arity: Arity::AtLeast(3),
        since: "2.0.0",
        summary: "Tells how many elements come before a member, and on demand its score.",
        complexity: "O(log(N)) with N members",
        ..FAST
    },
    |call| rank(call, "zrank", |rank, _| rank),
);

pub(super) const ZREVRANK: Command = command(
    Spec {
        name: "zrevrank",
        arity: Arity::AtLeast(3),
        since: "2.0.0",
        summary: "Tells how many elements come behind a member, and on demand its score.",
        complexity: "O(log(N)) with N members",
        ..FAST
    },
    |call| rank(call, "zrevrank", |rank, len| len - 1 - rank),
);

fn rank(call: &mut Call<'_>, name: &str, seen_from: fn(usize, usize) -> usize) -> Result<(), CommandError> {
    let args = call.args;
    if args.len() > 4 {
        return Err(CommandError::WrongArity {
            command: name.to_owned(),
        });
    }
    let with_score = args.get(3).map(|word| word.eq_ignore_ascii_case(b"withscore"));
    if with_score == Some(false) {
        return Err(CommandError::Syntax);
    }
    let set = call.image.sorted_set(&args[1])?;
    let found = set.and_then(|set| {
        let (rank, score) = set.rank(&args[2])?;
        Some((seen_from(rank, set.len()), score))
    });
    match (found, with_score.is_some()) {
        (None, true) => call.reply.null_array(),
        (None, false) => call.reply.null(),
        (Some((rank, _)), false) => call.reply.integer(rank as i64),
        (Some((rank, score)), true) => {
            call.reply.array(2);
            call.reply.integer(rank as i64);
            call.reply.double(score.get());
        }
    }
    Ok(())
}

pub(super) const ZCOUNT: Command = command(
    Spec {
        name: "zcount",
        arity: Arity::Exactly(4),
        since: "2.0.0",
        summary: "Counts the members with scores between two.",
        complexity: "O(log(N)) with N members",
        ..FAST
    },
    |call| {
        let scores = Scores::parse(&call.args[2], &call.args[3])?;
        let set = call.image.sorted_set(&call.args[1])?;
        let count = set.map_or(0, |set| scores.ranks(set).len());
        call.reply.integer(count as i64);
        Ok(())
    },
);

pub(super) const ZLEXCOUNT: Command = command(
    Spec {
        name: "zlexcount",
        arity: Arity::Exactly(4),
        since: "2.8.9",
        summary: "Counts the members between two, where all scores are the same.",
        complexity: "O(log(N)) with N members",
        ..FAST
    },
    |call| {
        let args = call.args;
        let members = Members::parse(&args[2], &args[3])?;
        let set = call.image.sorted_set(&args[1])?;
        let count = set.map_or(0, |set| members.ranks(set).len());
        call.reply.integer(count as i64);
        Ok(())
    },
);
