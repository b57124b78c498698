//! The folder of one `tenure dev`.
//! Promises: one process at a time has it; a temporary one is gone when this value is dropped. Never touches a file in it
//! that others write, but for removing a temporary folder as a whole.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use tempfile::TempDir;
use tenure_devcluster::make_folder;

use crate::failure::{Failure, OrHint};

const TEMPORARY_PREFIX: &str = "tenure-dev-";

#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// The kernel drops it with the process, so a folder is never locked by one that crashed.
    _lock: File,
    temporary: Option<TempDir>,
}

impl Folder {
    /// Takes the folder that was named, which is made if need be, or a temporary one.
    pub(super) fn open(named: Option<&Path>) -> Result<Self, Failure> {
        let temporary = match named {
            Some(_) => None,
            None => {
                let made = tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempdir();
                Some(
                    made.context("could not make a temporary folder")
                        .or_hint("name one: --data-dir FOLDER")?,
                )
            }
        };
        let path = named.or(temporary.as_ref().map(TempDir::path)).unwrap_or(Path::new(""));
        let hint = "name a folder that this user may write: --data-dir FOLDER";
        make_folder(path).or_hint(hint)?;
        let absolute = path
            .canonicalize()
            .with_context(|| format!("could not open {}", path.display()));
        let path = absolute.or_hint(hint)?;
        let lock = lock(&path)?;
        Ok(Self {
            path,
            _lock: lock,
            temporary,
        })
    }

    /// Where it is, from the root.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is removed at the end.
    pub(super) fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }
}

fn lock(folder: &Path) -> Result<File, Failure> {
    let path = folder.join("dev.lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let could_not = || format!("could not lock {}", path.display());
    let hint = "name a folder that this user may write: --data-dir FOLDER";
    let file = file.with_context(could_not).or_hint(hint)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Failure::new(
            anyhow!("{} is in use by another tenure dev", folder.display()),
            "end it, or name another folder: --data-dir FOLDER",
        )),
        Err(TryLockError::Error(error)) => Err(error).with_context(could_not).or_hint(hint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_for_one_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let first = Folder::open(Some(&path)).unwrap();
        assert!(!first.is_temporary());
        let said = Folder::open(Some(&path)).unwrap_err().to_string();
        assert!(said.contains("is in use by another tenure dev\nhint: end it"), "{said}");
        drop(first);
        Folder::open(Some(&path)).unwrap();
        assert!(path.exists());
    }

    #[test]
    fn a_temporary_folder_is_gone_in_the_end() {
        let folder = Folder::open(None).unwrap();
        let path = folder.path().to_owned();
        assert!(path.is_absolute() && path.exists() && folder.is_temporary());
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_no_folder_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let said = Folder::open(Some(file.path())).unwrap_err().to_string();
        assert!(said.contains("hint: name a folder"), "{said}");
    }
}
