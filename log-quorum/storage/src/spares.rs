//! Files that are ready to become segments: made ahead of need, or segments that nothing needs any more.
//! Promises: a spare is as long as a segment and written through, so that syncing a batch in it changes no metadata.
//! A file is offered only once the folder no longer knows it as a segment. Segments go one by one, oldest first.
//! The last spare is never offered: it is the reserve of recovery, which must copy a segment before the node can do
//! anything about a full disk. So with the disk full the writer stalls one file early. Where there is no reserve (there
//! was no space for it when the log was opened) the next file that can be had becomes it.
//! Leaves to the writer: when a segment is free. Driven by the writer itself or by a thread of its own.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::backoff::Backoff;
use crate::block::in_memory;
use crate::segment::SegmentFile;
use crate::{Disk, DiskFile, WalError};

/// Spares that only recovery uses.
const RESERVED: usize = 1;
/// Spares that are kept, the reserve among them; a freed segment beyond is removed.
pub(crate) const SPARES_MAX: usize = RESERVED + 2;
const FILE_PREFIX: &str = "spare-";
const FILE_SUFFIX: &str = ".seg";
const UNFINISHED_SUFFIX: &str = ".tmp";
/// Zeros that are written at once. The kernel's cache keeps a file in pieces as large as it was written, and each batch later
/// walks the piece that it falls into: with 1 MiB a write and its sync cost a tenth more CPU.
const ZEROS_BYTES: usize = 64 << 10;

/// A prepared file.
pub(crate) struct Spare {
    pub(crate) name: String,
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) bytes: u64,
}

/// The prepared files of a log, and the segments that are on their way to become some.
pub(crate) struct Spares {
    disk: Arc<dyn Disk>,
    segment_bytes: u64,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    ready: Vec<Spare>,
    /// Segments that nothing needs, oldest first. The front one stays here until it is gone from the folder.
    retired: VecDeque<Arc<SegmentFile>>,
    next_number: u64,
    /// Whether a file is to be made if none is ready beyond the reserve.
    wanted: bool,
    /// The last attempt to make one found no space, or it is too early for another.
    no_space: bool,
    /// An attempt takes all the space there is before it fails, from whoever else needs some.
    attempts: Backoff,
    /// What ends the writer.
    broken: Option<WalError>,
    driver: Driver,
}

/// Who does the work.
enum Driver {
    /// Whoever wants something, while they wait.
    Caller,
    /// A thread, ahead of need.
    Thread,
    /// Nobody any more.
    Ended,
}

enum Work {
    Retire {
        segment: Arc<SegmentFile>,
        keep_as: Option<u64>,
    },
    Prepare {
        number: u64,
    },
}

/// What [`Spares::obtain`] has to give.
pub(crate) enum Obtained {
    Spare(Spare),
    NoSpace,
}

impl Spares {
    pub(crate) fn new(disk: Arc<dyn Disk>, segment_bytes: u64, ready: Vec<Spare>, next_number: u64) -> Self {
        Self {
            disk,
            segment_bytes,
            state: Mutex::new(State {
                ready,
                retired: VecDeque::new(),
                next_number,
                wanted: false,
                no_space: false,
                attempts: Backoff::new(),
                broken: None,
                driver: Driver::Caller,
            }),
            changed: Condvar::new(),
        }
    }

    /// A file for the next segment. Waits for the thread, or does its work here if there is none.
    pub(crate) fn obtain(&self) -> Result<Obtained, WalError> {
        let mut state = self.lock();
        state.no_space = !state.has_spare() && !state.attempts.is_due();
        loop {
            if let Some(broken) = state.broken.take() {
                return Err(broken);
            }
            let idle = state.retired.is_empty();
            if state.has_spare()
                && let Some(spare) = state.ready.pop()
            {
                state.wanted = matches!(state.driver, Driver::Thread) && state.attempts.is_calm();
                self.changed.notify_all();
                return Ok(Obtained::Spare(spare));
            }
            if state.no_space && idle {
                return Ok(Obtained::NoSpace);
            }
            state.wanted = !state.no_space;
            self.changed.notify_all();
            state = match state.driver {
                Driver::Caller => {
                    drop(state);
                    self.work();
                    self.lock()
                }
                Driver::Thread => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Driver::Ended => return Err(WalError::Ended),
            };
        }
    }

