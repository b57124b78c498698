//! The workspace is what `ARCHITECTURE.md` says: every member has its folder on the map, every folder marked `built` is
//! there, and one package of ours depends on another only where "Allowed edges" says so.
//! Dev-dependencies too: they may use what the package's code may, what it already has below it, and `tests:` rows.

use std::collections::BTreeSet;

use anyhow::Result;

use super::Outcome;
use crate::architecture::{Architecture, EDGES, FILE, Folder, MAP, State};
use crate::finding::Finding;
use crate::repo::Repo;
use crate::workspace::{self, Kind, Member};

pub(super) fn run(repo: &Repo) -> Result<Outcome> {
    let architecture = Architecture::load(repo)?;
    let members = workspace::members(repo)?;
    let files = repo.files()?;
    let mut findings = off_the_map(&architecture, &members);
    findings.extend(missing(&architecture, &files));
    findings.extend(forbidden_edges(&architecture, &members));
    Ok(findings.into())
}

/// Members in a folder that the map does not have, or does not have yet.
fn off_the_map(architecture: &Architecture, members: &[Member]) -> Vec<Finding> {
    let finding = |member: &Member| match architecture.map.get(&member.folder) {
        Some(State::Built) => None,
        Some(State::Planned) => Some(Finding {
            at: member.manifest(),
            problem: format!(
                "{} is in the workspace, but {FILE} has {} as `planned`",
                member.package, member.folder
            ),
            hint: format!("mark {} as `built` under \"{MAP}\"", member.folder),
        }),
        None => Some(Finding {
            at: member.manifest(),
            problem: format!(
                "{} lives in {}, which is not on the map of {FILE}",
                member.package, member.folder
            ),
            hint: format!("move it to a folder of the map, or add a row under \"{MAP}\" and say why in the commit"),
        }),
    };
    members.iter().filter_map(finding).collect()
}

/// Folders that the map calls built and that hold no file.
fn missing(architecture: &Architecture, files: &BTreeSet<String>) -> Vec<Finding> {
    let has_files = |folder: &Folder| files.iter().any(|file| file.starts_with(&format!("{folder}/")));
    let built = architecture.map.iter().filter(|(_, state)| **state == State::Built);
    let gone = built.filter(|(folder, _)| !has_files(folder));
    gone.map(|(folder, _)| Finding {
        at: FILE.to_owned(),
        problem: format!("the map has {folder} as `built`, but there is no file in it"),
        hint: format!("mark it as `planned` under \"{MAP}\" until it has real content"),
    })
    .collect()
}

/// Dependencies between our packages that no row allows.
fn forbidden_edges(architecture: &Architecture, members: &[Member]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in members {
        for dependency in &member.dependencies {
            let Some(to) = &dependency.ours else { continue };
            let from = &member.folder;
            let allowed = match dependency.kind {
                Kind::Normal | Kind::Build => architecture.edges.allow(from, to),
                Kind::Dev => {
                    architecture.edges.allow(from, to)
                        || architecture.edges.allow_in_tests(from, to)
                        || below(from, members).contains(to)
                }
            };
            if allowed {
                continue;
            }
            let hint = if architecture.edges.is_closed(from, to) {
                format!("{to} is closed to everyone outside ({FILE}, \"{EDGES}\"): move what you need out of it")
            } else {
                format!(
                    "reach it through a trait that {from} may see, or, if the direction is right, \
                     add `{from} → {to}` under \"{EDGES}\" in {FILE} and say why in the commit"
                )
            };
            findings.push(Finding {
                at: member.manifest(),
                problem: format!(
                    "{} names {}: the edge {from} → {to} is not allowed",
                    dependency.kind.section(),
                    dependency.package
                ),
                hint,
            });
        }
    }
    findings
}

