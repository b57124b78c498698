//! ZUNION, ZINTER, ZDIFF, ZINTERCARD: sorted sets put together and read.
//! Leaves to `keyspace`: what comes of it. To `store`: that it is kept.

use super::{SPEC, Shape, command};
use crate::command::{Access, Arity, Begin, Call, Command, Find, Flags, KeySpec, Spec};
use crate::keyspace::Source;
use crate::number::{integer, parse_i64};
use crate::{Aggregate, Args, Combination, CommandError, Image, Operation, Score, SortedSet};

/// Elements that one command may look at: a second or two of a thread that others wait for. Redis has no such bound, and no
/// such others.
const STEPS_MAX: usize = 4 << 20;
/// Keys that one command may name: the effect of a command that stores names them all, each with its weight.
const KEYS_MAX: usize = 64 << 10;

/// The keys that are read, behind their number at this argument.
pub(super) const fn counted(at: usize) -> KeySpec {
    KeySpec {
        begin: Begin::At(at),
        find: Find::Counted {
            count: 0,
            first: 1,
            step: 1,
        },
        access: Access::Read,
        flags: &["access"],
    }
}

const READ_COUNTED: &[KeySpec] = &[counted(1)];

const COMBINED: Spec = Spec {
    arity: Arity::AtLeast(3),
    flags: Flags::READONLY.and(Flags::MOVABLEKEYS),
    keys: READ_COUNTED,
    since: "6.2.0",
    ..SPEC
};

pub(super) const ZUNION: Command = command(
    Spec {
        name: "zunion",
        summary: "Reads the members that are in any of some sorted sets.",
        complexity: "O(N)+O(M*log(M)) with N members of all, M in the result",
        ..COMBINED
    },
    |call| read(call, "zunion", Operation::Union),
);

pub(super) const ZINTER: Command = command(
    Spec {
        name: "zinter",
        summary: "Reads the members that are in all of some sorted sets.",
        complexity: "O(N*K)+O(M*log(M)) with N members of the smallest of K sorted sets, M in the result",
        ..COMBINED
    },
    |call| read(call, "zinter", Operation::Intersection),
);

pub(super) const ZDIFF: Command = command(
    Spec {
        name: "zdiff",
        summary: "Reads the members that are in the first of some sorted sets and in no other.",
        complexity: "O(N*K)+O(M*log(M)) with N members of the first of K sorted sets, M in the result",
        ..COMBINED
    },
    |call| read(call, "zdiff", Operation::Difference),
);

fn read(call: &mut Call<'_>, name: &'static str, operation: Operation) -> Result<(), CommandError> {
    let input = Input::find(call.image, call.args.from(1), name)?;
    let options = Options::parse(input.words, Asked::Elements(operation), input.keys.len())?;
    let shape = Shape::of(options.with_scores, call.reply.protocol());
    let sources = input.sources(call.image, &options.weights, operation)?;
    let elements = options.combination(operation).of(&sources);
    shape.header(call.reply, elements.len());
    for (score, member) in elements {
        shape.put(call.reply, score, member);
    }
    Ok(())
}

pub(super) const ZINTERCARD: Command = command(
    Spec {
        name: "zintercard",
        since: "7.0.0",
        summary: "Counts the members that are in all of some sorted sets, up to a limit.",
        complexity: "O(N*K) with N members of the smallest of K sorted sets",
        ..COMBINED
    },
    |call| {
        let input = Input::find(call.image, call.args.from(1), "zintercard")?;
        let options = Options::parse(input.words, Asked::Count, input.keys.len())?;
        let sources = input.sources(call.image, &[], Operation::Intersection)?;
        let combination = options.combination(Operation::Intersection);
        let count = combination.count(&sources, options.limit.unwrap_or(usize::MAX));
        call.reply.integer(count as i64);
        Ok(())
    },
);

/// The sorted sets that are put together, and the words behind them.
pub(super) struct Input<'a> {
    pub(super) keys: Args<'a>,
    pub(super) words: Args<'a>,
}

