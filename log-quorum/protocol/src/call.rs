//! What goes through a group's log, and what comes of it.
//! Promises: these are all the calls that change a [`StreamTable`](crate::StreamTable); Renew and Describe are none.
//! Leaves to `node`: their encoding, and batching many of them into one entry.

use crate::append::{Append, AppendVerdict, Unsettled};
use crate::create::{Create, CreateRefused};
use crate::delete::Delete;
use crate::fence::{Fence, FenceRefused, Granted};
use crate::ownership::NotHeld;
use crate::release::{Release, Released};
use crate::trim::{Trim, TrimRefused, Trimmed};

/// One logged call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Adds records.
    Append(Append),
    /// Begins an epoch.
    Fence(Fence),
    /// Gives an epoch up.
    Release(Release),
    /// Drops records.
    Trim(Trim),
    /// Begins a stream.
    Create(Create),
    /// Ends a stream.
    Delete(Delete),
}

/// What a call did, of the same kind as the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// To an append.
    Append(Result<AppendVerdict, Unsettled>),
    /// To a fence.
    Fence(Result<Granted, FenceRefused>),
    /// To a release.
    Release(Result<Released, NotHeld>),
    /// To a trim.
    Trim(Result<Trimmed, TrimRefused>),
    /// To a create.
    Create(Result<(), CreateRefused>),
    /// To a delete, which always succeeds.
    Delete,
}
