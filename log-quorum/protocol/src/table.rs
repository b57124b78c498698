//! All streams of one log group.
//! Promises: applying the same calls in the same order gives equal tables and equal answers, on every node, always.
//! Leaves to each call's file what the call means; here are only the streams it can be meant for.

use std::collections::BTreeMap;

use tenure_types::{LeaseLength, StreamId};

use crate::append::{Append, AppendVerdict, Unsettled};
use crate::call::{Answer, Call};
use crate::create::{Create, CreateRefused};
use crate::delete::{Delete, Tombstones};
use crate::describe::Description;
use crate::fence::{Fence, FenceRefused, Granted};
use crate::limits::STREAMS_MAX;
use crate::ownership::NotHeld;
use crate::release::{Release, Released};
use crate::renew::Renew;
use crate::stream::Stream;
use crate::trim::{Trim, TrimRefused, Trimmed};

/// The replicated state of a log group. Two tables that applied the same log compare as equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamTable {
    /// L_max: a constant of the quorum, set when it was bootstrapped and the same on every node.
    pub(crate) lease_max: LeaseLength,
    // Ordered, so that whoever walks it meets the same order on every node.
    pub(crate) streams: BTreeMap<StreamId, Stream>,
    pub(crate) tombstones: Tombstones,
}

impl StreamTable {
    /// A group without streams, in a quorum whose longest lease is `lease_max`.
    pub fn new(lease_max: LeaseLength) -> Self {
        Self {
            lease_max,
            streams: BTreeMap::new(),
            tombstones: Tombstones::default(),
        }
    }

    /// L_max of the quorum.
    pub fn lease_max(&self) -> LeaseLength {
        self.lease_max
    }

    /// One stream, to read.
    pub fn stream(&self, stream: StreamId) -> Option<&Stream> {
        self.streams.get(&stream)
    }

    /// All streams by id, to read.
    pub fn streams(&self) -> impl Iterator<Item = &Stream> {
        self.streams.values()
    }

    /// Applies the next call of the log.
    pub fn apply(&mut self, call: &Call) -> Answer {
        match call {
            Call::Append(append) => Answer::Append(self.append(append)),
            Call::Fence(fence) => Answer::Fence(self.fence(fence)),
            Call::Release(release) => Answer::Release(self.release(release)),
            Call::Trim(trim) => Answer::Trim(self.trim(trim)),
            Call::Create(create) => Answer::Create(self.create(create)),
            Call::Delete(delete) => {
                self.delete(delete);
                Answer::Delete
            }
        }
    }

    /// Adds records. Which of them are new shows in the stream's tail before and after: a resend may carry both kinds.
    pub fn append(&mut self, append: &Append) -> Result<AppendVerdict, Unsettled> {
        append.check()?;
        self.streams
            .get_mut(&append.stream)
            .ok_or(Unsettled::NoStream)?
            .append(append)
    }

    /// Begins an epoch. Whether it began now, or the fence was a repeat, shows in the stream's epoch before and after.
    pub fn fence(&mut self, fence: &Fence) -> Result<Granted, FenceRefused> {
        self.streams
            .get_mut(&fence.stream)
            .ok_or(FenceRefused::NoStream)?
            .fence(fence, self.lease_max)
    }

    /// Gives an epoch up.
    pub fn release(&mut self, release: &Release) -> Result<Released, NotHeld> {
        self.streams
            .get_mut(&release.stream)
            .ok_or(NotHeld::NoStream)?
            .release(release)
    }

    /// Judges a renewal by what is applied here. Not logged.
    pub fn check_renew(&self, renew: &Renew) -> Result<(), NotHeld> {
        self.stream(renew.stream).ok_or(NotHeld::NoStream)?.check_renew(renew)
    }

    /// Everything about one stream.
    pub fn describe(&self, stream: StreamId) -> Option<Description> {
        self.stream(stream).map(Stream::describe)
    }

    /// Drops records.
    pub fn trim(&mut self, trim: &Trim) -> Result<Trimmed, TrimRefused> {
        self.streams
            .get_mut(&trim.stream)
            .ok_or(TrimRefused::NoStream)?
            .trim(trim)
    }

    /// Begins a stream.
    pub fn create(&mut self, create: &Create) -> Result<(), CreateRefused> {
        if let Some(existing) = self.stream(create.stream) {
            let Stream {
                tenant, restore_window, ..
            } = *existing;
            let same = (tenant, restore_window) == (create.tenant, create.restore_window);
            return if same {
                Ok(())
            } else {
                Err(CreateRefused::AlreadyExists { tenant, restore_window })
            };
        }
        if self.tombstones.covers(create.stream) {
            return Err(CreateRefused::Deleted);
        }
        if self.streams.len() >= STREAMS_MAX {
            return Err(CreateRefused::GroupFull);
        }
        self.streams.insert(create.stream, Stream::created(create));
        Ok(())
    }

    /// Ends a stream.
    pub fn delete(&mut self, delete: &Delete) {
        self.streams.remove(&delete.stream);
        self.tombstones.add(delete.stream);
    }
}
