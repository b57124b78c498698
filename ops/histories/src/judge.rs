//! The judge: whether each key's history is linearizable. The one file that knows porcupine-rs.
//! Promises: an objection to every key whose history is wrong, and to every key that could not be decided in time, which
//! proves nothing. A wrong history is drawn on a page, so that somebody can look at it.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::time::Duration;

use porcupine_rs::CheckResult;

use crate::{History, Key, Model, Operation};

/// How histories are judged.
#[derive(Debug, Clone)]
pub struct Judge {
    /// How long the search for one key may take.
    pub within: Duration,
    /// Where the pages of wrong histories go. It is made when the first one is written.
    pub folder: PathBuf,
    /// What the test can be repeated with; objections name it.
    pub seed: u64,
}

/// What was found in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Keys.
    pub keys: usize,
    /// Operations on them.
    pub operations: usize,
    /// How many of them have an unknown outcome.
    pub unknown: usize,
}

/// What is wrong with the history of one key.
#[derive(Debug, thiserror::Error)]
pub enum Objection {
    /// No single copy of the data could have answered so.
    #[error("the {operations} operations on {key} are not linearizable: look at {} (seed {seed})", page.display())]
    Illegal {
        /// Which.
        key: Key,
        /// How many operations it has.
        operations: usize,
        /// The page with its history.
        page: PathBuf,
        /// What the test can be repeated with.
        seed: u64,
    },
    /// As above, and there is no page of it.
    #[error("the {operations} operations on {key} are not linearizable, and {} could not be written (seed {seed})", page.display())]
    IllegalUnseen {
        /// Which.
        key: Key,
        /// How many operations it has.
        operations: usize,
        /// Where the page should be.
        page: PathBuf,
        /// What the test can be repeated with.
        seed: u64,
        /// Why it is not there.
        source: io::Error,
    },
    /// The search took too long.
    #[error(
        "whether the {operations} operations on {key}, {unknown} of them unknown, are linearizable was not decided within \
         {within:?}: the run proves nothing (seed {seed})"
    )]
    Undecided {
        /// Which.
        key: Key,
        /// How many operations it has.
        operations: usize,
        /// How many of them have an unknown outcome.
        unknown: usize,
        /// How long the search took.
        within: Duration,
        /// What the test can be repeated with.
        seed: u64,
    },
}

/// At least one objection.
#[derive(Debug, thiserror::Error)]
pub struct Objections(Vec<Objection>);

impl Judge {
    /// Holds every key's history against the rules of its kind.
    pub fn check<M: Model>(&self, history: &History<M>) -> Result<Checked, Objections> {
        let mut checked = Checked::default();
        let mut objections = Vec::new();
        for (key, operations) in history.keys() {
            match self.check_key(key, operations) {
                Ok(()) => {
                    checked.keys += 1;
                    checked.operations += operations.len();
                    checked.unknown += unknown(operations);
                }
                Err(objection) => objections.push(objection),
            }
        }
        if objections.is_empty() {
            Ok(checked)
        } else {
            Err(Objections(objections))
        }
    }

    fn check_key<M: Model>(&self, key: Key, operations: &[Operation<M>]) -> Result<(), Objection> {
        let history: Vec<_> = operations.iter().map(rewrite).collect();
        // Not the variant that collects what a page needs: out of time, it says that the history is wrong (0.3.0).
        match porcupine_rs::check_operations_timeout(&history, self.within) {
            CheckResult::Ok => Ok(()),
            CheckResult::Unknown => Err(Objection::Undecided {
                key,
                operations: operations.len(),
                unknown: unknown(operations),
                within: self.within,
                seed: self.seed,
            }),
            CheckResult::Illegal => Err(self.illegal(key, &history)),
        }
    }

    fn illegal<M: Model>(&self, key: Key, history: &[porcupine_rs::Operation<Rules<M>>]) -> Objection {
        let (page, seed, operations) = (self.folder.join(format!("{key}.html")), self.seed, history.len());
        // What it found until then is drawn.
        let (_, info) = porcupine_rs::check_operations_info_timeout(history, self.within);
        let written = std::fs::create_dir_all(&self.folder).and_then(|()| porcupine_rs::visualize_path(&info, &page));
        match written {
            Ok(()) => Objection::Illegal {
                key,
                operations,
                page,
                seed,
            },
            Err(source) => Objection::IllegalUnseen {
                key,
                operations,
                page,
                seed,
                source,
            },
        }
    }
}

impl Objections {
    /// One for each key that has any.
    pub fn each(&self) -> &[Objection] {
        &self.0
    }
}

impl fmt::Display for Objections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// A model, as porcupine-rs knows models.
#[derive(Debug, Clone)]
struct Rules<M>(PhantomData<M>);

/// An operation with its answer, as porcupine-rs knows operations.
#[derive(Debug, Clone)]
struct Answered<M: Model> {
    input: M::Input,
    answer: Option<M::Answer>,
}

impl<M: Model> porcupine_rs::Model for Rules<M> {
    type State = M::State;
    type Op = Answered<M>;
    type Metadata = ();

    fn init() -> Self::State {
        M::State::default()
    }

    fn step(state: &Self::State, op: &Self::Op) -> (bool, Self::State) {
        match M::step(state, &op.input, op.answer.as_ref()) {
            Some(after) => (true, after),
            // Nobody looks at the state of what is not possible.
            None => (false, M::State::default()),
        }
    }

    fn describe_operation(op: &Self::Op) -> String {
        match &op.answer {
            Some(answer) => format!("{:?} → {answer:?}", op.input),
            None => format!("{:?} → unknown", op.input),
        }
    }
}