/// Our packages that `folder` already compiles with, itself included.
fn below<'a>(folder: &'a Folder, members: &'a [Member]) -> BTreeSet<&'a Folder> {
    let mut seen = BTreeSet::from([folder]);
    let mut open = vec![folder];
    while let Some(next) = open.pop() {
        let of_next = members
            .iter()
            .filter(|member| member.folder == *next)
            .flat_map(|member| &member.dependencies);
        let normal = of_next.filter(|dependency| dependency.kind == Kind::Normal);
        for to in normal.filter_map(|dependency| dependency.ours.as_ref()) {
            if seen.insert(to) {
                open.push(to);
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    const PAGE: &str = "\
## The map
```text
api/types            built    ids
log-quorum/protocol  built    the state machine
log-quorum/log       built    the trait
log-quorum/node      planned  consensus
ops/xtask            built    checks
```
## Allowed edges
```text
ops/* → everything
nothing → ops/*
log-quorum/log → log-quorum/protocol → api/types
log-quorum/node → log-quorum/log
tests: log-quorum/protocol → log-quorum/log
```
## Pure packages
```text
packages: api/*
```
## One door
```text
openraft → log-quorum/node
```
";

    fn architecture() -> Architecture {
        Architecture::parse(PAGE).unwrap()
    }

    fn member(folder: &str, dependencies: &[(Kind, &str)]) -> Member {
        let dependency = |(kind, to): &(Kind, &str)| Dependency {
            package: to.replace('/', "-"),
            kind: *kind,
            ours: Some(Folder::new(to)),
        };
        Member {
            package: folder.replace('/', "-"),
            folder: Folder::new(folder),
            dependencies: dependencies.iter().map(dependency).collect(),
            targets: vec![],
        }
    }

    fn problems(findings: &[Finding]) -> Vec<String> {
        findings
            .iter()
            .map(|finding| format!("{}: {}", finding.at, finding.problem))
            .collect()
    }

    #[test]
    fn an_allowed_edge_passes() {
        let members = [
            member(
                "log-quorum/log",
                &[(Kind::Normal, "log-quorum/protocol"), (Kind::Normal, "api/types")],
            ),
            member("ops/xtask", &[(Kind::Build, "log-quorum/log")]),
        ];

        assert_eq!(forbidden_edges(&architecture(), &members), []);
    }

    #[test]
    fn a_forbidden_edge_is_refused_in_code_and_in_build_scripts() {
        for kind in [Kind::Normal, Kind::Build] {
            let findings = forbidden_edges(
                &architecture(),
                &[member("log-quorum/protocol", &[(kind, "log-quorum/log")])],
            );

            let expected = format!(
                "log-quorum/protocol/Cargo.toml: {} names log-quorum-log: \
                 the edge log-quorum/protocol → log-quorum/log is not allowed",
                kind.section()
            );
            assert_eq!(problems(&findings), [expected]);
            assert!(findings[0].hint.contains("`log-quorum/protocol → log-quorum/log`"));
        }
    }

    #[test]
    fn nothing_may_depend_on_ops() {
        for kind in [Kind::Normal, Kind::Dev] {
            let findings = forbidden_edges(&architecture(), &[member("log-quorum/log", &[(kind, "ops/xtask")])]);

            assert_eq!(findings.len(), 1);
            assert!(findings[0].hint.contains("ops/xtask is closed"));
        }
    }

    #[test]
    fn tests_may_use_what_their_package_already_has_below_it() {
        let node = |dependencies: &[(Kind, &str)]| member("log-quorum/node", dependencies);
        let log = || member("log-quorum/log", &[(Kind::Normal, "log-quorum/protocol")]);
        let through_log = [
            node(&[(Kind::Normal, "log-quorum/log"), (Kind::Dev, "log-quorum/protocol")]),
            log(),
        ];
        let past_log = [node(&[(Kind::Dev, "log-quorum/protocol")]), log()];

        assert_eq!(forbidden_edges(&architecture(), &through_log), []);
        assert_eq!(forbidden_edges(&architecture(), &past_log).len(), 1);
    }

    #[test]
    fn a_tests_row_allows_a_dev_dependency_and_only_that() {
        let dev = [member("log-quorum/protocol", &[(Kind::Dev, "log-quorum/log")])];
        let normal = [member("log-quorum/protocol", &[(Kind::Normal, "log-quorum/log")])];

        assert_eq!(forbidden_edges(&architecture(), &dev), []);
        assert_eq!(forbidden_edges(&architecture(), &normal).len(), 1);
    }

    #[test]
    fn a_member_off_the_map_or_ahead_of_it_is_refused() {
        let members = [
            member("common/utils", &[]),
            member("log-quorum/node", &[]),
            member("api/types", &[]),
        ];

        let expected = [
            "common/utils/Cargo.toml: common-utils lives in common/utils, which is not on the map of ARCHITECTURE.md",
            "log-quorum/node/Cargo.toml: log-quorum-node is in the workspace, \
             but ARCHITECTURE.md has log-quorum/node as `planned`",
        ];
        assert_eq!(problems(&off_the_map(&architecture(), &members)), expected);
    }

    #[test]
    fn a_built_folder_without_files_is_refused() {
        let files = [
            "api/types/Cargo.toml",
            "log-quorum/log/Cargo.toml",
            "log-quorum/protocol/x",
            "ops/xtask-old/x",
        ];
        let files = files.into_iter().map(str::to_owned).collect();

        let expected = ["ARCHITECTURE.md: the map has ops/xtask as `built`, but there is no file in it"];
        assert_eq!(problems(&missing(&architecture(), &files)), expected);
    }
}