impl<'a> Input<'a> {
    /// From the number of keys on. That they hold sorted sets is seen before the words behind them are read.
    pub(super) fn find(image: &mut Image, args: Args<'a>, command: &'static str) -> Result<Self, CommandError> {
        let number = integer(args.get(0).unwrap_or_default())?;
        let number = usize::try_from(number).ok().filter(|number| *number > 0);
        let number = number.ok_or(CommandError::InputKeyMissing { command })?;
        let behind = args.from(1);
        if number > behind.len() {
            return Err(CommandError::Syntax);
        }
        let (keys, words) = (behind.up_to(number), behind.from(number));
        for key in keys.iter() {
            image.sorted_set(key)?;
        }
        Ok(Self { keys, words })
    }

    /// The sorted sets with their weights, which are 1 where there are none.
    pub(super) fn sources<'i>(
        &self,
        image: &'i mut Image,
        weights: &[Score],
        operation: Operation,
    ) -> Result<Vec<Source<'i>>, CommandError> {
        let too_much = CommandError::CombinesTooMuch {
            steps_max: STEPS_MAX,
            keys_max: KEYS_MAX,
        };
        if self.keys.len() > KEYS_MAX {
            return Err(too_much);
        }
        let sets = image.sorted_sets(self.keys.iter())?;
        if steps(&sets, operation) > STEPS_MAX {
            return Err(too_much);
        }
        let weights = weights.iter().copied().chain(std::iter::repeat(Score::ONE));
        Ok(sets.into_iter().zip(weights).collect())
    }
}

/// How many elements are looked at, those of a key that is named twice twice.
fn steps(sets: &[Option<&SortedSet>], operation: Operation) -> usize {
    let lens = sets.iter().map(|set| set.map_or(0, SortedSet::len));
    match operation {
        Operation::Union => lens.sum(),
        Operation::Intersection => lens.min().unwrap_or(0).saturating_mul(sets.len()),
        Operation::Difference => {
            let first = sets.first().and_then(|set| *set);
            first.map_or(0, SortedSet::len).saturating_mul(sets.len())
        }
    }
}

/// What a command wants to know, which decides on the words that it understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// What comes of it.
    Elements(Operation),
    /// What comes of it, to be stored.
    Stored(Operation),
    /// How many elements come of it.
    Count,
}

/// The words behind the keys.
#[derive(Debug)]
pub(super) struct Options {
    /// One for each key, or none at all.
    pub(super) weights: Vec<Score>,
    aggregate: Aggregate,
    with_scores: bool,
    limit: Option<usize>,
}

impl Options {
    pub(super) fn parse(words: Args<'_>, asked: Asked, keys: usize) -> Result<Self, CommandError> {
        let mut options = Self {
            weights: Vec::new(),
            aggregate: Aggregate::Sum,
            with_scores: false,
            limit: None,
        };
        let scores_count = matches!(
            asked,
            Asked::Elements(Operation::Union | Operation::Intersection)
                | Asked::Stored(Operation::Union | Operation::Intersection)
        );
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.to_ascii_uppercase().as_slice() {
                b"WEIGHTS" if scores_count && words.len() >= keys => {
                    let weights = words.by_ref().take(keys).map(Score::parse);
                    let weights: Option<Vec<_>> = weights.collect();
                    options.weights = weights.ok_or(CommandError::WeightNotAFloat)?;
                }
                b"AGGREGATE" if scores_count && words.len() > 0 => {
                    options.aggregate = parse_aggregate(words.next().unwrap_or_default())?;
                }
                b"WITHSCORES" if matches!(asked, Asked::Elements(_)) => options.with_scores = true,
                b"LIMIT" if asked == Asked::Count && words.len() > 0 => {
                    let limit = parse_i64(words.next().unwrap_or_default());
                    let limit = limit.and_then(|limit| usize::try_from(limit).ok());
                    // Zero: no limit.
                    options.limit = Some(limit.ok_or(CommandError::LimitNegative)?).filter(|limit| *limit > 0);
                }
                _ => return Err(CommandError::Syntax),
            }
        }
        Ok(options)
    }

    pub(super) fn combination(&self, operation: Operation) -> Combination {
        Combination {
            operation,
            aggregate: self.aggregate,
        }
    }
}

fn parse_aggregate(word: &[u8]) -> Result<Aggregate, CommandError> {
    match word.to_ascii_uppercase().as_slice() {
        b"SUM" => Ok(Aggregate::Sum),
        b"MIN" => Ok(Aggregate::Min),
        b"MAX" => Ok(Aggregate::Max),
        _ => Err(CommandError::Syntax),
    }
}
