//! `cargo xtask fix`: what a tool can put right without thought. Whatever is left, `verify` names.

use anyhow::Result;

use crate::command::{self, cargo};
use crate::repo::Repo;

/// Clippy first, formatting last: what clippy rewrites is not yet formatted.
pub(crate) fn run(repo: &Repo) -> Result<()> {
    command::run(cargo(
        repo,
        "clippy --fix --locked --workspace --all-targets --allow-dirty --allow-staged",
    ))?;
    command::run(cargo(repo, "fmt --all"))
}
