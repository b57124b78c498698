//! Formatting is what rustfmt makes of it. `cargo xtask fix` puts it right.

use anyhow::Result;

use super::Outcome;
use crate::command::{self, cargo};
use crate::repo::Repo;

pub(super) fn run(repo: &Repo) -> Result<Outcome> {
    command::run(cargo(repo, "fmt --all --check"))?;
    Ok(Outcome::Passed)
}
