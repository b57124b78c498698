//! A disk in memory that can lose, tear, refuse and flip. For tests and the simulation only.
//! Promises: what was synced stays through every crash; what was not is kept or lost, sector by sector and name by
//! name, as the seed decides. A handle from before a crash touches nothing any more.
//! Leaves to the caller: the seed, and when to crash.

mod inode;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::RngExt;

use self::inode::Inode;
use crate::{Disk, DiskFile};

/// A simulated disk. Clones are handles of the same process on the same disk.
///
/// A process dies with [`freeze`](Self::freeze), [`crash`](Self::crash) or [`die_after`](Self::die_after); from then
/// on its handles, and the files it opened, fail. The next process takes a handle with [`reopen`](Self::reopen).
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
    /// The process that this handle belongs to.
    life: u64,
}

/// How often a disk was asked to do something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Writes to files.
    pub writes: u64,
    /// Syncs of files.
    pub syncs: u64,
    /// Syncs of the folder.
    pub folder_syncs: u64,
}

struct State {
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    /// What was done to names since the folder was last synced.
    unsynced: Vec<NameChange>,
    next_inode: u64,
    /// The process that may use the disk now.
    life: u64,
    /// How many changes the process may still make before it dies.
    changes_left: Option<u64>,
    failing_syncs: u64,
    capacity_bytes: Option<u64>,
    counts: Counts,
}

#[derive(Clone)]
enum NameChange {
    Create { name: String, inode: u64 },
    Rename { from: String, to: String, inode: u64 },
    Remove { name: String, inode: u64 },
}

impl NameChange {
    fn inode(&self) -> u64 {
        match self {
            Self::Create { inode, .. } | Self::Rename { inode, .. } | Self::Remove { inode, .. } => *inode,
        }
    }

    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        let mut remove = |name: &String, inode: u64| {
            if names.get(name) == Some(&inode) {
                names.remove(name);
            }
        };
        match self {
            Self::Create { name, inode } => {
                names.insert(name.clone(), *inode);
            }
            Self::Rename { from, to, inode } => {
                remove(from, *inode);
                names.insert(to.clone(), *inode);
            }
            Self::Remove { name, inode } => remove(name, *inode),
        }
    }
}

impl Default for SimDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl SimDisk {
    /// An empty disk.
    pub fn new() -> Self {
        let state = State {
            inodes: BTreeMap::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            unsynced: Vec::new(),
            next_inode: 1,
            life: 0,
            changes_left: None,
            failing_syncs: 0,
            capacity_bytes: None,
            counts: Counts::default(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            life: 0,
        }
    }

    /// The process dies: its handles fail from now on. What it wrote can be read by the next one, and is no more
    /// durable than before.
    pub fn freeze(&self) {
        self.lock().end_life();
    }

    /// The machine loses power: the process dies, and what was not synced is kept or lost at random.
    pub fn crash(&self, rng: &mut impl RngExt) {
        let mut state = self.lock();
        state.end_life();
        let mut names = state.durable_names.clone();
        for change in std::mem::take(&mut state.unsynced) {
            if rng.random() {
                change.apply(&mut names);
            }
        }
        state.durable_names.clone_from(&names);
        state.names = names;
        state.forget_unlinked();
        for inode in state.inodes.values_mut() {
            inode.crash(rng);
        }
    }

    /// A handle for the next process.
    pub fn reopen(&self) -> Self {
        let life = self.lock().life;
        let state = Arc::clone(&self.state);
        Self { state, life }
    }

    /// The process dies after this many more changes: writes, syncs, creates, renames, removes. The last one is done.
    pub fn die_after(&self, changes: u64) {
        self.lock().changes_left = Some(changes);
    }

    /// The next `count` syncs of files fail. What they should have made durable is marked clean all the same, as real
    /// kernels do: a later sync does not bring it to the disk.
    pub fn fail_syncs(&self, count: u64) {
        self.lock().failing_syncs = count;
    }

    /// The kernel forgets what it need not write: the process sees the medium in its place. After a failed sync it sees
    /// old bytes again.
    pub fn drop_caches(&self) {
        self.lock().inodes.values_mut().for_each(Inode::drop_cache);
    }

    /// All files together may have this many bytes; `None` for any number.
    pub fn capacity_bytes(&self, bytes: Option<u64>) {
        self.lock().capacity_bytes = bytes;
    }

    /// Flips the lowest bit of a byte, in memory and on the medium. Does nothing beyond the end of the file.
    pub fn flip_bit(&self, name: &str, offset: u64) {
        let mut state = self.lock();
        if let Some(number) = state.names.get(name).copied()
            && let Some(inode) = state.inodes.get_mut(&number)
        {
            inode.flip_bit(offset);
        }
    }

    /// The bytes of a file as the process sees them; `None` if there is no such file.
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.lock();
        let inode = state.inodes.get(state.names.get(name)?)?;
        Some(inode.seen().to_vec())
    }

