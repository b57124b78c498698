//! Single fields: what each number may be, and how a message that breaks it is refused.
//! Promises: a field that must say something is never taken for its default.

use tenure_types::{Incarnation, LeaseLength, Lsn, NodeId, Owner};
use tenure_wire::log_v1 as wire;

/// A message that no sender of ours writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadMessage {
    /// It does not say what it must, or says it in a way that only a newer version knows.
    #[error("the message has no {field}")]
    Missing {
        /// Where it is missing.
        field: &'static str,
    },
    /// A number that begins at 1 is 0.
    #[error("the message has a {field} of 0")]
    Zero {
        /// Where it is.
        field: &'static str,
    },
    /// A number is past what it counts.
    #[error("the message has a {field} of {value}, which is too large")]
    TooLarge {
        /// Where it is.
        field: &'static str,
        /// What it is.
        value: u64,
    },
    /// It answers something else than what was asked.
    #[error("the message has a {field} of {value}, where {expected} was asked for")]
    Other {
        /// Where it is.
        field: &'static str,
        /// What it is.
        value: u64,
        /// What it should be.
        expected: u64,
    },
}

/// What a message must have.
pub(super) fn required<T>(field: &'static str, value: Option<T>) -> Result<T, BadMessage> {
    value.ok_or(BadMessage::Missing { field })
}

/// A position that must be one.
pub(super) fn lsn(field: &'static str, number: u64) -> Result<Lsn, BadMessage> {
    Lsn::new(number).ok_or(BadMessage::Zero { field })
}

pub(super) fn incarnation(field: &'static str, value: u64) -> Result<Incarnation, BadMessage> {
    Incarnation::new(value).ok_or(BadMessage::Zero { field })
}

pub(super) fn lease(field: &'static str, millis: u32) -> Result<LeaseLength, BadMessage> {
    LeaseLength::from_millis(millis).ok_or(BadMessage::Zero { field })
}

/// An owner, whose incarnation is called `field`.
pub(super) fn owner(field: &'static str, owner: &wire::Owner) -> Result<Owner, BadMessage> {
    Ok(Owner {
        node: NodeId::new(owner.node),
        incarnation: incarnation(field, owner.incarnation)?,
    })
}

pub(super) fn owner_to_wire(owner: Owner) -> wire::Owner {
    wire::Owner {
        node: owner.node.get(),
        incarnation: owner.incarnation.get(),
    }
}

/// A number that this machine counts in its own size.
pub(super) fn count(field: &'static str, value: u64) -> Result<usize, BadMessage> {
    usize::try_from(value).map_err(|_| BadMessage::TooLarge { field, value })
}
