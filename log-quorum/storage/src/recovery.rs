//! From a folder to a log that can go on.
//! Promises: everything that was durable is found, or the first damage is named and nothing is changed but leftovers.
//! What is found is durable again when recovery ends: a process that died may have left its last batches in the
//! kernel's memory alone, so the newest segment is copied into another file and only the copy goes on.
//! Every step can be interrupted and repeated. Leaves to the caller: refusing to vote on damage.
//!
//! It needs no space, so that a node whose disk is full can restart: one spare, the reserve, is kept for the copy (see
//! `spares`), and the segment that was copied becomes the next reserve. It does need space where the newest segment is
//! longer than others, since the reserve is not; where `segment_bytes` has grown; where no reserve could be made yet;
//! and on file systems that overwrite nothing in place.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use tracing::warn;

use crate::batch::BatchBuilder;
use crate::folder::{Folder, Link};
use crate::group_log::GroupLog;
use crate::header::Header;
use crate::holdings::Holdings;
use crate::replay::Replay;
use crate::salt::Salt;
use crate::scan::{End, NoBatch, Scan, find_end};
use crate::segment::SegmentFile;
use crate::spares::{Spare, is_no_space, write_zeros};
use crate::{Disk, Flaw, GroupState, Sequence, WalError};

/// A log that can go on.
pub(crate) struct Recovered {
    pub(crate) logs: Vec<GroupLog>,
    pub(crate) holdings: Holdings,
    pub(crate) segments: BTreeMap<Sequence, Arc<SegmentFile>>,
    /// The segment to write on, and from where.
    pub(crate) newest: Arc<SegmentFile>,
    pub(crate) end: u64,
    pub(crate) spares: Vec<Spare>,
    pub(crate) next_spare: u64,
}

/// Recovers the log in a folder, or begins one.
pub(crate) fn recover(disk: &dyn Disk, groups: u32, segment_bytes: u64, salt: u64) -> Result<Recovered, WalError> {
    let mut folder = Folder::survey(disk, segment_bytes)?;
    let chain = folder.chain(disk, groups)?;
    let Some((newest, older)) = chain.links.split_last() else {
        return begin(disk, folder, groups, segment_bytes, salt);
    };
    let mut replay = Replay::begin(&chain.links[0].header.groups);
    for (at, link) in older.iter().enumerate() {
        let end = chain.links[at + 1].header.predecessor.map_or(0, |(_, end)| end);
        replay_whole(&mut replay, link, end)?;
    }
    let source = &newest.segment;
    let durable_to = source.header_bytes + newest.header.durable_bytes;
    let source_end = find_end(source, durable_to)?;
    if !chain.replaced.is_empty() {
        // The newest is a copy, by a recovery that was interrupted before it took these away. Its name must be durable
        // first.
        disk.sync_folder().map_err(WalError::io("sync", "the folder"))?;
        folder.retire(disk, &chain.replaced)?;
    }

    // 1. Copy into a spare. 2. Sync it. 3. Rename it. 4. Sync the folder. 5. Make the old one a spare. 6. Sync the
    // folder. A crash before 4 leaves the old segment and perhaps the spare. A crash before 6 may leave both segments:
    // the copy names the same predecessor, so the old one is known to be replaced.
    let header = Header {
        sequence: source.sequence.next(),
        salt: source.salt.next(),
        ..newest.header.clone()
    };
    let header_bytes = header.encode().len() as u64;
    let bytes = segment_bytes.max(header_bytes + source_end.at - source.header_bytes);
    let spare = take_zeroed(disk, bytes, &mut folder)?;
    let end = fill_copy(&spare, newest, &source_end, &header, &mut replay)?;
    let flawed = |why| WalError::flaw(source.sequence, source.header_bytes, why);
    let (logs, holdings) = replay.finish().map_err(flawed)?;
    let header = Header {
        durable_bytes: end - header_bytes,
        ..header
    };
    let copy = SegmentFile::place(disk, spare, &header)?;
    folder.retire(disk, &[source.sequence])?;
    folder.note_begun(disk)?;
    keep_reserve(disk, segment_bytes, &mut folder)?;

    let older = older.iter().map(|link| Arc::clone(&link.segment));
    let segments = older.chain([Arc::clone(&copy)]);
    Ok(Recovered {
        logs,
        holdings,
        segments: segments.map(|segment| (segment.sequence, segment)).collect(),
        newest: copy,
        end,
        spares: folder.spares,
        next_spare: folder.next_spare,
    })
}

/// The first segment of a folder without any.
fn begin(
    disk: &dyn Disk,
    mut folder: Folder,
    groups: u32,
    segment_bytes: u64,
    salt: u64,
) -> Result<Recovered, WalError> {
    if folder.begun {
        return Err(WalError::Lost);
    }
    let header = Header {
        sequence: Sequence::FIRST,
        salt: Salt::first(salt),
        predecessor: None,
        durable_bytes: 0,
        groups: vec![GroupState::default(); groups as usize],
    };
    let bytes = segment_bytes.max(header.encode().len() as u64);
    let spare = take_zeroed(disk, bytes, &mut folder)?;
    // 1. Place the first segment. 2. Note that there is a log. A crash between the two leaves an empty log, and the
    // next recovery notes it: nothing is acknowledged before.
    let newest = SegmentFile::place(disk, spare, &header)?;
    folder.note_begun(disk)?;
    keep_reserve(disk, segment_bytes, &mut folder)?;
    let flawed = |why| WalError::flaw(newest.sequence, 0, why);
    let mut replay = Replay::begin(&header.groups);
    replay.enter(newest.sequence, &header.groups).map_err(flawed)?;
    let (logs, holdings) = replay.finish().map_err(flawed)?;
    Ok(Recovered {
        logs,
        holdings,
        segments: BTreeMap::from([(newest.sequence, Arc::clone(&newest))]),
        end: newest.header_bytes,
        newest,
        spares: folder.spares,
        next_spare: folder.next_spare,
    })
}