    /// The names of all files, whoever asks.
    pub fn names(&self) -> Vec<String> {
        self.lock().names.keys().cloned().collect()
    }

    /// How often the disk was used.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn living(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.lock();
        if state.life == self.life && state.changes_left != Some(0) {
            Ok(state)
        } else {
            Err(io::Error::other("the process is dead"))
        }
    }

    /// As [`living`](Self::living), and counts a change.
    fn changing(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.living()?;
        if let Some(left) = &mut state.changes_left {
            *left -= 1;
        }
        Ok(state)
    }

    fn file(&self, inode: u64) -> Arc<dyn DiskFile> {
        let disk = self.clone();
        Arc::new(SimFile { disk, inode })
    }
}

impl Disk for SimDisk {
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let inode = self.living()?.inode(name)?;
        Ok(self.file(inode))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.changing()?;
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.next_inode;
        state.next_inode += 1;
        state.inodes.insert(inode, Inode::default());
        let name = name.to_owned();
        state.change_name(NameChange::Create { name, inode });
        drop(state);
        Ok(self.file(inode))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.living()?.names.keys().cloned().collect())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.changing()?;
        let inode = state.inode(from)?;
        let (from, to) = (from.to_owned(), to.to_owned());
        state.change_name(NameChange::Rename { from, to, inode });
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.changing()?;
        let inode = state.inode(name)?;
        let name = name.to_owned();
        state.change_name(NameChange::Remove { name, inode });
        Ok(())
    }

    fn sync_folder(&self) -> io::Result<()> {
        let mut state = self.changing()?;
        state.counts.folder_syncs += 1;
        state.unsynced.clear();
        state.durable_names = state.names.clone();
        Ok(())
    }
}

impl State {
    fn end_life(&mut self) {
        self.life += 1;
        self.changes_left = None;
        self.failing_syncs = 0;
        self.forget_unlinked();
    }

    /// Files that no name leads to, now or after a crash, are gone with the process that had them open.
    fn forget_unlinked(&mut self) {
        let names = self.names.values().chain(self.durable_names.values()).copied();
        let unsynced = self.unsynced.iter().map(NameChange::inode);
        let linked: BTreeSet<u64> = names.chain(unsynced).collect();
        self.inodes.retain(|inode, _| linked.contains(inode));
    }

    fn inode(&self, name: &str) -> io::Result<u64> {
        self.names
            .get(name)
            .copied()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn change_name(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.unsynced.push(change);
    }

    fn used_bytes(&self) -> u64 {
        let lengths = self.names.values().filter_map(|inode| self.inodes.get(inode));
        lengths.map(|inode| inode.seen().len() as u64).sum()
    }
}

/// An open file of a simulated disk.
struct SimFile {
    disk: SimDisk,
    inode: u64,
}

impl SimFile {
    fn inode<'a>(&self, state: &'a mut State) -> io::Result<&'a mut Inode> {
        state
            .inodes
            .get_mut(&self.inode)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl DiskFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        let mut state = self.disk.living()?;
        Ok(self.inode(&mut state)?.seen().len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut state = self.disk.living()?;
        self.inode(&mut state)?.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.changing()?;
        state.counts.writes += 1;
        let growth = self.inode(&mut state)?.growth(offset, bytes.len());
        let used = state.used_bytes();
        if growth > 0 && state.capacity_bytes.is_some_and(|capacity| used + growth > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.inode(&mut state)?.write_at(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.changing()?;
        state.counts.syncs += 1;
        if state.failing_syncs > 0 {
            state.failing_syncs -= 1;
            self.inode(&mut state)?.fail_sync();
            return Err(io::Error::other("the medium failed"));
        }
        self.inode(&mut state)?.sync();
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync()
    }
}
