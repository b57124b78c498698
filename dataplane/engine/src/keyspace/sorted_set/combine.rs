//! Union, intersection and difference of sorted sets.
//! Promises: the same sorted sets give the same result, to the last bit of each score: where numbers are added, the order
//! is that of Redis, the smallest sorted set first, and of equally large ones the one that is named first.

use std::collections::BTreeMap;

use crate::{Score, SortedSet};

/// What becomes of sorted sets that are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// What is in any.
    Union,
    /// What is in all.
    Intersection,
    /// What is in the first and in no other, with its score there; weights are of no account.
    Difference,
}

/// What becomes of the scores that a member has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// They are added up. Infinity less infinity is zero.
    Sum,
    /// The least.
    Min,
    /// The greatest.
    Max,
}

impl Aggregate {
    /// The other may be NaN: what an intersection multiplies is added as it is.
    fn of(self, one: Score, other: f64) -> Score {
        let all = match self {
            Self::Sum => one.get() + other,
            Self::Min if other < one.get() => other,
            Self::Max if other > one.get() => other,
            Self::Min | Self::Max => one.get(),
        };
        Score::new(all).unwrap_or(Score::ZERO)
    }
}

/// How sorted sets are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Combination {
    /// Which members.
    pub operation: Operation,
    /// With which scores.
    pub aggregate: Aggregate,
}

/// A sorted set, if there is one, with the weight that its scores are multiplied by.
pub(crate) type Source<'a> = (Option<&'a SortedSet>, Score);

impl Combination {
    /// The elements of the result, in order.
    pub(crate) fn of<'a>(self, sources: &[Source<'a>]) -> Vec<(Score, &'a [u8])> {
        let mut elements: Vec<_> = match self.operation {
            Operation::Union => self.union(sources),
            Operation::Intersection => self.intersection(sources).collect(),
            Operation::Difference => difference(sources).collect(),
        };
        elements.sort_unstable();
        elements
    }

    /// How many elements the result has, counted up to a limit.
    pub(crate) fn count(self, sources: &[Source<'_>], limit: usize) -> usize {
        match self.operation {
            Operation::Union if limit == 1 => sources.iter().filter_map(|(set, _)| *set).take(1).count(),
            Operation::Union => self.union(sources).len().min(limit),
            Operation::Intersection => self.intersection(sources).take(limit).count(),
            Operation::Difference => difference(sources).take(limit).count(),
        }
    }

    fn union<'a>(self, sources: &[Source<'a>]) -> Vec<(Score, &'a [u8])> {
        let mut scores: BTreeMap<&[u8], Score> = BTreeMap::new();
        for (set, weight) in from_smallest(sources) {
            for (score, member) in set.into_iter().flat_map(SortedSet::iter) {
                let score = score.times(weight);
                let all = scores
                    .get(member)
                    .map_or(score, |before| self.aggregate.of(*before, score.get()));
                scores.insert(member, all);
            }
        }
        scores.into_iter().map(|(member, score)| (score, member)).collect()
    }

    fn intersection<'a>(self, sources: &[Source<'a>]) -> impl Iterator<Item = (Score, &'a [u8])> {
        let sources = from_smallest(sources);
        let (smallest, weight) = sources.first().copied().unwrap_or((None, Score::ONE));
        smallest
            .into_iter()
            .flat_map(SortedSet::iter)
            .filter_map(move |(score, member)| {
                let mut all = score.times(weight);
                for (set, weight) in sources.iter().skip(1) {
                    let score = set.as_ref()?.score(member)?;
                    all = self.aggregate.of(all, score.get() * weight.get());
                }
                Some((all, member))
            })
    }
}

fn difference<'a>(sources: &[Source<'a>]) -> impl Iterator<Item = (Score, &'a [u8])> {
    let first = sources.first().and_then(|(set, _)| *set);
    let others: Vec<_> = sources.iter().skip(1).filter_map(|(set, _)| *set).collect();
    let is_left = move |member: &[u8]| others.iter().all(|other| other.score(member).is_none());
    let elements = first.into_iter().flat_map(SortedSet::iter);
    elements.filter(move |(_, member)| is_left(member))
}

fn from_smallest<'a>(sources: &[Source<'a>]) -> Vec<Source<'a>> {
    let mut sources = sources.to_vec();
    sources.sort_by_key(|(set, _)| set.map_or(0, SortedSet::len));
    sources
}
