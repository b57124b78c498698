//! The state of one stream.
//! Promises: it changes only by applied calls, each in its own file. Holds no payload and no clock: where the records
//! are is the node's business, and how many bytes of them are still retained only the node's index can tell.

use tenure_types::{Epoch, Incarnation, Lsn, StreamId, TenantId};

use crate::ownership::{Ownerships, Standing};
use crate::recent::RecentChains;
use crate::{Create, Ownership};

/// One stream as a log group has applied it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    pub(crate) id: StreamId,
    pub(crate) tenant: TenantId,
    pub(crate) restore_window: bool,
    pub(crate) ownerships: Ownerships,
    pub(crate) recent: RecentChains,
    /// Position of the newest dropped record.
    pub(crate) trim: Option<Lsn>,
    /// Bytes ever charged for records ([`Record::charged_bytes`](crate::Record::charged_bytes)). Only grows, so credit can be a limit on it.
    pub(crate) appended_bytes: u64,
}

impl Stream {
    /// A stream without owner and records.
    pub(crate) fn created(create: &Create) -> Self {
        Self {
            id: create.stream,
            tenant: create.tenant,
            restore_window: create.restore_window,
            ownerships: Ownerships::default(),
            recent: RecentChains::of_empty(create.stream),
            trim: None,
            appended_bytes: 0,
        }
    }

    /// Its name.
    pub fn id(&self) -> StreamId {
        self.id
    }

    /// Position of its newest record.
    pub fn tail(&self) -> Option<Lsn> {
        self.recent.tail()
    }

    /// Position of its newest dropped record; the ones behind it are kept.
    pub fn trim_point(&self) -> Option<Lsn> {
        self.trim
    }

    /// Its current epoch.
    pub fn epoch(&self) -> Epoch {
        self.ownerships.epoch()
    }

    /// Who holds it, and on what terms; `None` before the first fence.
    pub fn ownership(&self) -> Option<&Ownership> {
        self.ownerships.current()
    }

    /// Bytes ever charged for its records ([`Record::charged_bytes`](crate::Record::charged_bytes)).
    pub fn appended_bytes(&self) -> u64 {
        self.appended_bytes
    }

    pub(crate) fn standing(&self, epoch: Epoch, incarnation: Incarnation) -> Standing {
        self.ownerships.standing(epoch, incarnation, self.tail())
    }
}
