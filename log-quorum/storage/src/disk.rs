//! The file layer: one flat folder on one disk.
//! Promises nothing itself; it names what the log relies on, so that a disk that loses and tears can stand in.
//! Leaves to the implementations: [`StdDisk`](crate::StdDisk) for real files, `fault::SimDisk` for tests.

use std::io;
use std::sync::Arc;

/// A folder of files without subfolders. Names are plain file names that this crate makes up.
pub trait Disk: Send + Sync + 'static {
    /// Opens a file that exists, for reading and writing.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Creates an empty file. Fails with `AlreadyExists` if there is one of that name.
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// The names of all files, in no particular order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Gives a file another name, at once and as a whole; a file that had that name is gone.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a name. Files that are open under it can still be used.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes every create, rename and remove so far durable. Before it each of them may be lost, one without another.
    fn sync_folder(&self) -> io::Result<()>;
}

/// One open file. It stays usable when its name changes or goes.
pub trait DiskFile: Send + Sync {
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Whether there is nothing in it.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills `buffer` from `offset`. Fails with `UnexpectedEof` beyond the end.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Writes all of `bytes` at `offset`; the file grows if need be.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes the content durable (fdatasync). After a failure nobody knows what is on the disk, and asking again is
    /// no help: the kernel may have marked the pages clean.
    fn sync(&self) -> io::Result<()>;

    /// As [`sync`](Self::sync), and the length too (fsync): for files that have just been made.
    fn sync_all(&self) -> io::Result<()>;
}
