//! The repository on disk: where its root is and which files belong to it.
//! Promises: a file belongs when git tracks it or would offer to add it, so a new file is checked before its first commit
//! and nothing under `target` ever is. Paths are relative to the root and written with `/`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command;

/// The tree we check.
pub(crate) struct Repo {
    root: PathBuf,
}

impl Repo {
    /// The repository this program was built from.
    pub(crate) fn open() -> Result<Repo> {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = package
            .ancestors()
            .nth(2)
            .context("ops/xtask lies two folders below the repository's root")?;
        Ok(Repo { root: root.to_owned() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The text of one file, by its path from the root.
    pub(crate) fn read(&self, path: &str) -> Result<String> {
        std::fs::read_to_string(self.root.join(path)).with_context(|| format!("could not read {path}"))
    }

    /// Every file that belongs to the repository and is on disk now.
    pub(crate) fn files(&self) -> Result<BTreeSet<String>> {
        let mut git = Command::new("git");
        git.current_dir(&self.root)
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let listed = command::output(git).context("could not ask git for the repository's files")?;
        let paths = listed.split('\0').filter(|path| !path.is_empty());
        Ok(paths
            .filter(|path| self.root.join(path).is_file())
            .map(str::to_owned)
            .collect())
    }
}
