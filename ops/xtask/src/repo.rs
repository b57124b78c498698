//! The repository on disk: where its root is and which files belong to it.
//! Promises: a file belongs when git tracks it or would offer to add it, so a new file is checked before its first commit
//! and nothing under `target` ever is. Paths are relative to the root and written with `/`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command;

/// The tree we check.
pub(crate) struct Repo {
    root: PathBuf,
}

impl Repo {
    /// The repository whose `cargo run` started this program. Asked at run time: in a target folder that two clones share,
    /// one of them may run the program that the other one built.
    pub(crate) fn open() -> Result<Repo> {
        Repo::of_package(std::env::var_os("CARGO_MANIFEST_DIR"))
    }

    /// The repository around the folder of this package, as cargo names it.
    fn of_package(folder: Option<OsString>) -> Result<Repo> {
        let Some(folder) = folder else {
            bail!(
                "CARGO_MANIFEST_DIR is not set, so it is not known which repository to check\n\
                 hint: start this program with cargo xtask, not by its path"
            );
        };
        let folder = PathBuf::from(folder);
        if !folder.ends_with("ops/xtask") {
            bail!(
                "CARGO_MANIFEST_DIR is {}, which is not the folder ops/xtask of a repository\n\
                 hint: start this program with cargo xtask, not from another package",
                folder.display()
            );
        }
        let root = folder.ancestors().nth(2).context("ops/xtask has no folder around it")?;
        Ok(Repo { root: root.to_owned() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The text of one file, by its path from the root.
    pub(crate) fn read(&self, path: &str) -> Result<String> {
        std::fs::read_to_string(self.root.join(path)).with_context(|| format!("could not read {path}"))
    }

    /// Makes a file what this text says, and the folders it lies in.
    pub(crate) fn write(&self, path: &str, text: &str) -> Result<()> {
        let on_disk = self.root.join(path);
        let folder = on_disk.parent().with_context(|| format!("{path} lies in no folder"))?;
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&on_disk, text))
            .with_context(|| format!("could not write {path}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_the_one_that_cargo_names_at_run_time() {
        let repo = Repo::of_package(Some("/clones/second/ops/xtask".into())).unwrap();

        assert_eq!(repo.root(), Path::new("/clones/second"));
    }

    #[test]
    fn without_a_word_from_cargo_no_repository_is_guessed() {
        for folder in [None, Some("/clones/second/ops/tenure".into()), Some("ops".into())] {
            let refusal = Repo::of_package(folder).err().unwrap().to_string();

            assert!(refusal.starts_with("CARGO_MANIFEST_DIR is "), "{refusal}");
            assert!(
                refusal.contains("\nhint: start this program with cargo xtask"),
                "{refusal}"
            );
        }
    }
}
