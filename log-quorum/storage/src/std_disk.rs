//! Real files in a real folder.
//! Promises: while it lives no other process opens the folder through it. Leaves to the caller: where the folder is.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{Disk, DiskFile};

const LOCK_FILE: &str = "lock";

/// A folder of the file system, locked against other processes as long as this value or a file of it lives.
pub struct StdDisk {
    path: PathBuf,
    folder: File,
    lock: Arc<File>,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenFolderError {
    /// Another process works in it.
    #[error("the folder {} is in use by another process", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("could not {doing} {}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
}

impl StdDisk {
    /// Opens the folder and locks it. It must exist: making one is a decision of the caller, for a folder that is not
    /// there may be a disk that is not mounted.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, OpenFolderError> {
        let path = path.into();
        let refused = |doing, path: &Path| {
            let path = path.to_owned();
            move |source| OpenFolderError::Io { doing, path, source }
        };
        let folder = File::open(&path).map_err(refused("open the folder", &path))?;
        let lock_path = path.join(LOCK_FILE);
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(refused("open", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {
                let lock = Arc::new(lock);
                Ok(Self { path, folder, lock })
            }
            Err(TryLockError::WouldBlock) => Err(OpenFolderError::InUse { path }),
            Err(TryLockError::Error(source)) => Err(refused("lock", &lock_path)(source)),
        }
    }

    fn file(&self, file: File) -> Arc<dyn DiskFile> {
        let _lock = Arc::clone(&self.lock);
        Arc::new(StdFile { file, _lock })
    }
}

impl Disk for StdDisk {
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).open(self.path.join(name))?;
        Ok(self.file(file))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(self.path.join(name))?;
        Ok(self.file(file))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            // A name that is not text is none of ours.
            if let Ok(name) = entry?.file_name().into_string()
                && name != LOCK_FILE
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.folder.sync_all()
    }
}

struct StdFile {
    file: File,
    /// A writer that outlives its disk must keep others out.
    _lock: Arc<File>,
}

impl DiskFile for StdFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}
