//! Who waits for the answer to a logged call.
//! Promises: told once. An answer of another kind than the call, or one that cannot be read, is told as that nothing is
//! known. Whoever no longer listens costs nothing.

use futures::FutureExt;
use futures::future::BoxFuture;
use tenure_log::{Appended, CallError, Reply, Unknown};
use tenure_log_protocol::{CreateRefused, FenceRefused, Granted, NotHeld, Released, TrimRefused, Trimmed, Unsettled};
use tenure_wire::log_v1 as wire;
use tokio::sync::oneshot;

use crate::convert::{self, BadMessage};

/// Where the answer of a call with refusals goes.
pub(super) type Teller<T, R> = oneshot::Sender<Result<T, CallError<R>>>;

/// Waits for the answer to a call of its kind.
pub(super) enum Waiter {
    Append(Teller<Appended, Unsettled>),
    Fence(Teller<Granted, FenceRefused>),
    Release(Teller<Released, NotHeld>),
    Trim(Teller<Trimmed, TrimRefused>),
    Create(Teller<(), CreateRefused>),
    Delete(oneshot::Sender<Result<(), Unknown>>),
}

/// An answer that settles nothing and shows that the other side speaks another language.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadAnswer {
    /// A part of it is missing or impossible.
    #[error("the answer cannot be read")]
    Unreadable(#[from] BadMessage),
    /// It answers another kind of call.
    #[error("the answer is one to another kind of call")]
    OtherKind,
}

impl Waiter {
    /// Whether the call may be sent again without its caller.
    pub(super) fn may_repeat(&self) -> bool {
        match self {
            Self::Append(_) => false,
            Self::Fence(_) | Self::Release(_) | Self::Trim(_) | Self::Create(_) | Self::Delete(_) => true,
        }
    }

    /// Tells that nothing is known.
    pub(super) fn unknown(self, unknown: Unknown) {
        match self {
            Self::Append(to) => tell(to, Err(CallError::Unknown(unknown))),
            Self::Fence(to) => tell(to, Err(CallError::Unknown(unknown))),
            Self::Release(to) => tell(to, Err(CallError::Unknown(unknown))),
            Self::Trim(to) => tell(to, Err(CallError::Unknown(unknown))),
            Self::Create(to) => tell(to, Err(CallError::Unknown(unknown))),
            Self::Delete(to) => tell(to, Err(unknown)),
        }
    }

    /// Tells what the log says.
    pub(super) fn answer(self, answer: &wire::answered::Answer) -> Result<(), BadAnswer> {
        use wire::answered::Answer;
        match (self, answer) {
            (waiter, Answer::Unknown(unknown)) => {
                waiter.unknown(convert::unknown_from_wire(unknown));
                Ok(())
            }
            (Self::Append(to), Answer::Append(answer)) => tell_judged(to, convert::append_answer_from_wire(answer)),
            (Self::Fence(to), Answer::Fence(answer)) => tell_judged(to, convert::fence_answer_from_wire(answer)),
            (Self::Release(to), Answer::Release(answer)) => tell_judged(to, convert::release_answer_from_wire(answer)),
            (Self::Trim(to), Answer::Trim(answer)) => tell_judged(to, convert::trim_answer_from_wire(answer)),
            (Self::Create(to), Answer::Create(answer)) => tell_judged(to, convert::create_answer_from_wire(answer)),
            (Self::Delete(to), Answer::Delete(wire::DeleteAnswer {})) => {
                tell(to, Ok(()));
                Ok(())
            }
            (
                waiter,
                Answer::Append(_)
                | Answer::Fence(_)
                | Answer::Release(_)
                | Answer::Trim(_)
                | Answer::Create(_)
                | Answer::Delete(_),
            ) => {
                waiter.unknown(Unknown::Disconnected);
                Err(BadAnswer::OtherKind)
            }
        }
    }
}

/// What the caller of a method polls. The call goes its way whether or not it does.
pub(super) fn reply<T, R>(heard: oneshot::Receiver<Result<T, CallError<R>>>) -> Reply<T, R>
where
    T: Send + 'static,
    R: Send + 'static,
{
    // Told by nobody: the runtime was shut down.
    heard
        .map(|told| told.unwrap_or(Err(CallError::Unknown(Unknown::Disconnected))))
        .boxed()
}

/// As [`reply`], for what is never refused.
pub(super) fn reply_unrefused<T: Send + 'static>(
    heard: oneshot::Receiver<Result<T, Unknown>>,
) -> BoxFuture<'static, Result<T, Unknown>> {
    heard.map(|told| told.unwrap_or(Err(Unknown::Disconnected))).boxed()
}

fn tell<T>(to: oneshot::Sender<T>, what: T) {
    // Whoever dropped the future does not want to hear it.
    let _ = to.send(what);
}

fn tell_judged<T, R>(to: Teller<T, R>, judged: Result<Result<T, R>, BadMessage>) -> Result<(), BadAnswer> {
    match judged {
        Ok(judged) => {
            tell(to, judged.map_err(CallError::Refused));
            Ok(())
        }
        Err(bad) => {
            tell(to, Err(CallError::Unknown(Unknown::Disconnected)));
            Err(bad.into())
        }
    }
}
