//! The role of a replica, with what it has in it.

use tenure_log::Unsettled;
use tenure_types::{BootTime, Lsn};

use super::Standing;
use super::pipeline::Pipeline;

/// What a replica is.
#[derive(Debug)]
pub(super) enum Role {
    /// It shows nothing yet: it reads the log up to what was there when it asked. Left for `Replica`.
    Loading,
    /// It applies what others write. May answer reads of those who said READONLY. Left for `Owner` by a fence.
    Replica,
    /// It owns an epoch. What it may do depends on its lease and its wait-out. Left for `Loading` when it is fenced:
    /// with its image, or with none if that held what never will be.
    Owner(Box<Pipeline>),
    /// The stream does not fit the image. Never left: the process must be started anew.
    Broken,
}

/// Why a replica cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    /// The log refuses its records for good.
    #[error("the log refuses its records for good")]
    Refused(#[source] Unsettled),
    /// A record does not follow those before it.
    #[error("the record at {at} does not fit those before it")]
    Misfit {
        /// Its position.
        at: Lsn,
    },
    /// A record whose effects cannot be read.
    #[error("the record at {at} cannot be applied")]
    Unreadable {
        /// Its position.
        at: Lsn,
        /// Why.
        source: Unreadable,
    },
    /// What was read ends with another history than the one the log told of.
    #[error("the history read up to {at:?} is not the one that the log has")]
    OtherHistory {
        /// Up to where.
        at: Option<Lsn>,
    },
    /// The records that it needs are dropped, and there is no snapshot.
    #[error("the records up to {trim} are dropped")]
    Trimmed {
        /// Up to where.
        trim: Lsn,
    },
    /// The log grants no epoch.
    #[error("the log grants no epoch")]
    NoEpoch(#[source] tenure_log::FenceRefused),
    /// The log does not take its stream.
    #[error("the log does not take the stream")]
    NoStream(#[source] tenure_log::CreateRefused),
    /// A stream cannot have so many records.
    #[error("the stream has no positions left")]
    NoPositionsLeft,
}

/// Why the effects of a record cannot be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// A newer engine wrote it.
    #[error("it is of engine version {version}, and this node knows {known}")]
    Newer {
        /// The record's.
        version: tenure_log::EngineVersion,
        /// The newest known.
        known: tenure_log::EngineVersion,
    },
    /// Its bytes are no effects.
    #[error("its payload is damaged")]
    Damaged(#[from] tenure_engine::EffectError),
}

impl Role {
    pub(super) fn standing(&self, now: BootTime) -> Standing {
        match self {
            Self::Loading => Standing::Loading,
            Self::Replica => Standing::Replica,
            Self::Owner(pipeline) => pipeline.standing(now),
            Self::Broken => Standing::Broken,
        }
    }

    pub(super) fn pipeline(&self) -> Option<&Pipeline> {
        match self {
            Self::Owner(pipeline) => Some(pipeline),
            Self::Loading | Self::Replica | Self::Broken => None,
        }
    }

    pub(super) fn pipeline_mut(&mut self) -> Option<&mut Pipeline> {
        match self {
            Self::Owner(pipeline) => Some(pipeline),
            Self::Loading | Self::Replica | Self::Broken => None,
        }
    }
}
