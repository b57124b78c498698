//! A list of unique elements, to which clients append, and which they read as a whole.

use std::collections::BTreeMap;

use crate::{Model, Operation};

/// The model of a list.
#[derive(Debug, Clone, Copy)]
pub struct List;

/// What is asked of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListInput {
    /// It has this at its end afterwards.
    Append(u64),
    /// What is in it?
    Read,
}

/// What a list answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListAnswer {
    /// To an append: how many elements it has now.
    Length(usize),
    /// To a read: all of it, from the first on.
    Elements(Vec<u64>),
}

impl Model for List {
    const NAME: &'static str = "list";
    type Input = ListInput;
    type Answer = ListAnswer;
    type State = Vec<u64>;

    fn is_read(input: &ListInput) -> bool {
        matches!(input, ListInput::Read)
    }

    fn step(state: &Self::State, input: &ListInput, answer: Option<&ListAnswer>) -> Option<Self::State> {
        // The search asks far more often than it is answered, so nothing is copied before the answer fits.
        let fits = match (input, answer) {
            (_, None) => true,
            (ListInput::Append(_), Some(ListAnswer::Length(length))) => state.len() + 1 == *length,
            (ListInput::Read, Some(ListAnswer::Elements(elements))) => state == elements,
            (ListInput::Append(_), Some(ListAnswer::Elements(_))) | (ListInput::Read, Some(ListAnswer::Length(_))) => {
                false
            }
        };
        fits.then(|| match input {
            ListInput::Append(element) => state.iter().chain([element]).copied().collect(),
            ListInput::Read => state.clone(),
        })
    }
}

/// An element that was acknowledged and is not in its list exactly once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("element {element}, appended by client {client}, is {times} times in the final list")]
pub struct NotOnce {
    /// Which.
    pub element: u64,
    /// Who was told.
    pub client: u32,
    /// How often it is there.
    pub times: usize,
}

impl List {
    /// What is wrong with the list at the end of everything. The search finds the same and more; this says it in words.
    pub fn not_once(operations: &[Operation<Self>], at_the_end: &[u64]) -> Vec<NotOnce> {
        let mut times = BTreeMap::new();
        for element in at_the_end {
            *times.entry(*element).or_insert(0_usize) += 1;
        }
        let appended = operations.iter().filter_map(|operation| match operation.input {
            ListInput::Append(element) => operation.answer.as_ref().map(|_| (element, operation.client)),
            ListInput::Read => None,
        });
        appended
            .map(|(element, client)| NotOnce {
                element,
                client,
                times: times.get(&element).copied().unwrap_or(0),
            })
            .filter(|found| found.times != 1)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::ListAnswer::{Elements, Length};
    use super::ListInput::{Append, Read};
    use super::*;
    use crate::judge::testing::{accepts, open, refuses, told};

    #[test]
    fn elements_stay_in_the_order_in_which_they_came() {
        accepts::<List>(&[
            told(1, 0, 1, Read, Elements(vec![])),
            told(1, 2, 3, Append(7), Length(1)),
            told(2, 4, 5, Append(8), Length(2)),
            told(3, 6, 7, Read, Elements(vec![7, 8])),
        ]);
    }

    #[test]
    fn what_overlaps_may_come_in_either_order_but_in_one() {
        let history = |first: [u64; 2], second: [u64; 2]| {
            [
                told(1, 0, 10, Append(7), Length(if first == [7, 8] { 1 } else { 2 })),
                told(2, 0, 10, Append(8), Length(if first == [7, 8] { 2 } else { 1 })),
                told(3, 11, 12, Read, Elements(first.to_vec())),
                told(4, 11, 12, Read, Elements(second.to_vec())),
            ]
        };
        accepts::<List>(&history([7, 8], [7, 8]));
        accepts::<List>(&history([8, 7], [8, 7]));
        refuses::<List>(&history([7, 8], [8, 7]));
    }

    #[test]
    fn an_element_must_not_be_lost() {
        refuses::<List>(&[
            told(1, 0, 1, Append(7), Length(1)),
            told(1, 2, 3, Append(8), Length(2)),
            told(2, 4, 5, Read, Elements(vec![8])),
        ]);
    }

    #[test]
    fn an_element_must_not_be_there_twice() {
        refuses::<List>(&[
            told(1, 0, 1, Append(7), Length(1)),
            told(2, 2, 3, Read, Elements(vec![7, 7])),
        ]);
        // Nor because its client does not know: one call is executed once.
        refuses::<List>(&[open(1, 0, Append(7)), told(2, 2, 3, Read, Elements(vec![7, 7]))]);
    }

    #[test]
    fn elements_must_not_be_reordered() {
        refuses::<List>(&[
            told(1, 0, 1, Append(7), Length(1)),
            told(1, 2, 3, Append(8), Length(2)),
            told(2, 4, 5, Read, Elements(vec![8, 7])),
        ]);
    }

    #[test]
    fn an_element_must_not_be_there_that_nobody_appended() {
        // That append was refused, so it is not here.
        refuses::<List>(&[
            told(1, 0, 1, Append(7), Length(1)),
            told(2, 2, 3, Read, Elements(vec![7, 8])),
        ]);
    }

    #[test]
    fn the_length_that_an_append_is_told_counts_those_before_it() {
        refuses::<List>(&[told(1, 0, 1, Append(7), Length(1)), told(2, 2, 3, Append(8), Length(1))]);
    }

    #[test]
    fn reads_must_not_go_back() {
        refuses::<List>(&[
            told(1, 0, 20, Append(7), Length(1)),
            told(2, 1, 2, Read, Elements(vec![7])),
            told(3, 3, 4, Read, Elements(vec![])),
        ]);
    }

    #[test]
    fn an_unknown_append_may_show_up_late_or_never() {
        for seen in [vec![7, 9], vec![8, 7, 9], vec![7, 8, 9]] {
            accepts::<List>(&[
                open(2, 0, Append(8)),
                told(1, 1, 2, Append(7), Length(if seen[0] == 8 { 2 } else { 1 })),
                told(1, 3, 4, Append(9), Length(seen.len())),
                told(3, 5, 6, Read, Elements(seen.clone())),
            ]);
        }
    }

    #[test]
    fn the_final_list_is_held_against_what_was_acknowledged() {
        let operations = [
            told(1, 0, 1, Append(7), Length(1)),
            told(1, 2, 3, Append(8), Length(2)),
            open(2, 2, Append(9)),
            told(3, 4, 5, Read, Elements(vec![7, 8])),
        ];
        assert_eq!(List::not_once(&operations, &[7, 8]), []);
        assert_eq!(List::not_once(&operations, &[7, 8, 9]), []);
        let found = List::not_once(&operations, &[8, 8]);
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "element 7, appended by client 1, is 0 times in the final list",
                "element 8, appended by client 1, is 2 times in the final list",
            ]
        );
    }
}
