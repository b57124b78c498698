//! RESP2 and RESP3 over bytes: requests parsed where they lie, replies written as they come, replies read by clients.
//! Promises: no bytes from outside make it panic or take memory beyond its limits; how a request is cut into pieces on
//! its way changes nothing. Leaves to others: sockets, and what requests mean.
//! Requests of clients have a parser of our own, because that is where the time goes (DESIGN 16); replies are read by the
//! redis-protocol crate, and this package is its one door.

mod double;
mod inline;
mod reply;
mod request;
mod writer;

pub use reply::{DecodeError, Value, decode, encode_request};
pub use request::{Parsed, RequestError, RequestLimits, RequestParser};
pub use writer::{ReplyWriter, Version};
