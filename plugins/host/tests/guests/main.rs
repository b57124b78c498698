//! Real modules, mostly written as text in the tests, against a host that is a double of the data plane.
//! Each test is named after a rule of `ops/docs/plugins.md`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests; clippy knows only their functions"
)]

mod calls;
mod double;
mod faults;
mod random;
mod samples;
mod start;
mod unfit;
mod wasi;
