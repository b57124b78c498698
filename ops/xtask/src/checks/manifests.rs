//! Every `Cargo.toml` of the repository is the root or a member of its workspace. One that is neither, such as a package
//! with a `[workspace]` of its own, would escape every other check.

use std::collections::BTreeSet;

use anyhow::Result;

use super::Outcome;
use crate::finding::Finding;
use crate::repo::Repo;
use crate::workspace::{self, Member};

pub(super) fn run(repo: &Repo) -> Result<Outcome> {
    Ok(strangers(&repo.files()?, &workspace::members(repo)?).into())
}

fn strangers(files: &BTreeSet<String>, members: &[Member]) -> Vec<Finding> {
    let is_manifest = |path: &&String| path.rsplit('/').next() == Some("Cargo.toml");
    let is_known = |path: &str| path == "Cargo.toml" || members.iter().any(|member| member.manifest() == path);
    let strangers = files.iter().filter(is_manifest).filter(|path| !is_known(path));
    strangers
        .map(|path| Finding {
            at: path.clone(),
            problem: "the package is not a member of the workspace, so nothing checks it".to_owned(),
            hint: "take out its own `[workspace]` if it has one, and add it to `members` in the root Cargo.toml"
                .to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::Folder;

    fn found(files: &[&str]) -> Vec<String> {
        let types = Member {
            package: "tenure-types".to_owned(),
            folder: Folder::new("api/types"),
            dependencies: vec![],
            targets: vec![],
        };
        let files = files.iter().map(|path| (*path).to_owned()).collect();
        let findings = strangers(&files, &[types]);
        findings.into_iter().map(|finding| finding.at).collect()
    }

    #[test]
    fn a_manifest_outside_the_workspace_is_refused_wherever_it_lies() {
        let files = ["api/hidden/Cargo.toml", "api/types/tests/data/Cargo.toml"];

        assert_eq!(found(&files), files);
    }

    #[test]
    fn the_root_and_its_members_pass() {
        let files = ["Cargo.toml", "api/types/Cargo.toml", "api/types/src/Cargo.toml.rs"];

        assert_eq!(found(&files), [""; 0]);
    }
}