    /// A file of another size than a segment has. The reserve is no larger for it: see `recovery`.
    pub(crate) fn make(&self, bytes: u64) -> Result<Obtained, WalError> {
        let number = {
            let mut state = self.lock();
            if !state.attempts.is_due() {
                return Ok(Obtained::NoSpace);
            }
            state.number()
        };
        let made = prepare(&*self.disk, number, bytes);
        let attempts = &mut self.lock().attempts;
        match made {
            Ok(spare) => {
                attempts.note_success();
                Ok(Obtained::Spare(spare))
            }
            Err(error) if is_no_space(&error) => {
                attempts.note_failure();
                Ok(Obtained::NoSpace)
            }
            Err(error) => Err(error),
        }
    }

    /// Takes a segment that nothing needs. Call it oldest first.
    pub(crate) fn retire(&self, segment: Arc<SegmentFile>) {
        self.lock().retired.push_back(segment);
        self.changed.notify_all();
    }

    /// Fails once with what went wrong in the background.
    pub(crate) fn check(&self) -> Result<(), WalError> {
        self.lock().broken.take().map_or(Ok(()), Err)
    }

    /// Does what there is to do, unless a thread does it.
    pub(crate) fn work_unless_threaded(&self) {
        if matches!(self.lock().driver, Driver::Caller) {
            self.work();
        }
    }

    /// The body of the thread: prepares one file ahead, retires what is free, until [`Spares::end`].
    pub(crate) fn run(&self) {
        loop {
            self.work();
            let state = self.lock();
            if matches!(state.driver, Driver::Ended) {
                return;
            }
            // `work` ran without the lock: look again before waiting.
            if state.next_work().is_none() {
                drop(self.changed.wait(state).unwrap_or_else(PoisonError::into_inner));
            }
        }
    }

    /// From now on a thread does the work. It begins with a spare.
    pub(crate) fn use_thread(&self) {
        let mut state = self.lock();
        state.driver = Driver::Thread;
        state.wanted = true;
    }

    /// Nothing is done any more; whoever waits hears of it.
    pub(crate) fn end(&self) {
        self.lock().driver = Driver::Ended;
        self.changed.notify_all();
    }

    /// Files that are ready, and bytes of those and of the segments that are still to go.
    pub(crate) fn usage(&self) -> (usize, u64) {
        let state = self.lock();
        let ready: u64 = state.ready.iter().map(|spare| spare.bytes).sum();
        let retired: u64 = state.retired.iter().map(|segment| segment.bytes).sum();
        (state.ready.len(), ready + retired)
    }

    fn work(&self) {
        while self.work_once() {}
    }

    fn work_once(&self) -> bool {
        let work = {
            let mut state = self.lock();
            let Some(work) = state.next_work() else {
                return false;
            };
            state.assign(work, self.segment_bytes)
        };
        let outcome = match &work {
            Work::Retire { segment, keep_as } => retire(&*self.disk, segment, *keep_as),
            Work::Prepare { number } => prepare(&*self.disk, *number, self.segment_bytes).map(Some),
        };
        let mut state = self.lock();
        match outcome {
            Ok(Some(spare)) => {
                state.ready.push(spare);
                if matches!(work, Work::Prepare { .. }) {
                    state.attempts.note_success();
                }
            }
            // A file was removed, so there is space again.
            Ok(None) => {
                state.attempts.note_success();
                state.no_space = false;
            }
            Err(error) if is_no_space(&error) && matches!(work, Work::Prepare { .. }) => {
                state.attempts.note_failure();
                state.no_space = true;
                state.wanted = false;
            }
            Err(error) => state.broken = Some(error),
        }
        if matches!(work, Work::Retire { .. }) {
            state.retired.pop_front();
        }
        self.changed.notify_all();
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which kind of work is next.
enum Next {
    Retire,
    Prepare,
}

impl State {
    fn next_work(&self) -> Option<Next> {
        if self.broken.is_some() || matches!(self.driver, Driver::Ended) {
            None
        } else if !self.retired.is_empty() {
            Some(Next::Retire)
        } else {
            (self.wanted && !self.has_spare()).then_some(Next::Prepare)
        }
    }

    /// Whether there is a file that is not the reserve.
    fn has_spare(&self) -> bool {
        self.ready.len() > RESERVED
    }

    fn assign(&mut self, next: Next, segment_bytes: u64) -> Work {
        if let (Next::Retire, Some(segment)) = (next, self.retired.front().cloned()) {
            let keep = self.ready.len() < SPARES_MAX && segment.bytes == segment_bytes;
            let keep_as = keep.then(|| self.number());
            Work::Retire { segment, keep_as }
        } else {
            let number = self.number();
            Work::Prepare { number }
        }
    }

    fn number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }
}

/// The number of a spare, by the name of its file; `None` for every other file.
pub(crate) fn spare_number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(FILE_PREFIX)?.strip_suffix(FILE_SUFFIX)?;
    u64::from_str_radix(digits, 16)
        .ok()
        .filter(|number| spare_name(*number) == name)
}

