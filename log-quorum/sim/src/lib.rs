//! A seeded world for the real log node: turmoil's network, simulated disks and clocks, harm drawn from the seed, and an
//! oracle that judges what writers and readers were told.
//! Promises: one seed, one run. The rules that are judged are listed in [`oracle`]. Leaves out: TLS, threads, real disks;
//! the tests of `ops/tenure` have those.
#![allow(
    clippy::panic,
    clippy::expect_used,
    reason = "tests only: what must not happen ends the run"
)]

pub mod chaos;
mod clock;
pub mod disk;
mod host;
mod net;
pub mod oracle;
mod phase;
pub mod world;
mod writer;
