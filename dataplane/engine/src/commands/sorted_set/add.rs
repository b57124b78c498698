//! ZADD and ZINCRBY: members get scores.
//! Promises: all scores are read before anything is changed. The effect carries the scores that came of it, each member
//! once, so a replica adds nothing up.

use std::collections::BTreeMap;

use super::{ELEMENTS_BYTES_MAX, SPEC, command, fit_a_record};
use crate::command::{Access, Arity, Call, Command, Flags, KeySpec, Spec};
use crate::{Args, CommandError, Effect, Score, SortedSet};

const FLAGS: Flags = Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST);

pub(super) const ZADD: Command = command(
    Spec {
        name: "zadd",
        arity: Arity::AtLeast(4),
        flags: FLAGS,
        keys: &[KeySpec::one(1, Access::ReadWrite, &["update"])],
        since: "1.2.0",
        summary: "Gives members scores and tells how many members are new.",
        complexity: "O(log(N)) for each member, N members of the sorted set",
        ..SPEC
    },
    |call| add(call, Options::default()),
);

pub(super) const ZINCRBY: Command = command(
    Spec {
        name: "zincrby",
        arity: Arity::Exactly(4),
        flags: FLAGS,
        keys: &[KeySpec::one(1, Access::ReadWrite, &["access", "update"])],
        since: "1.2.0",
        summary: "Adds to the score of a member, which begins at 0.",
        complexity: "O(log(N)) with N members",
        ..SPEC
    },
    |call| {
        let increments = true;
        add(
            call,
            Options {
                increments,
                ..Options::default()
            },
        )
    },
);

fn add(call: &mut Call<'_>, begin: Options) -> Result<(), CommandError> {
    let key = &call.args[1];
    let (options, elements) = Options::parse(call.args.from(2), begin)?;
    let elements = parse_elements(elements)?;
    let set = call.image.sorted_set(key)?;
    let mut changes = Changes {
        set,
        options,
        new: Vec::new(),
        places: BTreeMap::new(),
        added: 0,
        updated: 0,
    };
    let mut last = None;
    for (score, member) in elements {
        last = changes.apply(member, score)?;
    }
    let Changes {
        new, added, updated, ..
    } = changes;
    if !fit_a_record(&new) {
        return Err(CommandError::TooManyElements {
            bytes_max: ELEMENTS_BYTES_MAX,
        });
    }
    if !new.is_empty() {
        call.image.write(Effect::SortedSetAdd { key, elements: new });
    }
    match last {
        _ if !options.increments => {
            let counted = if options.counts_updated { added + updated } else { added };
            call.reply.integer(counted);
        }
        Some(score) => call.reply.double(score.get()),
        None => call.reply.null(),
    }
    Ok(())
}

/// What becomes of the members that a command names, one after the other.
struct Changes<'a, 'k> {
    set: Option<&'a SortedSet>,
    options: Options,
    /// In the order in which they were first named: it decides from which member on a sorted set is large.
    new: Vec<(Score, &'k [u8])>,
    /// Where members stand in `new`.
    places: BTreeMap<&'k [u8], usize>,
    added: i64,
    updated: i64,
}

impl<'k> Changes<'_, 'k> {
    /// The score that the member has then. `None`: the options keep it as it is.
    fn apply(&mut self, member: &'k [u8], score: Score) -> Result<Option<Score>, CommandError> {
        let options = self.options;
        let stored = || self.set.and_then(|set| set.score(member));
        let place = self.places.get(member).copied();
        let new = place.and_then(|place| self.new.get(place)).map(|(score, _)| *score);
        let Some(old) = new.or_else(stored) else {
            if options.only_there {
                return Ok(None);
            }
            self.set(member, score);
            self.added += 1;
            return Ok(Some(score));
        };
        if options.only_new {
            return Ok(None);
        }
        let score = match options.increments {
            true => old.plus(score).ok_or(CommandError::ScoreNotANumber)?,
            false => score,
        };
        if (options.only_less && score >= old) || (options.only_greater && score <= old) {
            return Ok(None);
        }
        if score != old {
            self.set(member, score);
            self.updated += 1;
        }
        Ok(Some(score))
    }

    fn set(&mut self, member: &'k [u8], score: Score) {
        let place = *self.places.entry(member).or_insert(self.new.len());
        match self.new.get_mut(place) {
            Some(element) => element.0 = score,
            None => self.new.push((score, member)),
        }
    }
}

fn parse_elements(args: Args<'_>) -> Result<Vec<(Score, &[u8])>, CommandError> {
    let mut words = args.iter();
    let mut elements = Vec::with_capacity(words.len() / 2);
    while let (Some(score), Some(member)) = (words.next(), words.next()) {
        elements.push((Score::parse(score).ok_or(CommandError::NotAFloat)?, member));
    }
    Ok(elements)
}

/// The words of ZADD before the scores.
#[derive(Debug, Clone, Copy, Default)]
struct Options {
    /// NX
    only_new: bool,
    /// XX
    only_there: bool,
    /// GT
    only_greater: bool,
    /// LT
    only_less: bool,
    /// CH
    counts_updated: bool,
    /// INCR
    increments: bool,
}

impl Options {
    /// The options, and the scores and members behind them.
    fn parse(args: Args<'_>, begin: Self) -> Result<(Self, Args<'_>), CommandError> {
        let mut options = begin;
        let words = args.iter().take_while(|word| options.take(word)).count();
        let elements = args.from(words);
        if elements.is_empty() || !elements.len().is_multiple_of(2) {
            return Err(CommandError::Syntax);
        }
        if options.only_new && options.only_there {
            return Err(CommandError::AddXxWithNx);
        }
        let restricted = [options.only_greater, options.only_less, options.only_new];
        if restricted.into_iter().filter(|set| *set).count() > 1 {
            return Err(CommandError::AddGtLtNx);
        }
        if options.increments && elements.len() > 2 {
            return Err(CommandError::AddIncrementOfMany);
        }
        Ok((options, elements))
    }

    /// Whether the word is an option.
    fn take(&mut self, word: &[u8]) -> bool {
        let option = match word.to_ascii_uppercase().as_slice() {
            b"NX" => &mut self.only_new,
            b"XX" => &mut self.only_there,
            b"GT" => &mut self.only_greater,
            b"LT" => &mut self.only_less,
            b"CH" => &mut self.counts_updated,
            b"INCR" => &mut self.increments,
            _ => return false,
        };
        *option = true;
        true
    }
}
