//! ZPOPMIN, ZPOPMAX, ZMPOP: elements that are told and gone.
//! Leaves out: BZPOPMIN and its like, which wait.

use super::interval::{logged, reversed};
use super::{SPEC, Shape, TAKEN_FROM, command};
use crate::command::{Access, Arity, Begin, Call, Command, Find, Flags, KeySpec, Spec};
use crate::number::parse_i64;
use crate::{CommandError, Effect, Image, Protocol, Reply};

const ZPOP: Spec = Spec {
    flags: Flags::WRITE.and(Flags::FAST),
    keys: TAKEN_FROM,
    since: "5.0.0",
    complexity: "O(M*log(N)) with N members, M of them taken",
    ..SPEC
};

pub(super) const ZPOPMIN: Command = command(
    Spec {
        name: "zpopmin",
        summary: "Takes the elements with the lowest scores.",
        ..ZPOP
    },
    |call| pop_of_one(call, End::Min),
);

pub(super) const ZPOPMAX: Command = command(
    Spec {
        name: "zpopmax",
        summary: "Takes the elements with the highest scores.",
        ..ZPOP
    },
    |call| pop_of_one(call, End::Max),
);

fn pop_of_one(call: &mut Call<'_>, end: End) -> Result<(), CommandError> {
    let args = call.args;
    if args.len() > 3 {
        return Err(CommandError::Syntax);
    }
    let count = match args.get(2) {
        Some(text) => Some(natural(text).ok_or(CommandError::NotPositive)?),
        None => None,
    };
    let is_there = call.image.sorted_set(&args[1])?.is_some();
    if !is_there || count == Some(0) {
        call.reply.array(0);
        return Ok(());
    }
    // Without a count even RESP3 has no pairs.
    let protocol = count.map_or(Protocol::Resp2, |_| call.reply.protocol());
    let shape = Shape::of(true, protocol);
    pop(call.image, call.reply, &args[1], end, count.unwrap_or(1), shape)
}

pub(super) const ZMPOP: Command = command(
    Spec {
        name: "zmpop",
        arity: Arity::AtLeast(4),
        flags: Flags::WRITE.and(Flags::MOVABLEKEYS),
        keys: &[KeySpec {
            begin: Begin::At(1),
            find: Find::Counted {
                count: 0,
                first: 1,
                step: 1,
            },
            access: Access::ReadWrite,
            flags: &["access", "delete"],
        }],
        since: "7.0.0",
        summary: "Takes elements of the first of some sorted sets that is there.",
        complexity: "O(K)+O(M*log(N)) with K keys, N members of the sorted set, M of them taken",
        ..SPEC
    },
    zmpop,
);

fn zmpop(call: &mut Call<'_>) -> Result<(), CommandError> {
    let args = call.args;
    let positive = |text: &[u8]| natural(text).filter(|number| *number > 0);
    let keys = positive(&args[1]).ok_or(CommandError::KeyCountNotPositive)?;
    let end = keys.checked_add(2).and_then(|at| args.get(at));
    let end = End::parse(end.ok_or(CommandError::Syntax)?).ok_or(CommandError::Syntax)?;
    let mut words = args.from(keys + 3).iter();
    let mut count = None;
    while let Some(word) = words.next() {
        if count.is_some() || !word.eq_ignore_ascii_case(b"count") {
            return Err(CommandError::Syntax);
        }
        let number = positive(words.next().ok_or(CommandError::Syntax)?);
        count = Some(number.ok_or(CommandError::CountNotPositive)?);
    }
    for key in args.from(2).iter().take(keys) {
        if call.image.sorted_set(key)?.is_some() {
            call.reply.array(2);
            call.reply.bulk(key);
            return pop(call.image, call.reply, key, end, count.unwrap_or(1), Shape::Pairs);
        }
    }
    call.reply.null_array();
    Ok(())
}

/// A whole number that is not negative.
fn natural(text: &[u8]) -> Option<usize> {
    parse_i64(text).and_then(|number| usize::try_from(number).ok())
}

/// Where elements are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

impl End {
    fn parse(word: &[u8]) -> Option<Self> {
        match word.to_ascii_uppercase().as_slice() {
            b"MIN" => Some(Self::Min),
            b"MAX" => Some(Self::Max),
            _ => None,
        }
    }
}

/// Tells and removes so many elements, the outermost first.
fn pop(
    image: &mut Image,
    reply: &mut dyn Reply,
    key: &[u8],
    end: End,
    count: usize,
    shape: Shape,
) -> Result<(), CommandError> {
    let Some(set) = image.sorted_set(key)? else {
        return Ok(());
    };
    let ranks = 0..count.min(set.len());
    let ranks = match end {
        End::Min => ranks,
        End::Max => reversed(&ranks, set.len()),
    };
    shape.header(reply, ranks.len());
    let elements = set.range(ranks.clone());
    match end {
        End::Min => elements.for_each(|(score, member)| shape.put(reply, score, member)),
        End::Max => elements
            .rev()
            .for_each(|(score, member)| shape.put(reply, score, member)),
    }
    let ranks = logged(&ranks);
    image.write(Effect::SortedSetRemoveRange { key, ranks });
    Ok(())
}
