//! ZRANGE and its like: elements by rank, by score or by member, from either end, read or stored under another key.

use std::ops::Range;

use super::interval::{Members, Ranks, Scores, logged, reversed};
use super::{READ, SPEC, Shape, command};
use crate::command::{Access, Arity, Call, Command, Flags, KeySpec, Spec};
use crate::number::integer;
use crate::{Args, CommandError, Effect, SortedSet};

const COMPLEXITY: &str = "O(log(N)+M) with N members, M of them in the range";

pub(super) const ZRANGE: Command = command(
    Spec {
        name: "zrange",
        arity: Arity::AtLeast(4),
        since: "1.2.0",
        summary: "Reads elements between two ranks, scores or members, from either end.",
        ..RANGE
    },
    |call| read(call, Options::ANY),
);

pub(super) const ZREVRANGE: Command = command(
    Spec {
        name: "zrevrange",
        arity: Arity::AtLeast(4),
        since: "1.2.0",
        summary: "Reads elements between two ranks, from the end. ZRANGE with REV does the same.",
        ..RANGE
    },
    |call| read(call, Options::only(By::Rank, true)),
);

pub(super) const ZRANGEBYSCORE: Command = command(
    Spec {
        name: "zrangebyscore",
        arity: Arity::AtLeast(4),
        since: "1.0.5",
        summary: "Reads elements with scores between two. ZRANGE with BYSCORE does the same.",
        ..RANGE
    },
    |call| read(call, Options::only(By::Score, false)),
);

pub(super) const ZREVRANGEBYSCORE: Command = command(
    Spec {
        name: "zrevrangebyscore",
        arity: Arity::AtLeast(4),
        since: "2.2.0",
        summary: "Reads elements with scores between two, from the end. ZRANGE with BYSCORE and REV does the same.",
        ..RANGE
    },
    |call| read(call, Options::only(By::Score, true)),
);

pub(super) const ZRANGEBYLEX: Command = command(
    Spec {
        name: "zrangebylex",
        arity: Arity::AtLeast(4),
        since: "2.8.9",
        summary: "Reads the members between two, where all scores are the same. ZRANGE with BYLEX does the same.",
        ..RANGE
    },
    |call| read(call, Options::only(By::Member, false)),
);

pub(super) const ZREVRANGEBYLEX: Command = command(
    Spec {
        name: "zrevrangebylex",
        arity: Arity::AtLeast(4),
        since: "2.8.9",
        summary: "Reads the members between two, from the end, where all scores are the same.",
        ..RANGE
    },
    |call| read(call, Options::only(By::Member, true)),
);

const RANGE: Spec = Spec {
    complexity: COMPLEXITY,
    keys: READ,
    ..SPEC
};

fn read(call: &mut Call<'_>, begin: Options) -> Result<(), CommandError> {
    let args = call.args;
    let options = begin.parse(args.from(4), false)?;
    let interval = options.interval(&args[2], &args[3])?;
    let shape = Shape::of(options.with_scores, call.reply.protocol());
    let Some(set) = call.image.sorted_set(&args[1])? else {
        call.reply.array(0);
        return Ok(());
    };
    let ranks = options.ranks(interval, set);
    shape.header(call.reply, ranks.len());
    let elements = set.range(ranks);
    if options.is_reverse() {
        elements
            .rev()
            .for_each(|(score, member)| shape.put(call.reply, score, member));
    } else {
        elements.for_each(|(score, member)| shape.put(call.reply, score, member));
    }
    Ok(())
}

pub(super) const ZRANGESTORE: Command = command(
    Spec {
        name: "zrangestore",
        arity: Arity::AtLeast(5),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[
            KeySpec::one(1, Access::Overwrite, &["update"]),
            KeySpec::one(2, Access::Read, &["access"]),
        ],
        since: "6.2.0",
        summary: "Stores elements between two ranks, scores or members under another key.",
        complexity: COMPLEXITY,
        ..SPEC
    },
    store,
);

