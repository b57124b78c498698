//! Disks that break a promise on purpose. A world with one of them must be found out: else the world finds nothing.

use std::io;
use std::sync::Arc;

use tenure_log_storage::fault::SimDisk;
use tenure_log_storage::{Disk, DiskFile};

/// Which promise the disk breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sabotage {
    /// None.
    #[default]
    None,
    /// Syncing a file does nothing.
    NoSync,
}

/// A disk, sabotaged or not.
pub struct Sabotaged {
    disk: SimDisk,
    sabotage: Sabotage,
}

impl Sabotaged {
    /// `disk`, less the promise.
    pub fn new(disk: SimDisk, sabotage: Sabotage) -> Self {
        Self { disk, sabotage }
    }

    fn file(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        match self.sabotage {
            Sabotage::None => file,
            Sabotage::NoSync => Arc::new(NeverSynced(file)),
        }
    }
}

impl Disk for Sabotaged {
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(self.disk.open(name)?))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(self.disk.create(name)?))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.disk.sync_folder()
    }
}

struct NeverSynced(Arc<dyn DiskFile>);

impl DiskFile for NeverSynced {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}
