//! Every package takes its lints from the root `Cargo.toml`. Without the two lines that say so, a package would compile
//! under none of them, `unsafe_code = "forbid"` included, and nobody would notice.

use anyhow::Result;

use super::Outcome;
use crate::finding::Finding;
use crate::repo::Repo;
use crate::workspace;

pub(super) fn run(repo: &Repo) -> Result<Outcome> {
    let mut findings = Vec::new();
    for member in workspace::members(repo)? {
        let manifest = member.manifest();
        if !takes_the_workspace_lints(&repo.read(&manifest)?) {
            findings.push(Finding {
                at: manifest,
                problem: format!("{} does not take the lints of the workspace", member.package),
                hint: "add a section `[lints]` with `workspace = true`".to_owned(),
            });
        }
    }
    Ok(findings.into())
}

fn takes_the_workspace_lints(manifest: &str) -> bool {
    let mut lines = manifest
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.any(|line| line == "[lints]") && lines.next() == Some("workspace = true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_without_the_section_is_refused() {
        for manifest in [
            "",
            "[package]\nworkspace = true\n",
            "[lints]\n[dependencies]\n",
            "[lints]\n",
            "# [lints]\nworkspace = true",
        ] {
            assert!(!takes_the_workspace_lints(manifest), "{manifest:?}");
        }
    }

    #[test]
    fn a_manifest_with_the_section_passes() {
        assert!(takes_the_workspace_lints(
            "[package]\nname = \"a\"\n\n[lints]\n# all of them\nworkspace = true\n"
        ));
    }
}
