//! Create: a stream begins to exist.
//! Promises: repeating a Create changes nothing, and a late one does not bring a deleted stream back.
//! Leaves to the control plane: never using an id for two streams.

use tenure_types::{StreamId, TenantId};

use crate::limits::STREAMS_MAX;

/// Begins a stream without owner and records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Create {
    /// The stream.
    pub stream: StreamId,
    /// Who pays for its bytes.
    pub tenant: TenantId,
    /// Whether the tenant can restore to any point in time, so that nothing is dropped before it is archived.
    pub restore_window: bool,
}

/// No stream was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CreateRefused {
    /// The id names a stream with other properties.
    #[error("the stream exists already, for {tenant}, with restore window: {restore_window}")]
    AlreadyExists {
        /// Whom the existing one belongs to.
        tenant: TenantId,
        /// Whether the existing one keeps a restore window.
        restore_window: bool,
    },
    /// The id named a stream that was deleted.
    #[error("the stream was deleted; a new one needs a new id")]
    Deleted,
    /// The group has as many streams as it can carry.
    #[error("the group is full: it carries {STREAMS_MAX} streams")]
    GroupFull,
}
