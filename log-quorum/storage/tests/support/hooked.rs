//! A simulated disk that lets a test step in before it does something.

use std::io;
use std::sync::Arc;

use tenure_log_storage::fault::SimDisk;
use tenure_log_storage::{Disk, DiskFile};

/// What the disk is about to do.
pub(crate) enum Call<'a> {
    Create(&'a str),
    Read,
}

type Hook = Arc<dyn Fn(Call<'_>) + Send + Sync>;

/// The disk. The hook is called without any lock held: it may use the disk, and it may hang.
pub(crate) struct Hooked {
    disk: SimDisk,
    hook: Hook,
}

impl Hooked {
    pub(crate) fn new(disk: SimDisk, hook: impl Fn(Call<'_>) + Send + Sync + 'static) -> Self {
        let hook = Arc::new(hook);
        Self { disk, hook }
    }

    fn file(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        let hook = Arc::clone(&self.hook);
        Arc::new(HookedFile { file, hook })
    }
}

impl Disk for Hooked {
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(self.disk.open(name)?))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        (self.hook)(Call::Create(name));
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

struct HookedFile {
    file: Arc<dyn DiskFile>,
    hook: Hook,
}

impl DiskFile for HookedFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        (self.hook)(Call::Read);
        self.file.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}
