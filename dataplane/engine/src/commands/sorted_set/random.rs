//! ZRANDMEMBER: elements left to chance.
//! Promises: a reply is bounded by the sorted set, or by [`REPEATED_BYTES_MAX`] where elements may repeat.

use std::collections::BTreeSet;

use super::{SPEC, Shape, command};
use crate::command::{Arity, Call, Command, Spec};
use crate::number::integer;
use crate::{CommandError, Random, Reply, Score, SortedSet};

pub(super) const ZRANDMEMBER: Command = command(
    Spec {
        name: "zrandmember",
        since: "6.2.0",
        summary: "Reads elements at random: some that differ, or for a negative number so many that may repeat.",
        complexity: "O(M*log(N)) with N members, M of them asked for",
        tips: &["nondeterministic_output"],
        arity: Arity::AtLeast(2),
        ..SPEC
    },
    zrandmember,
);

/// As of HRANDFIELD.
const REPEATED_BYTES_MAX: usize = 64 << 20;
/// About what an element takes in a reply besides its member.
const FRAME_BYTES: usize = 8;
/// About what a score takes in a reply.
const SCORE_BYTES: usize = 24;

fn zrandmember(call: &mut Call<'_>) -> Result<(), CommandError> {
    let key = &call.args[1];
    if call.args.len() == 2 {
        let set = call.image.sorted_set(key)?;
        let picked = set.and_then(|set| at(set, call.random.below(set.len())));
        call.reply.bulk_or_null(picked.map(|(_, member)| member));
        return Ok(());
    }
    let (count, with_scores) = options(call)?;
    let shape = Shape::of(with_scores, call.reply.protocol());
    let Some(set) = call.image.sorted_set(key)? else {
        call.reply.array(0);
        return Ok(());
    };
    let picks = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 {
        return repeated(set, picks, call.random, shape, call.reply);
    }
    if picks >= set.len() {
        shape.header(call.reply, set.len());
        set.iter()
            .for_each(|(score, member)| shape.put(call.reply, score, member));
        return Ok(());
    }
    shape.header(call.reply, picks);
    for (score, member) in distinct(set.len(), picks, call.random)
        .into_iter()
        .filter_map(|rank| at(set, rank))
    {
        shape.put(call.reply, score, member);
    }
    Ok(())
}

fn at(set: &SortedSet, rank: usize) -> Option<(Score, &[u8])> {
    set.range(rank..rank + 1).next()
}

/// The count, and whether scores are asked for too.
fn options(call: &Call<'_>) -> Result<(i64, bool), CommandError> {
    let count = integer(&call.args[2])?;
    if count == i64::MIN {
        return Err(CommandError::OutsideRange {
            min: -i64::MAX,
            max: i64::MAX,
        });
    }
    let with_scores = match call.args.get(3) {
        None => return Ok((count, false)),
        Some(word) => word.eq_ignore_ascii_case(b"withscores"),
    };
    if !with_scores || call.args.len() > 4 {
        return Err(CommandError::Syntax);
    }
    if count.abs() > i64::MAX / 2 {
        return Err(CommandError::OutOfRange);
    }
    Ok((count, true))
}

fn repeated(
    set: &SortedSet,
    picks: usize,
    random: &mut Random,
    shape: Shape,
    reply: &mut dyn Reply,
) -> Result<(), CommandError> {
    let frame_bytes = FRAME_BYTES + if shape == Shape::Members { 0 } else { SCORE_BYTES };
    let frames = picks.saturating_mul(frame_bytes);
    let mut room = REPEATED_BYTES_MAX.checked_sub(frames).ok_or(CommandError::OutOfRange)?;
    shape.header(reply, picks);
    // What is packed is read from its start each time, so it is read once.
    let packed: Vec<_> = if set.is_packed() {
        set.iter().collect()
    } else {
        Vec::new()
    };
    for _ in 0..picks {
        let rank = random.below(set.len());
        let picked = packed.get(rank).copied().or_else(|| at(set, rank));
        let (score, member) = picked.unwrap_or((Score::ZERO, b""));
        room = room.checked_sub(member.len()).ok_or(CommandError::OutOfRange)?;
        shape.put(reply, score, member);
    }
    Ok(())
}

/// So many ranks below `len`, each at most once, in an order left to chance (Floyd's sample; Bentley 1987).
fn distinct(len: usize, picks: usize, random: &mut Random) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    let mut picked = Vec::with_capacity(picks);
    for last in len - picks..len {
        let drawn = random.below(last + 1);
        let rank = if seen.insert(drawn) { drawn } else { last };
        seen.insert(rank);
        picked.push(rank);
    }
    picked
}