/// Whether a file is a spare that was never finished.
pub(crate) fn is_unfinished(name: &str) -> bool {
    name.starts_with(FILE_PREFIX) && name.ends_with(UNFINISHED_SUFFIX)
}

pub(crate) fn spare_name(number: u64) -> String {
    format!("{FILE_PREFIX}{number:016x}{FILE_SUFFIX}")
}

pub(crate) fn is_no_space(error: &WalError) -> bool {
    let WalError::Io { source, .. } = error else {
        return false;
    };
    matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Makes a file of this length.
pub(crate) fn prepare(disk: &dyn Disk, number: u64, bytes: u64) -> Result<Spare, WalError> {
    let unfinished = format!("{FILE_PREFIX}{number:016x}{UNFINISHED_SUFFIX}");
    // 1. Write zeros and sync. 2. Rename. A crash before 2 leaves a file that recovery removes. The rename needs no
    // sync of its own: losing it loses nothing.
    let file = create_zeroed(disk, &unfinished, bytes)?;
    let name = spare_name(number);
    disk.rename(&unfinished, &name)
        .map_err(WalError::io("rename", &unfinished))?;
    Ok(Spare { name, file, bytes })
}

/// Creates a file of `bytes` zeros and syncs it. If that fails, the name is gone again.
fn create_zeroed(disk: &dyn Disk, name: &str, bytes: u64) -> Result<Arc<dyn DiskFile>, WalError> {
    let file = disk.create(name).map_err(WalError::io("create", name))?;
    let filled = write_zeros(&*file, bytes).and_then(|()| file.sync_all());
    match filled {
        Ok(()) => Ok(file),
        Err(error) => {
            // A file that stays behind is removed by recovery.
            let _ = disk.remove(name);
            Err(WalError::io("fill", name)(error))
        }
    }
}

pub(crate) fn write_zeros(file: &dyn DiskFile, bytes: u64) -> io::Result<()> {
    let zeros = vec![0; ZEROS_BYTES.min(in_memory(bytes))];
    let mut at = 0;
    while at < bytes {
        let count = zeros.len().min(in_memory(bytes - at));
        file.write_at(at, &zeros[..count])?;
        at += count as u64;
    }
    Ok(())
}

/// Takes a segment out of the log. What is kept of it is a spare.
fn retire(disk: &dyn Disk, segment: &SegmentFile, keep_as: Option<u64>) -> Result<Option<Spare>, WalError> {
    let name = segment.sequence.file_name();
    // 1. Rename or remove. 2. Sync the folder. Only then may the file be written, or the next segment go.
    // A crash before 2 may bring the segment back as it was: recovery finds it at the old end of the log.
    let spare = match keep_as {
        Some(number) => {
            let spare = spare_name(number);
            disk.rename(&name, &spare).map_err(WalError::io("rename", &name))?;
            Some(Spare {
                name: spare,
                file: Arc::clone(&segment.file),
                bytes: segment.bytes,
            })
        }
        None => {
            disk.remove(&name).map_err(WalError::io("remove", &name))?;
            None
        }
    };
    disk.sync_folder().map_err(WalError::io("sync", "the folder"))?;
    Ok(spare)
}