/// A file of this length with nothing in it: the reserve if it is that long.
fn take_zeroed(disk: &dyn Disk, bytes: u64, folder: &mut Folder) -> Result<Spare, WalError> {
    if let Some(at) = folder.spares.iter().position(|spare| spare.bytes == bytes) {
        let spare = folder.spares.remove(at);
        // A recovery that was interrupted may have copied into it, under the number and salt that this one will use:
        // what it copied must not be found behind what this one copies. The copy is synced, and the zeros with it.
        match write_zeros(&*spare.file, bytes).map_err(WalError::io("fill", &spare.name)) {
            Ok(()) => return Ok(spare),
            Err(error) if is_no_space(&error) => folder.spares.push(spare),
            Err(error) => return Err(error),
        }
    }
    match folder.prepare(disk, bytes) {
        Err(error) if is_no_space(&error) && !folder.spares.is_empty() => {
            for Spare { name, .. } in folder.spares.drain(..) {
                disk.remove(&name).map_err(WalError::io("remove", &name))?;
            }
            disk.sync_folder().map_err(WalError::io("sync", "the folder"))?;
            folder.prepare(disk, bytes)
        }
        outcome => outcome,
    }
}

/// Sees to it that the next recovery has a file for its copy, if there is space: without it this node can go on, and
/// make space.
fn keep_reserve(disk: &dyn Disk, segment_bytes: u64, folder: &mut Folder) -> Result<(), WalError> {
    if !folder.spares.is_empty() {
        return Ok(());
    }
    match folder.prepare(disk, segment_bytes) {
        Ok(spare) => {
            folder.spares.push(spare);
            disk.sync_folder().map_err(WalError::io("sync", "the folder"))
        }
        Err(error) if is_no_space(&error) => {
            warn!(
                "no space for the reserve of the write-ahead log: this node may not be able to restart until there is"
            );
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Replays a segment that has a successor: it must be whole up to the end that the successor saw.
fn replay_whole(replay: &mut Replay, link: &Link, end: u64) -> Result<(), WalError> {
    let segment = &link.segment;
    let sequence = segment.sequence;
    let flawed = |offset, why| WalError::flaw(sequence, offset, why);
    replay
        .enter(sequence, &link.header.groups)
        .map_err(|why| flawed(0, why))?;
    let mut scan = Scan::new(Arc::clone(segment));
    let mut offset = segment.header_bytes;
    while offset < end {
        let batch = scan.batch(offset).map_err(|none| none.at(segment, offset))?;
        for (begin, record) in &batch.records {
            let at = offset + *begin as u64;
            replay.apply(record, sequence, at).map_err(|why| flawed(at, why))?;
        }
        offset += batch.padded_bytes;
    }
    if offset == end {
        Ok(())
    } else {
        Err(flawed(offset, Flaw::End { synced_to: end }))
    }
}

/// Copies the batches of the newest segment up to `source_end` behind where the copy's header will be, and replays
/// them as they are in the copy. Says where the copy ends. Marks are left out: the copy's header is one.
fn fill_copy(
    spare: &Spare,
    newest: &Link,
    source_end: &End,
    header: &Header,
    replay: &mut Replay,
) -> Result<u64, WalError> {
    let source = &newest.segment;
    let flawed = |offset, why| WalError::flaw(source.sequence, offset, why);
    replay
        .enter(header.sequence, &header.groups)
        .map_err(|why| flawed(0, why))?;
    let mut scan = Scan::new(Arc::clone(source));
    let mut buffer = Vec::new();
    let mut offset = source.header_bytes;
    let mut end = header.encode().len() as u64;
    while offset < source_end.at {
        let batch = scan.batch(offset).map_err(|none| match none {
            NoBatch::Flaw(why) if offset >= source_end.durable_to => changed(source, offset, &why),
            NoBatch::Flaw(why) => flawed(offset, why),
            NoBatch::Io(error) => error,
        })?;
        if !batch.records.is_empty() {
            let mut builder = BatchBuilder::begin(&mut buffer, header.salt);
            for (_, record) in &batch.records {
                let at = end + builder.push(record)? as u64;
                let replayed = replay.apply(record, header.sequence, at);
                replayed.map_err(|why| flawed(offset, why))?;
            }
            builder.seal(header.sequence, end);
            let written = spare.file.write_at(end, &buffer);
            written.map_err(WalError::io("write", &spare.name))?;
            end += buffer.len() as u64;
        }
        offset += batch.padded_bytes;
    }
    Ok(end)
}

/// A batch that was whole when the end was looked for and is not now, and of which nothing says that it was durable.
/// Its sync failed, and the kernel has forgotten it since: nobody was told of it, so it is no damage, and the next
/// recovery finds the end before it.
fn changed(source: &SegmentFile, offset: u64, why: &Flaw) -> WalError {
    let cause = io::Error::other(format!(
        "the batch at byte {offset} was whole a moment ago, and now {why}"
    ));
    WalError::io("read twice the same from", &source.sequence.file_name())(cause)
}
