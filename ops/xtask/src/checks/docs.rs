//! The API docs build without a warning: every link in a doc comment resolves, for private items and behind features too.
//! Two runs: only with private items are their links looked at, and only without them is a public link to a private item
//! a dead end that rustdoc sees.

use anyhow::Result;

use super::Outcome;
use crate::command::{self, cargo};
use crate::repo::Repo;

pub(super) fn run(repo: &Repo) -> Result<Outcome> {
    for items in ["--document-private-items", ""] {
        let mut doc = cargo(
            repo,
            &format!("doc --locked --workspace --no-deps --all-features {items}"),
        );
        doc.env("RUSTDOCFLAGS", "-D warnings");
        command::run(doc)?;
    }
    Ok(Outcome::Passed)
}
