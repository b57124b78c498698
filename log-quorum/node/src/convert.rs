//! Between messages on the wire and the types of the protocol, both ways.
//! Promises: what one way writes the other reads as it was; a message that lacks something, or says what cannot be, is
//! refused by the name of the field, and nothing is guessed in its place; payloads are shared, never copied.
//! Leaves to the protocol: what a call means, and whether it is allowed.

mod answer;
mod call;
mod confirm;
mod field;
mod record;
#[cfg(test)]
mod samples;
mod status;
mod tail;
mod unknown;

pub(crate) use self::answer::{
    answer_to_wire, append_answer_from_wire, create_answer_from_wire, fence_answer_from_wire, release_answer_from_wire,
    trim_answer_from_wire,
};
pub(crate) use self::call::{append_from_wire, append_to_wire, call_from_wire, call_to_wire};
pub(crate) use self::confirm::{
    describe_outcome_from_wire, describe_outcome_to_wire, renew_from_wire, renew_outcome_from_wire,
    renew_outcome_to_wire, renew_to_wire,
};
pub(crate) use self::field::BadMessage;
pub(crate) use self::status::{group_status_to_wire, log_status_from_wire};
pub(crate) use self::tail::{tail_outcome_from_wire, tail_outcome_to_wire};
pub(crate) use self::unknown::{unknown_from_wire, unknown_to_wire};
