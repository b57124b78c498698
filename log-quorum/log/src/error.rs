//! What can go wrong with a call, in two kinds that a caller must never mix up: refused, and unknown.

use std::time::Duration;

use tenure_log_protocol::{NotHeld, Unsettled};
use tenure_types::NodeId;

/// A call that did not do what was asked. `R` says why the log refuses that kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError<R> {
    /// The log judged the call and refused it. This sending of it changed nothing.
    #[error(transparent)]
    Refused(R),
    /// It is not known whether the call took effect, or will.
    #[error("the outcome is not known")]
    Unknown(#[from] Unknown),
}

impl CallError<Unsettled> {
    /// Whether the sender's next attempt, from its first record without verdict, may fare better.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Refused(unsettled) => unsettled.is_retryable(),
            Self::Unknown(unknown) => unknown.is_retryable(),
        }
    }
}

impl CallError<NotHeld> {
    /// Whether the same call may be answered differently later.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Refused(not_held) => not_held.is_retryable(),
            Self::Unknown(unknown) => unknown.is_retryable(),
        }
    }
}

/// Why the outcome of a call is not known. The call may have taken effect, may take effect later, or never.
///
/// Never a verdict: an owner keeps its records and the replies it holds, and sends again from its first record
/// without a verdict. Every call may be repeated as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// The group has more to do than it can take.
    #[error("the log group is busy")]
    Busy,
    /// The group has no leader, or the one that was asked is none.
    #[error("the log group has no leader that could be reached{}", hinted(*.hint))]
    NoLeader {
        /// Who the leader may be.
        hint: Option<NodeId>,
    },
    /// No answer came in time.
    #[error("no answer within {after:?}")]
    TimedOut {
        /// How long the call waited.
        after: Duration,
    },
    /// The connection broke before the answer came.
    #[error("the connection broke before the answer came")]
    Disconnected,
    /// The leader gave the call up, as when it lost its leadership with the call under way.
    #[error("the leader gave the call up")]
    Discarded,
}

impl Unknown {
    /// Whether to send the call again.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Busy | Self::NoLeader { .. } | Self::TimedOut { .. } | Self::Disconnected | Self::Discarded => true,
        }
    }
}

fn hinted(leader: Option<NodeId>) -> String {
    leader.map_or_else(String::new, |leader| format!("; it may be {leader}"))
}