fn rewrite<M: Model>(operation: &Operation<M>) -> porcupine_rs::Operation<Rules<M>> {
    porcupine_rs::Operation {
        client_id: Some(operation.client),
        call_time: operation.called.as_nanos(),
        return_time: operation.returned.as_nanos(),
        op: Answered {
            input: operation.input.clone(),
            answer: operation.answer.clone(),
        },
        metadata: None,
    }
}

fn unknown<M: Model>(operations: &[Operation<M>]) -> usize {
    operations.iter().filter(|operation| operation.answer.is_none()).count()
}

/// Histories in one line for each operation, for the tests of the models.
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
pub(crate) mod testing {
    use super::*;
    use crate::Instant;

    /// An operation that was answered.
    pub(crate) fn told<M: Model>(
        client: u32,
        called: i64,
        returned: i64,
        input: M::Input,
        answer: M::Answer,
    ) -> Operation<M> {
        Operation {
            client,
            called: Instant::from_nanos(called),
            returned: Instant::from_nanos(returned),
            input,
            answer: Some(answer),
        }
    }

    /// An operation of which nobody knows whether it took place.
    pub(crate) fn open<M: Model>(client: u32, called: i64, input: M::Input) -> Operation<M> {
        Operation {
            client,
            called: Instant::from_nanos(called),
            returned: Instant::OPEN,
            input,
            answer: None,
        }
    }

    pub(crate) fn history<M: Model>(operations: &[Operation<M>]) -> History<M> {
        let mut history = History::default();
        for operation in operations {
            history.push(Key::new::<M>(1), operation.clone());
        }
        history
    }

    fn check<M: Model>(operations: &[Operation<M>]) -> Result<Checked, Objections> {
        let folder = tempfile::tempdir().unwrap();
        let judge = Judge {
            within: Duration::from_secs(60),
            folder: folder.path().to_owned(),
            seed: 0,
        };
        judge.check(&history(operations))
    }

    pub(crate) fn accepts<M: Model>(operations: &[Operation<M>]) {
        let checked = check(operations).unwrap_or_else(|objections| panic!("{objections}\n{operations:#?}"));
        assert_eq!(checked.operations, operations.len());
    }

    pub(crate) fn refuses<M: Model>(operations: &[Operation<M>]) {
        let objections = check(operations).expect_err("a wrong history");
        assert!(matches!(objections.each(), [Objection::Illegal { .. }]), "{objections}");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::testing::{history, open, told};
    use super::*;
    use crate::RegisterAnswer::{Value, Written};
    use crate::RegisterInput::{Read, Write};
    use crate::{Instant, Register};

    fn judge(folder: &tempfile::TempDir) -> Judge {
        Judge {
            within: Duration::from_secs(60),
            folder: folder.path().join("pages"),
            seed: 0x5eed,
        }
    }

    fn wrong() -> History<Register> {
        history(&[told(1, 0, 1, Write(7), Written), told(2, 2, 3, Read, Value(None))])
    }

    #[test]
    fn a_wrong_history_is_drawn_and_named_with_its_seed() {
        let folder = tempfile::tempdir().unwrap();
        let objections = judge(&folder).check(&wrong()).unwrap_err();
        let page = folder.path().join("pages/register-1.html");
        assert!(std::fs::read_to_string(&page).unwrap().contains("Write(7)"));
        let said = objections.to_string();
        for named in ["2 operations on register-1", &page.display().to_string(), "seed 24301"] {
            assert!(said.contains(named), "{said}");
        }
    }

    #[test]
    fn a_wrong_history_without_a_page_is_an_error_too() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pages"), "in the way").unwrap();
        let objections = judge(&folder).check(&wrong()).unwrap_err();
        assert!(
            matches!(objections.each(), [Objection::IllegalUnseen { .. }]),
            "{objections}"
        );
    }

    #[test]
    fn keys_are_judged_one_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let mut history = wrong();
        let reads_nothing = told(2, 2, 3, Read, Value(None));
        history.push(Key::new::<Register>(2), reads_nothing);
        let objections = judge(&folder).check(&history).unwrap_err();
        assert!(objections.to_string().contains("register-1") && !objections.to_string().contains("register-2"));
    }

    #[test]
    fn what_was_in_order_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let mut history = history::<Register>(&[told(1, 0, 1, Write(7), Written), open(1, 2, Write(8))]);
        history.push(Key::new::<Register>(2), told(1, 0, 1, Read, Value(None)));
        let checked = judge(&folder).check(&history).unwrap();
        let expected = Checked {
            keys: 2,
            operations: 3,
            unknown: 1,
        };
        assert_eq!(checked, expected);
    }

    #[test]
    fn a_history_that_takes_too_long_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        // Every order of the unknown writes is tried before a value turns out to be nobody's.
        let mut operations: Vec<Operation<Register>> = (0..40).map(|value| open(1, 0, Write(value))).collect();
        operations.push(told(2, 1, 2, Read, Value(Some(99))));
        let judge = Judge {
            within: Duration::from_millis(10),
            ..judge(&folder)
        };
        let objections = judge.check(&history(&operations)).unwrap_err();
        let [
            Objection::Undecided {
                operations: 41,
                unknown: 40,
                ..
            },
        ] = objections.each()
        else {
            unreachable!("{objections}")
        };
        assert!(objections.to_string().contains("proves nothing"), "{objections}");
        assert!(!folder.path().join("pages").exists());
    }

    #[test]
    fn open_is_after_everything() {
        assert!(Instant::from_nanos(i64::MAX - 1) < Instant::OPEN);
    }
}
