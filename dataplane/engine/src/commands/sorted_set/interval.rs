//! Intervals of scores and of members, as clients write them, and the ranks of what lies within.

use std::ops::Range;

use crate::{CommandError, Score, SortedSet};

/// Elements with scores between two, which belong to it or not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scores {
    min: ScoreBound,
    max: ScoreBound,
}

#[derive(Debug, Clone, Copy)]
struct ScoreBound {
    score: Score,
    excluded: bool,
}

impl Scores {
    pub(super) fn parse(min: &[u8], max: &[u8]) -> Result<Self, CommandError> {
        let bounds = ScoreBound::parse(min).zip(ScoreBound::parse(max));
        let (min, max) = bounds.ok_or(CommandError::BoundNotAFloat)?;
        Ok(Self { min, max })
    }

    pub(super) fn ranks(self, set: &SortedSet) -> Range<usize> {
        let start =
            set.count_while(|score, _| score < self.min.score || (self.min.excluded && score == self.min.score));
        let end = set.count_while(|score, _| score < self.max.score || (!self.max.excluded && score == self.max.score));
        start..end.max(start)
    }
}

impl ScoreBound {
    /// As C's `strtod` reads it: blanks may stand before it, nothing at all is 0, and what is too large is infinite.
    fn parse(text: &[u8]) -> Option<Self> {
        let (excluded, text) = match text {
            [b'(', text @ ..] => (true, text),
            text => (false, text),
        };
        // What is behind a zero is not seen in C.
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        if text.is_empty() {
            let score = Score::ZERO;
            return Some(Self { score, excluded });
        }
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
        let blanks = text.iter().take_while(|byte| is_blank(byte)).count();
        let number: f64 = std::str::from_utf8(&text[blanks..]).ok()?.parse().ok()?;
        let score = Score::new(number)?;
        Some(Self { score, excluded })
    }
}

/// Elements with members between two, in a sorted set where all scores are the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct Members<'a> {
    min: MemberBound<'a>,
    max: MemberBound<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MemberBound<'a> {
    /// Before all members.
    First,
    /// Behind all members.
    Last,
    Included(&'a [u8]),
    Excluded(&'a [u8]),
}

impl<'a> Members<'a> {
    pub(super) fn parse(min: &'a [u8], max: &'a [u8]) -> Result<Self, CommandError> {
        let bounds = MemberBound::parse(min).zip(MemberBound::parse(max));
        let (min, max) = bounds.ok_or(CommandError::BoundNotAMember)?;
        Ok(Self { min, max })
    }

    pub(super) fn ranks(self, set: &SortedSet) -> Range<usize> {
        let start = set.count_while(|_, member| match self.min {
            MemberBound::First => false,
            MemberBound::Last => true,
            MemberBound::Included(min) => member < min,
            MemberBound::Excluded(min) => member <= min,
        });
        let end = set.count_while(|_, member| match self.max {
            MemberBound::First => false,
            MemberBound::Last => true,
            MemberBound::Included(max) => member <= max,
            MemberBound::Excluded(max) => member < max,
        });
        start..end.max(start)
    }
}

impl<'a> MemberBound<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        match text {
            b"-" => Some(Self::First),
            b"+" => Some(Self::Last),
            [b'[', member @ ..] => Some(Self::Included(member)),
            [b'(', member @ ..] => Some(Self::Excluded(member)),
            _ => None,
        }
    }
}

/// Ranks between two, which are counted from the end where they are negative.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ranks {
    pub(super) first: i64,
    pub(super) last: i64,
}

impl Ranks {
    /// The ranks of a sorted set of so many elements.
    pub(super) fn among(self, len: usize) -> Range<usize> {
        let place = |rank: i64| match usize::try_from(rank) {
            Ok(rank) => Some(rank),
            Err(_) => len.checked_sub(usize::try_from(rank.unsigned_abs()).unwrap_or(usize::MAX)),
        };
        let start = place(self.first).unwrap_or(0);
        let end = place(self.last).map_or(0, |last| last.saturating_add(1)).min(len);
        start.min(end)..end
    }
}

/// The same ranks, counted from the end of a sorted set of so many elements.
pub(super) fn reversed(ranks: &Range<usize>, len: usize) -> Range<usize> {
    len - ranks.end..len - ranks.start
}

/// The ranks as effects have them.
pub(super) fn logged(ranks: &Range<usize>) -> Range<u64> {
    ranks.start as u64..ranks.end as u64
}
