//! Every test passes, and one run names every test that does not. With cargo-nextest where it is installed (one process
//! per test, `.config/nextest.toml`), else with `cargo test`, which runs the same tests.
//! Writes nothing: a failing case of proptest is printed, not added to a file in the tree.

use anyhow::Result;

use super::Outcome;
use crate::command::{self, cargo, is_on_path};
use crate::repo::Repo;

pub(super) fn run(repo: &Repo) -> Result<Outcome> {
    if is_on_path("cargo-nextest") {
        // nextest leaves the examples in doc comments to cargo.
        tests(repo, "test --locked --workspace --doc")?;
        tests(repo, "nextest run --locked --workspace")?;
    } else {
        tests(repo, "test --locked --workspace --no-fail-fast")?;
    }
    Ok(Outcome::Passed)
}

fn tests(repo: &Repo, arguments: &str) -> Result<()> {
    let mut tests = cargo(repo, arguments);
    tests.env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1");
    command::run(tests)
}
