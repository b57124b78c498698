//! A pure package uses only the crates from outside that it may (`may use`), and below it there is no runtime, no socket
//! library and no source of randomness, however far down (`never see`). The first list is what keeps unknown crates out;
//! the second keeps a known one from bringing them along.
//! Normal dependencies only: what tests, build scripts and procedural macros use never runs inside the package.
//! `cargo tree` for one package, not `cargo metadata` for all: metadata joins the features of the whole workspace, and so
//! would blame a package for what its neighbour switched on.

use anyhow::Result;

use super::Outcome;
use crate::architecture::{Architecture, FILE, PURE};
use crate::command::{self, cargo};
use crate::finding::Finding;
use crate::repo::Repo;
use crate::workspace::{self, Kind, Member};

pub(super) fn run(repo: &Repo) -> Result<Outcome> {
    let architecture = Architecture::load(repo)?;
    let mut findings = Vec::new();
    let is_pure = |member: &Member| architecture.purity.covers(&member.folder);
    for member in workspace::members(repo)?.into_iter().filter(is_pure) {
        findings.extend(beyond(&member, &architecture.purity.may_use));
        findings.extend(seen(&member, &tree(repo, &member)?, &architecture.purity.never_see));
    }
    Ok(findings.into())
}

/// The crates from outside that the package declares and may not use. Tests may use any.
fn beyond(member: &Member, may_use: &[String]) -> Vec<Finding> {
    let from_outside = member
        .dependencies
        .iter()
        .filter(|dependency| dependency.ours.is_none() && dependency.kind != Kind::Dev);
    from_outside
        .filter(|dependency| !may_use.contains(&dependency.package))
        .map(|dependency| Finding {
            at: member.manifest(),
            problem: format!(
                "{} names {}, which is not among what a pure package may use",
                dependency.kind.section(),
                dependency.package
            ),
            hint: format!(
                "do without it, or, if it reaches no clock, socket, file or randomness, add it to `may use` \
                 under \"{PURE}\" in {FILE} and say why in the commit"
            ),
        })
        .collect()
}

/// The package's dependencies on every platform and with every feature; each line begins with its depth.
fn tree(repo: &Repo, member: &Member) -> Result<String> {
    let mut tree = cargo(
        repo,
        "tree --locked --all-features --target=all --edges=normal,no-proc-macro --prefix=depth",
    );
    tree.args(["--package", &member.package]);
    command::output(tree)
}

/// The forbidden crates in a tree, each with the way to it.
fn seen(member: &Member, tree: &str, never_see: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut way: Vec<&str> = Vec::new();
    for line in tree.lines() {
        let name_starts = line.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(line.len());
        let (depth, rest) = line.split_at(name_starts);
        let (Ok(depth), Some(name)) = (depth.parse::<usize>(), rest.split_whitespace().next()) else {
            continue;
        };
        way.truncate(depth);
        let below_a_found_one = way.iter().any(|name| is_forbidden(name, never_see));
        way.push(name);
        if is_forbidden(name, never_see) && !below_a_found_one {
            findings.push(Finding {
                at: member.manifest(),
                problem: format!(
                    "{} is pure and must never see {name}, but does: {}",
                    member.package,
                    way.join(" → ")
                ),
                hint: format!(
                    "switch off the feature that brings it, or take what it does as an argument ({FILE}, \"{PURE}\")"
                ),
            });
        }
    }
    findings
}

fn is_forbidden(name: &str, never_see: &[String]) -> bool {
    never_see.iter().any(|never| never == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::Folder;
    use crate::workspace::Dependency;

    fn protocol() -> Member {
        Member {
            package: "tenure-log-protocol".to_owned(),
            folder: Folder::new("log-quorum/protocol"),
            dependencies: vec![],
            targets: vec![],
        }
    }

    fn never_see() -> Vec<String> {
        vec!["tokio".to_owned(), "mio".to_owned()]
    }

    fn protocol_with(kind: Kind, package: &str, ours: Option<Folder>) -> Member {
        let package = package.to_owned();
        let dependencies = vec![Dependency { package, kind, ours }];
        Member {
            dependencies,
            ..protocol()
        }
    }

    #[test]
    fn a_crate_that_nobody_allowed_is_refused() {
        for kind in [Kind::Normal, Kind::Build] {
            let findings = beyond(&protocol_with(kind, "quanta", None), &["bytes".to_owned()]);

            assert_eq!(findings.len(), 1);
            assert_eq!(findings[0].at, "log-quorum/protocol/Cargo.toml");
            let expected = format!(
                "{} names quanta, which is not among what a pure package may use",
                kind.section()
            );
            assert_eq!(findings[0].problem, expected);
        }
    }

    #[test]
    fn allowed_crates_and_ours_pass_and_tests_use_what_they_like() {
        let types = Some(Folder::new("api/types"));
        for member in [
            protocol_with(Kind::Normal, "bytes", None),
            protocol_with(Kind::Normal, "tenure-types", types),
            protocol_with(Kind::Dev, "proptest", None),
        ] {
            assert_eq!(beyond(&member, &["bytes".to_owned()]), []);
        }
    }

    #[test]
    fn a_pure_package_that_sees_tokio_is_refused_with_the_way_to_it() {
        let tree = "\
0tenure-log-protocol v0.1.0 (/work/log-quorum/protocol)
1bytes v1.12.2
1framing v0.3.0
2tokio v1.50.0
3mio v1.0.0
1thiserror v2.0.21
";

        let findings = seen(&protocol(), tree, &never_see());

        assert_eq!(findings.len(), 1, "mio is tokio's business: {findings:?}");
        assert_eq!(findings[0].at, "log-quorum/protocol/Cargo.toml");
        assert!(
            findings[0]
                .problem
                .ends_with("but does: tenure-log-protocol → framing → tokio")
        );
    }

    #[test]
    fn a_direct_dependency_after_a_deep_one_is_found() {
        let tree = "0tenure-log-protocol v0.1.0\n1futures v0.3.0\n2futures-core v0.3.0\n1mio v1.0.0 (*)\n";

        let findings = seen(&protocol(), tree, &never_see());

        assert!(findings[0].problem.ends_with("but does: tenure-log-protocol → mio"));
    }

    #[test]
    fn a_name_that_only_begins_like_a_forbidden_one_passes() {
        let tree = "0tenure-log-protocol v0.1.0\n1mio-free v0.3.0\n";

        assert_eq!(seen(&protocol(), tree, &never_see()), []);
    }
}
