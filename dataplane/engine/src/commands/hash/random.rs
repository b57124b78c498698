//! HRANDFIELD: fields left to chance.
//! Promises: a reply is bounded by the hash, or by [`REPEATED_BYTES_MAX`] where fields may repeat.

use std::collections::BTreeSet;

use super::READ;
use crate::command::{Arity, Call, Category, Command, Flags, Group, Spec};
use crate::number::integer;
use crate::{CommandError, Hash, Protocol, Random, Reply};

pub(super) const HRANDFIELD: Command = Command {
    spec: Spec {
        name: "hrandfield",
        arity: Arity::AtLeast(2),
        flags: Flags::READONLY,
        keys: READ,
        categories: &[Category::Hash],
        group: Group::Hash,
        since: "6.2.0",
        summary: "Reads fields at random: some that differ, or for a negative number so many that may repeat.",
        complexity: "O(fields asked for)",
        tips: &["nondeterministic_output"],
    },
    run: hrandfield,
    subcommands: &[],
};

/// Bytes that the reply to a negative count may have. Redis stops at its memory; without a bound one short command would
/// take all of ours.
const REPEATED_BYTES_MAX: usize = 64 << 20;
/// About what a field takes in a reply besides its bytes.
const FRAME_BYTES: usize = 8;

fn hrandfield(call: &mut Call<'_>) -> Result<(), CommandError> {
    if call.args.len() == 2 {
        return single(call);
    }
    let (count, with_values) = options(call)?;
    let shape = Shape::of(with_values, call.reply.protocol());
    let Some(hash) = call.image.hash(&call.args[1])? else {
        call.reply.array(0);
        return Ok(());
    };
    let picks = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 {
        return repeated(hash, picks, call.random, shape, call.reply);
    }
    let picked = distinct(hash, picks, call.random);
    shape.header(call.reply, picked.len());
    for (field, value) in picked {
        shape.put(call.reply, field, value);
    }
    Ok(())
}

fn single(call: &mut Call<'_>) -> Result<(), CommandError> {
    let hash = call.image.hash(&call.args[1])?;
    let picked = hash.and_then(|hash| hash.random(call.random));
    call.reply.bulk_or_null(picked.map(|(field, _)| field));
    Ok(())
}

/// The count, and whether values are asked for too.
fn options(call: &Call<'_>) -> Result<(i64, bool), CommandError> {
    let count = integer(&call.args[2])?;
    if count == i64::MIN {
        return Err(CommandError::OutsideRange {
            min: -i64::MAX,
            max: i64::MAX,
        });
    }
    let with_values = match call.args.get(3) {
        None => return Ok((count, false)),
        Some(word) => word.eq_ignore_ascii_case(b"withvalues"),
    };
    if !with_values || call.args.len() > 4 {
        return Err(CommandError::Syntax);
    }
    if count.abs() > i64::MAX / 2 {
        return Err(CommandError::OutOfRange);
    }
    Ok((count, true))
}

fn repeated(
    hash: &Hash,
    picks: usize,
    random: &mut Random,
    shape: Shape,
    reply: &mut dyn Reply,
) -> Result<(), CommandError> {
    let frames = picks.saturating_mul(FRAME_BYTES);
    let mut room = REPEATED_BYTES_MAX.checked_sub(frames).ok_or(CommandError::OutOfRange)?;
    shape.header(reply, picks);
    for _ in 0..picks {
        let (field, value) = hash.random(random).unwrap_or_default();
        let bytes = field.len() + if shape == Shape::Fields { 0 } else { value.len() };
        room = room.checked_sub(bytes).ok_or(CommandError::OutOfRange)?;
        shape.put(reply, field, value);
    }
    Ok(())
}

/// So many fields, each at most once; all if there are not more.
fn distinct<'a>(hash: &'a Hash, picks: usize, random: &mut Random) -> Vec<(&'a [u8], &'a [u8])> {
    if picks >= hash.len() {
        return hash.iter().collect();
    }
    if picks < hash.len() / 3 {
        return drawn(hash, picks, random);
    }
    // Most are wanted: go through all, and take each by the chance that those left of the picks and of the fields give.
    let mut left = hash.len();
    let mut wanted = picks;
    let mut take = |_: &(&[u8], &[u8])| {
        let take = random.below(left) < wanted;
        left -= 1;
        wanted -= usize::from(take);
        take
    };
    hash.iter().filter(|pair| take(pair)).collect()
}

/// Few are wanted: draw again whatever was drawn before, which is less than every third.
fn drawn<'a>(hash: &'a Hash, picks: usize, random: &mut Random) -> Vec<(&'a [u8], &'a [u8])> {
    let mut seen = BTreeSet::new();
    let mut picked = Vec::with_capacity(picks);
    while picked.len() < picks {
        match hash.random(random) {
            Some((field, value)) if seen.insert(field) => picked.push((field, value)),
            Some(_) => {}
            None => break,
        }
    }
    picked
}

/// How picked fields are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Without values.
    Fields,
    /// A field, its value, the next field: RESP2.
    Flat,
    /// An array for each field and its value: RESP3.
    Pairs,
}

impl Shape {
    fn of(with_values: bool, protocol: Protocol) -> Self {
        match (with_values, protocol) {
            (false, _) => Self::Fields,
            (true, Protocol::Resp2) => Self::Flat,
            (true, Protocol::Resp3) => Self::Pairs,
        }
    }

    fn header(self, reply: &mut dyn Reply, picks: usize) {
        match self {
            Self::Fields | Self::Pairs => reply.array(picks),
            Self::Flat => reply.array(picks * 2),
        }
    }

    fn put(self, reply: &mut dyn Reply, field: &[u8], value: &[u8]) {
        if self == Self::Pairs {
            reply.array(2);
        }
        reply.bulk(field);
        if self != Self::Fields {
            reply.bulk(value);
        }
    }
}
