//! The API docs build without a warning: every link in a doc comment resolves.

use anyhow::Result;

use super::Outcome;
use crate::command::{self, cargo};
use crate::repo::Repo;

pub(super) fn run(repo: &Repo) -> Result<Outcome> {
    let mut doc = cargo(repo, "doc --locked --workspace --no-deps");
    doc.env("RUSTDOCFLAGS", "-D warnings");
    command::run(doc)?;
    Ok(Outcome::Passed)
}
