//! A pair: two keys that are written together with one number and read together, by transactions.

use crate::Model;

/// The model of a pair: one register in two keys.
#[derive(Debug, Clone, Copy)]
pub struct Pair;

/// What is asked of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairInput {
    /// Both keys hold this afterwards.
    Write(u64),
    /// What do they hold?
    Read,
}

/// What a pair answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairAnswer {
    /// To a write.
    Written,
    /// To a read: what each key holds, if anything.
    Values(Option<u64>, Option<u64>),
}

impl Model for Pair {
    const NAME: &'static str = "pair";
    type Input = PairInput;
    type Answer = PairAnswer;
    type State = Option<u64>;

    fn is_read(input: &PairInput) -> bool {
        matches!(input, PairInput::Read)
    }

    fn step(state: &Self::State, input: &PairInput, answer: Option<&PairAnswer>) -> Option<Self::State> {
        let (after, expected) = match *input {
            PairInput::Write(value) => (Some(value), PairAnswer::Written),
            PairInput::Read => (*state, PairAnswer::Values(*state, *state)),
        };
        answer.is_none_or(|answer| *answer == expected).then_some(after)
    }
}

#[cfg(test)]
mod tests {
    use super::PairAnswer::{Values, Written};
    use super::PairInput::{Read, Write};
    use super::*;
    use crate::judge::testing::{accepts, open, refuses, told};

    #[test]
    fn both_keys_hold_what_was_written_last() {
        accepts::<Pair>(&[
            told(1, 0, 1, Read, Values(None, None)),
            told(1, 2, 3, Write(7), Written),
            told(2, 4, 5, Read, Values(Some(7), Some(7))),
            open(1, 6, Write(8)),
            told(2, 7, 8, Read, Values(Some(8), Some(8))),
        ]);
    }

    #[test]
    fn a_pair_must_not_be_torn() {
        for torn in [
            Values(Some(7), Some(8)),
            Values(Some(8), Some(7)),
            Values(Some(8), None),
        ] {
            refuses::<Pair>(&[
                told(1, 0, 1, Write(7), Written),
                told(1, 2, 10, Write(8), Written),
                told(2, 3, 4, Read, torn),
            ]);
        }
        // Nor by a write of which nobody knows whether it took place.
        refuses::<Pair>(&[open(1, 0, Write(7)), told(2, 1, 2, Read, Values(Some(7), None))]);
    }

    #[test]
    fn a_read_must_not_miss_what_another_client_wrote_before() {
        refuses::<Pair>(&[
            told(1, 0, 1, Write(7), Written),
            told(1, 2, 3, Write(8), Written),
            told(2, 4, 5, Read, Values(Some(7), Some(7))),
        ]);
    }

    #[test]
    fn an_acknowledged_write_must_not_be_lost() {
        refuses::<Pair>(&[
            told(1, 0, 1, Write(7), Written),
            told(2, 2, 3, Read, Values(None, None)),
        ]);
    }

    #[test]
    fn reads_must_not_go_back() {
        refuses::<Pair>(&[
            told(1, 0, 20, Write(7), Written),
            told(2, 1, 2, Read, Values(Some(7), Some(7))),
            told(3, 3, 4, Read, Values(None, None)),
        ]);
    }
}
