//! What a [`MemoryLog`](crate::MemoryLog) was told to do wrong.

use tenure_types::BootTime;

use crate::Unknown;

/// Faults that are due.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// Befalls the next call, then it is gone.
    pub(super) next: Option<Fault>,
    /// Befalls every call before this instant.
    pub(super) no_leader_until: Option<BootTime>,
}

/// What may befall one call.
#[derive(Debug)]
pub(super) enum Fault {
    /// It takes effect and its answer is lost.
    LoseAnswer,
    /// It takes no effect.
    Discard,
}

/// What becomes of one call.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    /// It takes effect, and its caller hears so.
    Answered,
    /// It takes effect, and its caller hears that nothing is known.
    AnswerLost,
    /// It takes no effect, and its caller hears that nothing is known.
    Fails(Unknown),
}

impl Faults {
    /// Decides over a call that arrives `now`.
    pub(super) fn fate_of_next(&mut self, now: BootTime) -> Fate {
        if self.no_leader_until.is_some_and(|until| now < until) {
            return Fate::Fails(Unknown::NoLeader { hint: None });
        }
        match self.next.take() {
            None => Fate::Answered,
            Some(Fault::LoseAnswer) => Fate::AnswerLost,
            Some(Fault::Discard) => Fate::Fails(Unknown::Discarded),
        }
    }
}
