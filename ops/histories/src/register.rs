//! A register: one value, which is overwritten, read, and swapped by compare-and-set.

use crate::Model;

/// The model of a register. Values are unique: a read tells which write it saw.
#[derive(Debug, Clone, Copy)]
pub struct Register;

/// What is asked of a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisterInput {
    /// Whatever it holds, it holds this afterwards.
    Write(u64),
    /// What does it hold?
    Read,
    /// If it holds `old`, it holds `new` afterwards. A register that nobody wrote holds no value, and so never `old`.
    Swap {
        /// What it must hold.
        old: u64,
        /// What it holds then.
        new: u64,
    },
}

/// What a register answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisterAnswer {
    /// To a write.
    Written,
    /// To a read; `None`: nobody has written.
    Value(Option<u64>),
    /// To a swap: whether it held the old value.
    Swapped(bool),
}

impl Model for Register {
    const NAME: &'static str = "register";
    type Input = RegisterInput;
    type Answer = RegisterAnswer;
    type State = Option<u64>;

    fn is_read(input: &RegisterInput) -> bool {
        matches!(input, RegisterInput::Read)
    }

    fn step(state: &Self::State, input: &RegisterInput, answer: Option<&RegisterAnswer>) -> Option<Self::State> {
        let (after, expected) = match *input {
            RegisterInput::Write(value) => (Some(value), RegisterAnswer::Written),
            RegisterInput::Read => (*state, RegisterAnswer::Value(*state)),
            RegisterInput::Swap { old, new } if *state == Some(old) => (Some(new), RegisterAnswer::Swapped(true)),
            RegisterInput::Swap { .. } => (*state, RegisterAnswer::Swapped(false)),
        };
        answer.is_none_or(|answer| *answer == expected).then_some(after)
    }
}

#[cfg(test)]
mod tests {
    use super::RegisterAnswer::{Swapped, Value, Written};
    use super::RegisterInput::{Read, Swap, Write};
    use super::*;
    use crate::judge::testing::{accepts, open, refuses, told};

    #[test]
    fn one_client_reads_what_it_wrote() {
        accepts::<Register>(&[
            told(1, 0, 1, Read, Value(None)),
            told(1, 2, 3, Write(7), Written),
            told(1, 4, 5, Read, Value(Some(7))),
            told(1, 6, 7, Write(8), Written),
            told(1, 8, 9, Read, Value(Some(8))),
        ]);
    }

    #[test]
    fn what_overlaps_may_come_in_either_order() {
        for seen in [7, 8] {
            accepts::<Register>(&[
                told(1, 0, 10, Write(7), Written),
                told(2, 0, 10, Write(8), Written),
                told(3, 5, 6, Read, Value(None)),
                told(3, 11, 12, Read, Value(Some(seen))),
            ]);
        }
    }

    #[test]
    fn a_read_must_not_miss_what_another_client_wrote_before() {
        refuses::<Register>(&[
            told(1, 0, 1, Write(7), Written),
            told(1, 2, 3, Write(8), Written),
            told(2, 4, 5, Read, Value(Some(7))),
        ]);
    }

    #[test]
    fn an_acknowledged_write_must_not_be_lost() {
        refuses::<Register>(&[told(1, 0, 1, Write(7), Written), told(2, 2, 3, Read, Value(None))]);
    }

    #[test]
    fn reads_must_not_go_back() {
        refuses::<Register>(&[
            told(1, 0, 1, Write(7), Written),
            told(1, 2, 20, Write(8), Written),
            told(2, 3, 4, Read, Value(Some(8))),
            told(3, 5, 6, Read, Value(Some(7))),
        ]);
    }

    #[test]
    fn a_value_that_nobody_wrote_must_not_show_up() {
        // That write was refused, so it is not here.
        refuses::<Register>(&[told(1, 0, 1, Write(7), Written), told(2, 2, 3, Read, Value(Some(8)))]);
    }

    #[test]
    fn an_unknown_write_may_take_effect_at_once_later_or_never() {
        for seen in [[7, 7], [7, 8], [8, 8]] {
            accepts::<Register>(&[
                told(1, 0, 1, Write(7), Written),
                open(2, 2, Write(8)),
                told(3, 10, 11, Read, Value(Some(seen[0]))),
                told(3, 12, 13, Read, Value(Some(seen[1]))),
            ]);
        }
    }

    #[test]
    fn an_unknown_write_must_not_come_twice_nor_before_its_call() {
        refuses::<Register>(&[
            open(2, 0, Write(8)),
            told(3, 1, 2, Read, Value(Some(8))),
            told(1, 3, 4, Write(7), Written),
            told(3, 5, 6, Read, Value(Some(8))),
        ]);
        refuses::<Register>(&[told(3, 0, 1, Read, Value(Some(8))), open(2, 2, Write(8))]);
    }

    #[test]
    fn a_swap_takes_place_if_the_register_holds_the_old_value() {
        accepts::<Register>(&[
            told(1, 0, 1, Swap { old: 7, new: 8 }, Swapped(false)),
            told(1, 2, 3, Write(7), Written),
            told(1, 4, 5, Swap { old: 7, new: 8 }, Swapped(true)),
            told(1, 6, 7, Swap { old: 7, new: 9 }, Swapped(false)),
            told(1, 8, 9, Read, Value(Some(8))),
        ]);
        refuses::<Register>(&[
            told(1, 0, 1, Write(7), Written),
            told(1, 2, 3, Swap { old: 7, new: 8 }, Swapped(false)),
        ]);
    }

    #[test]
    fn two_swaps_of_one_value_must_not_both_take_place() {
        refuses::<Register>(&[
            told(1, 0, 1, Write(7), Written),
            told(1, 2, 9, Swap { old: 7, new: 8 }, Swapped(true)),
            told(2, 2, 9, Swap { old: 7, new: 9 }, Swapped(true)),
        ]);
    }

    #[test]
    fn an_unknown_swap_may_have_taken_place_or_not() {
        for (seen, possible) in [(7, true), (8, true), (9, false)] {
            let history = [
                told(1, 0, 1, Write(7), Written),
                open(2, 2, Swap { old: 7, new: 8 }),
                open(3, 2, Swap { old: 6, new: 9 }),
                told(1, 4, 5, Read, Value(Some(seen))),
            ];
            if possible {
                accepts::<Register>(&history);
            } else {
                refuses::<Register>(&history);
            }
        }
    }

    #[test]
    fn an_answer_to_another_question_is_none() {
        refuses::<Register>(&[told(1, 0, 1, Read, Written)]);
    }
}
