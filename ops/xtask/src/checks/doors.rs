//! A heavy library has one door: only the packages that `ARCHITECTURE.md` names under "One door" declare it, in any section.
//! What stands behind the door shows its own types, never the library's, so the library can be exchanged in one place.
//! This is ours and not cargo-deny's `wrappers`: it names folders, and it can speak of a library that is not in the tree yet.

use anyhow::Result;

use super::Outcome;
use crate::architecture::{Architecture, DOORS, FILE};
use crate::finding::Finding;
use crate::repo::Repo;
use crate::workspace::{self, Member};

pub(super) fn run(repo: &Repo) -> Result<Outcome> {
    let architecture = Architecture::load(repo)?;
    Ok(past_the_door(&architecture, &workspace::members(repo)?).into())
}

fn past_the_door(architecture: &Architecture, members: &[Member]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for door in &architecture.doors {
        for member in members
            .iter()
            .filter(|member| !door.at.iter().any(|at| at.covers(&member.folder)))
        {
            for dependency in member
                .dependencies
                .iter()
                .filter(|dependency| dependency.package == door.library)
            {
                let at: Vec<_> = door.at.iter().map(ToString::to_string).collect();
                let at = at.join(", ");
                findings.push(Finding {
                    at: member.manifest(),
                    problem: format!(
                        "{} names {}, whose one door is {at}",
                        dependency.kind.section(),
                        door.library
                    ),
                    hint: format!("ask {at} for what you need, in our own types ({FILE}, \"{DOORS}\")"),
                });
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::Folder;
    use crate::workspace::{Dependency, Kind};

    const PAGE: &str = "\
## The map
```text
log-quorum/log   built    the trait
log-quorum/node  planned  consensus
```
## Allowed edges
```text
log-quorum/node → log-quorum/log
```
## Pure packages
```text
packages: log-quorum/log
```
## One door
```text
openraft → log-quorum/node
```
";

    fn member(folder: &str, kind: Kind, library: &str) -> Member {
        let dependency = Dependency {
            package: library.to_owned(),
            kind,
            ours: None,
        };
        Member {
            package: "tenure-it".to_owned(),
            folder: Folder::new(folder),
            dependencies: vec![dependency],
            targets: vec![],
        }
    }

    #[test]
    fn a_library_is_refused_past_its_door_in_every_section() {
        let architecture = Architecture::parse(PAGE).unwrap();
        for kind in [Kind::Normal, Kind::Build, Kind::Dev] {
            let findings = past_the_door(&architecture, &[member("log-quorum/log", kind, "openraft")]);

            assert_eq!(findings.len(), 1);
            assert_eq!(findings[0].at, "log-quorum/log/Cargo.toml");
            let expected = format!("{} names openraft, whose one door is log-quorum/node", kind.section());
            assert_eq!(findings[0].problem, expected);
        }
    }

    #[test]
    fn a_library_passes_at_its_door_and_others_pass_anywhere() {
        let architecture = Architecture::parse(PAGE).unwrap();
        let at_the_door = member("log-quorum/node", Kind::Normal, "openraft");
        let another = member("log-quorum/log", Kind::Normal, "bytes");

        assert_eq!(past_the_door(&architecture, &[at_the_door, another]), []);
    }
}
