//! Every test passes, and one run names every test that does not. With cargo-nextest where it is installed (one process
//! per test, `.config/nextest.toml`), else with `cargo test`, which runs the same tests.
//! Writes nothing: `.cargo/config.toml` keeps proptest from adding failing cases to the tree.

use anyhow::Result;

use super::Outcome;
use crate::command::{self, cargo, is_on_path};
use crate::repo::Repo;

pub(super) fn run(repo: &Repo) -> Result<Outcome> {
    if is_on_path("cargo-nextest") {
        // nextest leaves the examples in doc comments to cargo.
        command::run(cargo(repo, "test --locked --workspace --doc"))?;
        command::run(cargo(repo, "nextest run --locked --workspace"))?;
    } else {
        command::run(cargo(repo, "test --locked --workspace --no-fail-fast"))?;
    }
    Ok(Outcome::Passed)
}
