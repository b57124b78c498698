//! Operations with their times, by key.

use std::collections::BTreeMap;
use std::fmt;

use crate::Model;

/// Nanoseconds since the recorder was started, by a clock that never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);

impl Instant {
    /// After everything: when an operation returns whose outcome nobody knows. It may take effect as late.
    pub const OPEN: Self = Self(i64::MAX);

    /// So many nanoseconds after the start.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }
}

/// One key of a kind. Its name is unique among all keys of all kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    kind: &'static str,
    number: u32,
}

impl Key {
    /// The key with this number.
    pub const fn new<M: Model>(number: u32) -> Self {
        Self { kind: M::NAME, number }
    }

    /// The one that is used after it.
    #[must_use]
    pub(crate) const fn next(self) -> Self {
        Self {
            number: self.number + 1,
            ..self
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.kind, self.number)
    }
}

/// How a call ended, as far as its client can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<A> {
    /// It was executed, with this answer.
    Ok(A),
    /// It was surely not executed, and never will be.
    Refused,
    /// It may have been executed, or may be later.
    Unknown,
}

/// An operation that was executed, or may have been.
#[derive(Debug, Clone)]
pub struct Operation<M: Model> {
    /// Who called.
    pub client: u32,
    /// Not after the first byte of the request was sent.
    pub called: Instant,
    /// Not before the last byte of the answer was received; [`Instant::OPEN`] without an answer.
    pub returned: Instant,
    /// What was asked.
    pub input: M::Input,
    /// What was answered; `None`: nobody knows, or it was not executed at all.
    pub answer: Option<M::Answer>,
}

/// What was done to all keys of a kind.
#[derive(Debug, Clone)]
pub struct History<M: Model>(BTreeMap<Key, Vec<Operation<M>>>);

impl<M: Model> History<M> {
    /// Key by key, in the order in which they were first used. A key may have no operation that counts.
    pub fn keys(&self) -> impl Iterator<Item = (Key, &[Operation<M>])> {
        self.0.iter().map(|(key, operations)| (*key, operations.as_slice()))
    }

    /// Adds an operation.
    pub fn push(&mut self, key: Key, operation: Operation<M>) {
        self.0.entry(key).or_default().push(operation);
    }

    /// The key has been used, whatever came of it.
    pub(crate) fn note_key(&mut self, key: Key) {
        self.0.entry(key).or_default();
    }
}

impl<M: Model> Default for History<M> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}
