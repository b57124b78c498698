//! The rules of the stream state machine, one test per rule, through the public API only.
//! Promises: each is named after the rule it holds and would fail if the rule were broken. `random.rs` holds all of
//! them at once against a naive reference.

// `cfg(test)` tells clippy that the helpers in these modules are tests too and may unwrap.
#[cfg(test)]
mod append;
#[cfg(test)]
mod clearance;
#[cfg(test)]
mod fence;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod random;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod release;
#[cfg(test)]
mod snapshot;
#[cfg(test)]
mod trim;
#[cfg(test)]
mod writer;
