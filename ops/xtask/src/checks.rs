//! The checks of `cargo xtask verify`, one file each, in the order in which they run: the quick ones first.
//! A new check is a file here and an entry in `ALL`.

mod clippy;
mod deny;
mod docs;
mod doors;
mod edges;
mod fmt;
mod generated;
mod links;
mod lints;
mod manifests;
mod promises;
mod pure_dependencies;
mod pure_source;
mod sources;
mod tests;

use anyhow::Result;

use crate::finding::Finding;
use crate::repo::Repo;

/// One check.
pub(crate) struct Check {
    /// What `--only` takes.
    pub(crate) name: &'static str,
    /// What holds when it passes.
    pub(crate) promise: &'static str,
    pub(crate) run: fn(&Repo) -> Result<Outcome>,
}

/// How a check came out. One that could not come to an answer is an error instead.
pub(crate) enum Outcome {
    Passed,
    /// At least one thing to put right.
    Found(Vec<Finding>),
    /// A tool is missing that this check can be without. Said aloud, and counted apart.
    NotRun {
        why: String,
    },
}

impl From<Vec<Finding>> for Outcome {
    fn from(findings: Vec<Finding>) -> Outcome {
        if findings.is_empty() {
            Outcome::Passed
        } else {
            Outcome::Found(findings)
        }
    }
}

/// Every check there is. The tests come last, so that their summary stands at the end of the output.
pub(crate) const ALL: &[Check] = &[
    Check {
        name: "fmt",
        promise: "the code is formatted",
        run: fmt::run,
    },
    Check {
        name: "manifests",
        promise: "every Cargo.toml belongs to the workspace",
        run: manifests::run,
    },
    Check {
        name: "sources",
        promise: "everything from outside comes from crates.io",
        run: sources::run,
    },
    Check {
        name: "edges",
        promise: "packages stand on the map and depend as it allows",
        run: edges::run,
    },
    Check {
        name: "doors",
        promise: "each heavy library is behind its one door",
        run: doors::run,
    },
    Check {
        name: "pure-dependencies",
        promise: "pure packages use what they may and see no runtime",
        run: pure_dependencies::run,
    },
    Check {
        name: "pure-source",
        promise: "pure packages name no clock, socket, file or thread",
        run: pure_source::run,
    },
    Check {
        name: "lints",
        promise: "every package takes the lints of the workspace",
        run: lints::run,
    },
    Check {
        name: "promises",
        promise: "every Rust file opens with its promise",
        run: promises::run,
    },
    Check {
        name: "links",
        promise: "links between Markdown pages lead somewhere",
        run: links::run,
    },
    Check {
        name: "generated",
        promise: "generated code is what its .proto files give",
        run: generated::run,
    },
    Check {
        name: "deny",
        promise: "licences, sources and bans are as deny.toml says",
        run: deny::run,
    },
    Check {
        name: "clippy",
        promise: "no warning in any target",
        run: clippy::run,
    },
    Check {
        name: "docs",
        promise: "the API docs build and their links resolve",
        run: docs::run,
    },
    Check {
        name: "tests",
        promise: "every test passes",
        run: tests::run,
    },
];
