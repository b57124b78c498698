//! What is not ours comes from crates.io: every package in `Cargo.lock` names it as its source, or is a member of the
//! workspace. So a git dependency, another registry and a path that leads out of the repository are refused.
//! Read from the file, so that it holds where cargo-deny is not installed.

use anyhow::Result;

use super::Outcome;
use crate::finding::Finding;
use crate::repo::Repo;
use crate::workspace;

const LOCK: &str = "Cargo.lock";
/// How `Cargo.lock` spells crates.io.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(super) fn run(repo: &Repo) -> Result<Outcome> {
    let members = workspace::members(repo)?;
    let ours: Vec<_> = members.iter().map(|member| member.package.as_str()).collect();
    Ok(from_elsewhere(&repo.read(LOCK)?, &ours).into())
}

/// The packages of the lock file that are neither from crates.io nor ours.
fn from_elsewhere(lock: &str, ours: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Each package is a paragraph `[[package]]` with one `key = "value"` per line; cargo writes no other form.
    let mut first_line = 1;
    for paragraph in lock.split("[[package]]") {
        let value = |key: &str| {
            let mut values = paragraph.lines().filter_map(|line| line.strip_prefix(key));
            values
                .find_map(|rest| rest.trim_start().strip_prefix('='))
                .map(unquoted)
        };
        if let Some(name) = value("name") {
            let from = match value("source") {
                Some(CRATES_IO) => None,
                Some(source) => Some(source.to_owned()),
                None if ours.contains(&name) => None,
                None => Some("a path outside the workspace".to_owned()),
            };
            findings.extend(from.map(|from| Finding {
                at: format!("{LOCK}:{first_line}"),
                problem: format!("{name} comes from {from}, not from crates.io"),
                hint: format!("use a release of {name} from crates.io, or do without it"),
            }));
        }
        first_line += paragraph.matches('\n').count();
    }
    findings
}

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(lock: &str) -> Vec<String> {
        let findings = from_elsewhere(lock, &["xtask"]);
        let shown = findings
            .into_iter()
            .map(|finding| format!("{}: {}", finding.at, finding.problem));
        shown.collect()
    }

    #[test]
    fn a_package_from_anywhere_else_is_refused() {
        for source in [
            "git+https://github.com/tokio-rs/bytes?rev=1#0123456789",
            "registry+https://crates.example.com/index",
            "sparse+https://crates.example.com/index/",
        ] {
            let lock =
                format!("version = 4\n\n[[package]]\nname = \"bytes\"\nversion = \"1.0.0\"\nsource = \"{source}\"\n");

            let expected = format!("Cargo.lock:3: bytes comes from {source}, not from crates.io");
            assert_eq!(problems(&lock), [expected]);
        }
    }

    #[test]
    fn a_path_out_of_the_repository_is_refused() {
        let lock = "version = 4\n\n[[package]]\nname = \"bytes\"\nversion = \"1.0.0\"\n";

        let expected = ["Cargo.lock:3: bytes comes from a path outside the workspace, not from crates.io"];
        assert_eq!(problems(lock), expected);
    }

    #[test]
    fn crates_io_and_our_own_packages_pass() {
        let lock = format!(
            "version = 4\n\n[[package]]\nname = \"bytes\"\nversion = \"1.0.0\"\nsource = \"{CRATES_IO}\"\n\
             checksum = \"00\"\n\n[[package]]\nname = \"xtask\"\nversion = \"0.1.0\"\ndependencies = [\n \"bytes\",\n]\n"
        );

        assert_eq!(problems(&lock), [""; 0]);
    }
}
