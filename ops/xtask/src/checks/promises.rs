//! Every Rust file opens with its promise: its first line is `//!`, and something is said on it.

use anyhow::Result;

use super::Outcome;
use crate::finding::Finding;
use crate::repo::Repo;

pub(super) fn run(repo: &Repo) -> Result<Outcome> {
    let mut findings = Vec::new();
    for path in repo.files()?.into_iter().filter(|path| path.ends_with(".rs")) {
        findings.extend(silent(&path, &repo.read(&path)?));
    }
    Ok(findings.into())
}

fn silent(path: &str, text: &str) -> Option<Finding> {
    let promise = text.lines().next().and_then(|line| line.strip_prefix("//!"));
    if promise.is_some_and(|promise| !promise.trim().is_empty()) {
        return None;
    }
    Some(Finding {
        at: format!("{path}:1"),
        problem: "the file does not open with its promise".to_owned(),
        hint: "begin with `//!`: what it guarantees, what it leaves to others, what it never touches".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_opens_with_anything_else_is_refused() {
        for text in [
            "",
            "use std::fmt;\n",
            "\n//! Late.\n",
            "//!\n//! Late.\n",
            "// Not a doc comment.\n",
        ] {
            assert!(silent("a/src/lib.rs", text).is_some(), "{text:?}");
        }
    }

    #[test]
    fn a_file_that_opens_with_its_promise_passes() {
        assert_eq!(silent("a/src/lib.rs", "//! Ids. No IO.\nuse std::fmt;\n"), None);
    }
}
