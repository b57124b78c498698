//! The workspace as its `Cargo.toml` files declare it: packages, the folders they live in, and what they depend on.
//! Promises: every declared dependency is here, optional and platform-specific ones too, whatever features are on.
//! Leaves to the checks: what is allowed. Plain data, so that a test can write a workspace down as a table.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, MetadataCommand, camino::Utf8Path};

use crate::architecture::Folder;
use crate::repo::Repo;

/// One package of the workspace.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) package: String,
    pub(crate) folder: Folder,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
}

/// Something that cargo compiles for a package: a library, a program, a test, a build script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) role: Role,
    /// The file it begins with, from the repository's root; a file outside keeps its whole path.
    pub(crate) begins_at: String,
}

/// What a target is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A library or a program: what others get from the package.
    Product,
    /// Tests, benchmarks and examples.
    Trial,
    /// `build.rs`, or what `build = …` names.
    BuildScript,
}

/// One line of a dependency section.
#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) package: String,
    pub(crate) kind: Kind,
    /// Where the package lives when it is one of ours; `None` for one from a registry.
    pub(crate) ours: Option<Folder>,
}

/// The section that a dependency stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Build,
    Dev,
}

impl Kind {
    /// The section's name in `Cargo.toml`.
    pub(crate) fn section(self) -> &'static str {
        match self {
            Kind::Normal => "[dependencies]",
            Kind::Build => "[build-dependencies]",
            Kind::Dev => "[dev-dependencies]",
        }
    }
}

impl Member {
    /// The file that a finding about this package points at.
    pub(crate) fn manifest(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }
}

/// Asks cargo for the members. Nothing is resolved or downloaded: what is declared is enough.
pub(crate) fn members(repo: &Repo) -> Result<Vec<Member>> {
    let metadata = MetadataCommand::new()
        .current_dir(repo.root())
        .no_deps()
        .exec()
        .context("could not read the workspace with cargo metadata")?;
    let folders: BTreeMap<&Utf8Path, Folder> = metadata
        .packages
        .iter()
        .filter_map(|package| {
            let folder = package.manifest_path.parent()?;
            let relative = folder.strip_prefix(&metadata.workspace_root).unwrap_or(folder);
            Some((folder, Folder::new(relative.as_str())))
        })
        .collect();

    let member = |package: &cargo_metadata::Package| {
        let folder = package
            .manifest_path
            .parent()
            .and_then(|folder| folders.get(folder))
            .cloned();
        let dependencies = package.dependencies.iter().map(|dependency| Dependency {
            package: dependency.name.clone(),
            kind: match dependency.kind {
                DependencyKind::Development => Kind::Dev,
                DependencyKind::Build => Kind::Build,
                DependencyKind::Normal | DependencyKind::Unknown => Kind::Normal,
            },
            // A path outside the workspace is nobody's folder; it stays visible as the path itself.
            ours: dependency
                .path
                .as_deref()
                .map(|path| folders.get(path).cloned().unwrap_or_else(|| Folder::new(path.as_str()))),
        });
        let targets = package.targets.iter().map(|target| Target {
            role: role(target),
            begins_at: target
                .src_path
                .strip_prefix(&metadata.workspace_root)
                .unwrap_or(&target.src_path)
                .to_string(),
        });
        Some(Member {
            package: package.name.to_string(),
            folder: folder?,
            dependencies: dependencies.collect(),
            targets: targets.collect(),
        })
    };
    Ok(metadata.packages.iter().filter_map(member).collect())
}

fn role(target: &cargo_metadata::Target) -> Role {
    if target.is_custom_build() {
        Role::BuildScript
    } else if target.is_test() || target.is_bench() || target.is_example() {
        Role::Trial
    } else {
        Role::Product
    }
}