fn store(call: &mut Call<'_>) -> Result<(), CommandError> {
    let args = call.args;
    let (to, from) = (&args[1], &args[2]);
    let options = Options::ANY.parse(args.from(5), true)?;
    let interval = options.interval(&args[3], &args[4])?;
    let set = call.image.sorted_set(from)?;
    let ranks = set.map_or(0..0, |set| options.ranks(interval, set));
    let there = call.image.peek(to)?.is_some();
    if !ranks.is_empty() {
        call.image.write(Effect::SortedSetStoreRange {
            from,
            to,
            ranks: logged(&ranks),
        });
    } else if there {
        call.image.write(Effect::Remove { key: to });
    }
    call.reply.integer(ranks.len() as i64);
    Ok(())
}

/// What the two ends of a range are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Member,
}

/// A range without its key.
#[derive(Debug, Clone, Copy)]
enum Interval<'a> {
    Ranks(Ranks),
    Scores(Scores),
    Members(Members<'a>),
}

/// The words behind a range.
#[derive(Debug, Clone, Copy)]
struct Options {
    /// `None`: not said, so by rank.
    by: Option<By>,
    /// `None`: not said, so from the start.
    reverse: Option<bool>,
    with_scores: bool,
    offset: i64,
    /// Negative: as many as there are.
    count: i64,
}

impl Options {
    /// All is left to the words.
    const ANY: Self = Self {
        by: None,
        reverse: None,
        with_scores: false,
        offset: 0,
        count: -1,
    };

    /// The command's name says the most of it.
    const fn only(by: By, reverse: bool) -> Self {
        Self {
            by: Some(by),
            reverse: Some(reverse),
            ..Self::ANY
        }
    }

    fn parse(mut self, words: Args<'_>, stores: bool) -> Result<Self, CommandError> {
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.to_ascii_uppercase().as_slice() {
                b"WITHSCORES" if !stores => self.with_scores = true,
                b"LIMIT" if words.len() >= 2 => {
                    self.offset = integer(words.next().unwrap_or_default())?;
                    self.count = integer(words.next().unwrap_or_default())?;
                }
                b"REV" if self.reverse.is_none() => self.reverse = Some(true),
                b"BYLEX" if self.by.is_none() => self.by = Some(By::Member),
                b"BYSCORE" if self.by.is_none() => self.by = Some(By::Score),
                _ => return Err(CommandError::Syntax),
            }
        }
        match self.by() {
            By::Rank if self.count != -1 => Err(CommandError::LimitOfRanks),
            By::Member if self.with_scores => Err(CommandError::ScoresOfMembers),
            By::Rank | By::Score | By::Member => Ok(self),
        }
    }

    fn by(self) -> By {
        self.by.unwrap_or(By::Rank)
    }

    fn is_reverse(self) -> bool {
        self.reverse.unwrap_or(false)
    }

    /// From the ends as they were written: in reverse the greater stands first, unless they are ranks.
    fn interval<'a>(self, first: &'a [u8], last: &'a [u8]) -> Result<Interval<'a>, CommandError> {
        let (min, max) = if self.is_reverse() {
            (last, first)
        } else {
            (first, last)
        };
        Ok(match self.by() {
            By::Rank => Interval::Ranks(Ranks {
                first: integer(first)?,
                last: integer(last)?,
            }),
            By::Score => Interval::Scores(Scores::parse(min, max)?),
            By::Member => Interval::Members(Members::parse(min, max)?),
        })
    }

    /// The ranks of what lies within, counted from the start also in reverse.
    fn ranks(self, interval: Interval<'_>, set: &SortedSet) -> Range<usize> {
        let ranks = match interval {
            Interval::Ranks(ranks) => {
                let ranks = ranks.among(set.len());
                return if self.is_reverse() {
                    reversed(&ranks, set.len())
                } else {
                    ranks
                };
            }
            Interval::Scores(scores) => scores.ranks(set),
            Interval::Members(members) => members.ranks(set),
        };
        // A negative offset leaves nothing, as in Redis.
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let left = ranks.len().saturating_sub(offset);
        let count = usize::try_from(self.count).map_or(left, |count| count.min(left));
        let skipped = ranks.len() - left;
        if self.is_reverse() {
            let end = ranks.end - skipped;
            end - count..end
        } else {
            let start = ranks.start + skipped;
            start..start + count
        }
    }
}
