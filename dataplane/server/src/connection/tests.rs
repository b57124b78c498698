//! The rules of connections, each over a real socket.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ends;
mod garbage;
mod holds;
mod limits;
mod requests;
mod routing;
mod transactions;
