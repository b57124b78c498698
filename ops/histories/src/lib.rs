//! What clients did and were told, and whether one copy of the data could have told them that (linearizability).
//! Promises: an operation that may have been executed is never forgotten, and one that surely was not is never expected;
//! a history that could not be decided in time is an error, as a wrong one is. Leaves to the test: who the clients are,
//! and what breaks meanwhile. Never touches the network.
//!
//! ```text
//!   clients ── call, outcome ──▶ Recorder ──▶ History, key by key ──▶ Judge ──▶ Objections, each with a page to look at
//!                                                                       └── porcupine-rs, and a Model
//! ```
//!
//! The search takes exponential time in what overlaps and in what is unknown. So a [`Recorder`] hands out keys, and goes
//! on to the next one after some operations, and after one with an unknown outcome.

mod history;
mod judge;
mod list;
mod model;
mod pair;
mod recorder;
mod register;

pub use history::{History, Instant, Key, Operation, Outcome};
pub use judge::{Checked, Judge, Objection, Objections};
pub use list::{List, ListAnswer, ListInput, NotOnce};
pub use model::Model;
pub use pair::{Pair, PairAnswer, PairInput};
pub use recorder::{Call, Recorder};
pub use register::{Register, RegisterAnswer, RegisterInput};
