//! Licences, sources and banned crates are as `deny.toml` says. Advisories are left out: they need a network beyond crates.io,
//! and they change without a change of ours.
//! Run when cargo-deny is on the PATH. It takes minutes to build, so nobody is made to install it; when it is missing, we say so.

use anyhow::Result;

use super::Outcome;
use crate::command::{self, cargo, is_on_path};
use crate::repo::Repo;

pub(super) fn run(repo: &Repo) -> Result<Outcome> {
    if !is_on_path("cargo-deny") {
        return Ok(Outcome::NotRun {
            why: "cargo-deny is not on the PATH (cargo install cargo-deny --locked)".into(),
        });
    }
    command::run(cargo(repo, "deny --locked --all-features check bans licenses sources"))?;
    Ok(Outcome::Passed)
}
