//! Writes down what clients do, while they do it.
//! Promises: the time of a call is taken before it can have any effect, that of its return after its answer came; a call
//! whose end nobody tells counts as unknown. Hands out keys, so that the history of each stays small.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{History, Instant, Key, Model, Operation, Outcome};

/// Calls on one key, after which the next key is used. The search is exponential in the worst case, so a key has few.
const CALLS_PER_KEY_MAX: u32 = 60;

/// The history of all keys of a kind, while it grows.
#[derive(Debug)]
pub struct Recorder<M: Model> {
    begun: std::time::Instant,
    book: Mutex<Book<M>>,
}

#[derive(Debug)]
struct Book<M: Model> {
    history: History<M>,
    current: Key,
    /// Calls on the current key.
    calls: u32,
    /// The value that was given out last.
    value: u64,
}

impl<M: Model> Recorder<M> {
    /// Nobody did anything yet. Recorders of one test have one beginning, so that their times can be compared.
    pub fn starting_at(begun: std::time::Instant) -> Self {
        Self {
            begun,
            book: Mutex::new(Book {
                history: History::default(),
                current: Key::new::<M>(1),
                calls: 0,
                value: 0,
            }),
        }
    }

    /// The key that is used now.
    pub fn current(&self) -> Key {
        self.book().current
    }

    /// From now on the next key is used.
    pub fn use_next_key(&self) {
        let mut book = self.book();
        let current = book.current;
        book.leave(current);
    }

    /// All keys that were used so far.
    pub fn keys(&self) -> Vec<Key> {
        self.book().history.keys().map(|(key, _)| key).collect()
    }

    /// A value that nobody else writes, to any key.
    pub fn fresh_value(&self) -> u64 {
        let mut book = self.book();
        book.value += 1;
        book.value
    }

    /// Begins an operation. Must be called before anything of it is sent.
    pub fn call(&self, client: u32, key: Key, input: M::Input) -> Call<'_, M> {
        self.book().begin(key);
        Call {
            recorder: self,
            key,
            called: self.now(),
            open: Some((client, input)),
        }
    }

    /// What was done.
    pub fn finish(self) -> History<M> {
        self.book.into_inner().unwrap_or_else(PoisonError::into_inner).history
    }

    fn now(&self) -> Instant {
        let nanos = self.begun.elapsed().as_nanos();
        // No test runs for 292 years.
        Instant::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX - 1))
    }

    fn book(&self) -> MutexGuard<'_, Book<M>> {
        // A panic elsewhere leaves no half an operation here.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Model> Book<M> {
    fn begin(&mut self, key: Key) {
        self.history.note_key(key);
        if key == self.current {
            self.calls += 1;
            if self.calls >= CALLS_PER_KEY_MAX {
                self.leave(key);
            }
        }
    }

    fn leave(&mut self, key: Key) {
        if key == self.current {
            self.current = key.next();
            self.calls = 0;
        }
    }
}

/// An operation under way. Dropped, it counts as one with an unknown outcome.
#[derive(Debug)]
#[must_use = "its outcome has to be told"]
pub struct Call<'r, M: Model> {
    recorder: &'r Recorder<M>,
    key: Key,
    called: Instant,
    /// `None`: its end is told.
    open: Option<(u32, M::Input)>,
}

impl<M: Model> Call<'_, M> {
    /// Tells how it ended. Must be called after the whole answer came.
    pub fn end(mut self, outcome: Outcome<M::Answer>) {
        self.note(outcome);
    }

    fn note(&mut self, outcome: Outcome<M::Answer>) {
        let Some((client, input)) = self.open.take() else {
            return;
        };
        let (returned, answer) = match outcome {
            Outcome::Ok(answer) => (self.recorder.now(), Some(answer)),
            Outcome::Refused => return,
            // It changed nothing, and told nobody anything.
            Outcome::Unknown if M::is_read(&input) => return,
            Outcome::Unknown => (Instant::OPEN, None),
        };
        let operation = Operation {
            client,
            called: self.called,
            returned,
            input,
            answer,
        };
        let mut book = self.recorder.book();
        if operation.answer.is_none() {
            book.leave(self.key);
        }
        book.history.push(self.key, operation);
    }
}

impl<M: Model> Drop for Call<'_, M> {
    fn drop(&mut self) {
        self.note(Outcome::Unknown);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::{Register, RegisterAnswer, RegisterInput};

    const KEY: Key = Key::new::<Register>(1);

    fn recorder() -> Recorder<Register> {
        Recorder::starting_at(std::time::Instant::now())
    }

    fn recorded(recorder: Recorder<Register>) -> Vec<Operation<Register>> {
        recorder
            .finish()
            .keys()
            .flat_map(|(_, operations)| operations.to_vec())
            .collect()
    }

    #[test]
    fn an_answered_operation_returns_after_it_was_called() {
        let recorder = recorder();
        let call = recorder.call(3, KEY, RegisterInput::Write(7));
        call.end(Outcome::Ok(RegisterAnswer::Written));
        let recorded = recorded(recorder);
        let [operation] = recorded.as_slice() else {
            panic!("{recorded:?}")
        };
        assert_eq!((operation.client, operation.answer), (3, Some(RegisterAnswer::Written)));
        assert!(operation.called < operation.returned && operation.returned < Instant::OPEN);
    }

    #[test]
    fn what_was_refused_is_left_out() {
        let recorder = recorder();
        recorder.call(0, KEY, RegisterInput::Write(7)).end(Outcome::Refused);
        assert!(recorded(recorder).is_empty());
    }

    #[test]
    fn a_write_with_an_unknown_outcome_stays_open_and_a_read_is_left_out() {
        let recorder = recorder();
        recorder.call(0, KEY, RegisterInput::Read).end(Outcome::Unknown);
        recorder.call(0, KEY, RegisterInput::Write(7)).end(Outcome::Unknown);
        let recorded = recorded(recorder);
        let [operation] = recorded.as_slice() else {
            panic!("{recorded:?}")
        };
        assert_eq!((operation.returned, operation.answer), (Instant::OPEN, None));
    }

    #[test]
    fn a_call_whose_end_nobody_tells_is_unknown() {
        let recorder = recorder();
        drop(recorder.call(0, KEY, RegisterInput::Write(7)));
        assert_eq!(recorded(recorder)[0].returned, Instant::OPEN);
    }

    #[test]
    fn the_next_key_is_used_after_some_calls_and_after_an_unknown_outcome() {
        let recorder = recorder();
        let outcomes = |outcome: Outcome<RegisterAnswer>, calls: u32| {
            for _ in 0..calls {
                recorder
                    .call(0, recorder.current(), RegisterInput::Write(7))
                    .end(outcome);
            }
            recorder.current()
        };
        assert_eq!(outcomes(Outcome::Refused, CALLS_PER_KEY_MAX - 1), KEY);
        assert_eq!(outcomes(Outcome::Refused, 1), Key::new::<Register>(2));
        assert_eq!(outcomes(Outcome::Unknown, 1), Key::new::<Register>(3));
        recorder.use_next_key();
        assert_eq!(recorder.current(), Key::new::<Register>(4));
        // What is unknown of a key that was left already changes nothing.
        recorder.call(0, KEY, RegisterInput::Write(7)).end(Outcome::Unknown);
        assert_eq!(recorder.current(), Key::new::<Register>(4));
        assert_eq!(recorder.keys(), [1, 2].map(Key::new::<Register>));
    }

    #[test]
    fn no_value_is_given_out_twice() {
        let recorder = recorder();
        assert_ne!(recorder.fresh_value(), recorder.fresh_value());
    }
}
