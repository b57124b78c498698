//! Describe: all that can be told of a stream from its replicated state.
//! Promises: a plain copy, the same on every replica that applied as much. Leaves to `node`: the age of the owner's
//! last request ([`Clearance`](crate::Clearance) has it), and the bytes retained, which need the index of records.

use tenure_types::{LeaseLength, Lsn, StreamId, TenantId};

use crate::{Chain, Ownership, Stream};

/// One stream as a log group has applied it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// The stream.
    pub stream: StreamId,
    /// Whom it belongs to.
    pub tenant: TenantId,
    /// Whether nothing is dropped before it is archived.
    pub restore_window: bool,
    /// The current epoch's number, owner, lease, begin, wait-out, and whether it was released. `None` before the first.
    pub ownership: Option<Ownership>,
    /// The longest lease of any epoch so far, the current one included: what the next owner waits out, unless the
    /// current one releases.
    pub longest_lease: Option<LeaseLength>,
    /// Position of the newest record.
    pub tail: Option<Lsn>,
    /// Position of the newest dropped record.
    pub trim: Option<Lsn>,
    /// The chain at the tail.
    pub chain: Chain,
    /// Bytes ever charged for its records, dropped ones included ([`Record::charged_bytes`](crate::Record::charged_bytes)).
    pub appended_bytes: u64,
}

impl Stream {
    /// Everything about it.
    pub fn describe(&self) -> Description {
        Description {
            stream: self.id,
            tenant: self.tenant,
            restore_window: self.restore_window,
            ownership: self.ownerships.current().copied(),
            longest_lease: self.ownerships.longest_lease(),
            tail: self.recent.tail(),
            trim: self.trim,
            chain: self.recent.chain(),
            appended_bytes: self.appended_bytes,
        }
    }
}
