//! Clippy and rustc have nothing to say about any target. Which lints are on stands in the root `Cargo.toml`.

use anyhow::Result;

use super::Outcome;
use crate::command::{self, cargo};
use crate::repo::Repo;

pub(super) fn run(repo: &Repo) -> Result<Outcome> {
    command::run(cargo(repo, "clippy --locked --workspace --all-targets -- -D warnings"))?;
    Ok(Outcome::Passed)
}
