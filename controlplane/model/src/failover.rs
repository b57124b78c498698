//! Attempts to give a shard another owner. One stands in SQL before its fence is sent, and its outcome after.

use tenure_types::{Epoch, Owner, WallTime};

use crate::{FailoverId, ShardId};

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailoverAttempt {
    /// Its id.
    pub id: FailoverId,
    /// The shard.
    pub shard: ShardId,
    /// The epoch that was to be ended.
    pub expect: Epoch,
    /// Who was to own the next one.
    pub to: Owner,
    /// Why.
    pub reason: FailoverReason,
    /// What came of it.
    pub outcome: FailoverOutcome,
    /// When it was begun.
    pub begun_at: WallTime,
    /// When its outcome was known.
    pub ended_at: Option<WallTime>,
}

/// Why a shard was to have another owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailoverReason {
    /// The log's leader heard nothing of the owner.
    OwnerSilent,
    /// The owner gave its epoch up.
    GivenUp,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailoverOutcome {
    /// The fence is under way, or its answer was never heard. Corrected from what the log says.
    Unknown,
    /// It owns this epoch.
    Won(Epoch),
    /// Somebody else was faster: this epoch stands now.
    Lost(Epoch),
}
