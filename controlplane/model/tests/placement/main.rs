//! Placement: tables of plans and their reasons, and what every plan keeps.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking; clippy sees only its functions as tests"
)]

mod invariants;
mod plans;
mod world;
