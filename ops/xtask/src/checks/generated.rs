//! The generated code in the tree is what `cargo xtask gen` would write there now: nobody edited it, and nobody changed a
//! `.proto` file, or the version of a generator, without it. Compares in memory; writes nothing.

use anyhow::Result;

use super::Outcome;
use crate::finding::Finding;
use crate::generate::{self, Generated};
use crate::repo::Repo;

pub(super) fn run(repo: &Repo) -> Result<Outcome> {
    let mut findings = Vec::new();
    for file in generate::all(repo)? {
        // A file that cannot be read is not what it should be either.
        findings.extend(stale(&file, repo.read(file.path).ok().as_deref()));
    }
    Ok(findings.into())
}

fn stale(file: &Generated, in_tree: Option<&str>) -> Option<Finding> {
    let hint =
        "cargo xtask gen, and commit what it writes; what is generated is changed in the .proto files".to_owned();
    let path = file.path;
    match in_tree {
        Some(text) if text == file.text => None,
        Some(text) => Some(Finding {
            at: format!("{path}:{}", first_difference(text, &file.text)),
            problem: "the file is not what cargo xtask gen would write".to_owned(),
            hint,
        }),
        None => Some(Finding {
            at: path.to_owned(),
            problem: "cargo xtask gen would write this file, but it is not in the tree".to_owned(),
            hint,
        }),
    }
}

/// The first line, from 1, in which two texts differ.
fn first_difference(one: &str, other: &str) -> usize {
    // With their line ends, so that a last line without one differs.
    let pairs = one.split_inclusive('\n').zip(other.split_inclusive('\n'));
    1 + pairs.take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(in_tree: Option<&str>) -> Option<String> {
        let file = Generated {
            path: "api/wire/src/log_v1.rs",
            text: "a\nb\n".to_owned(),
        };
        stale(&file, in_tree).map(|finding| format!("{}: {}", finding.at, finding.problem))
    }

    #[test]
    fn a_file_that_differs_is_named_with_its_first_line_that_does() {
        for (in_tree, line) in [
            ("", 1),
            ("x\nb\n", 1),
            ("a\nx\n", 2),
            ("a\nb", 2),
            ("a\nb\nc\n", 3),
            ("a\n", 2),
        ] {
            let expected = format!("api/wire/src/log_v1.rs:{line}: the file is not what cargo xtask gen would write");
            assert_eq!(finding(Some(in_tree)), Some(expected), "{in_tree:?}");
        }
    }

    #[test]
    fn a_file_that_is_missing_is_named() {
        let expected = "api/wire/src/log_v1.rs: cargo xtask gen would write this file, but it is not in the tree";
        assert_eq!(finding(None).as_deref(), Some(expected));
    }

    #[test]
    fn a_file_as_it_would_be_written_passes() {
        assert_eq!(finding(Some("a\nb\n")), None);
    }
}
