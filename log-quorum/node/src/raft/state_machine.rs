//! openraft's state machine of one group: applies committed entries to the group's streams.
//! Promises: entries are applied whole, in order, each once; an entry that this version cannot read stops the group, it
//! is never skipped. Does no IO. Leaves to the proposer: telling callers what became of their calls.
//!
//! Snapshots hold the streams without their records. Nothing is purged yet, so none is ever needed to catch up; they are
//! kept in memory, and a restarted node applies its log from the start.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine, Snapshot, SnapshotMeta};
use openraft::{EntryPayload, OptionalSend};
use tenure_log_protocol::{Answer, StreamTable};
use tenure_types::{Clock, LeaseLength};

use super::stored;
use super::types::{Applied, Batch, LeaderId, LogId, StoredMembership, TypeConfig, Voter};
use crate::convert;
use crate::group::state::Shared;

type Meta = SnapshotMeta<LeaderId, u64, Voter>;

/// The state machine of one group.
pub(crate) struct StateMachine {
    state: Shared,
    clock: Arc<dyn Clock>,
    snapshot: Option<(Meta, Bytes)>,
}

impl StateMachine {
    /// Applies to `state`.
    pub(crate) fn new(state: Shared, clock: Arc<dyn Clock>) -> Self {
        Self {
            state,
            clock,
            snapshot: None,
        }
    }

    fn apply_batch(&self, log_id: LogId, batch: &Batch) -> io::Result<Vec<Answer>> {
        // All is read before any of it is applied: half an entry must not be.
        let mut calls = Vec::new();
        for frame in stored::frames(batch)? {
            let call = convert::call_from_wire(&frame.call).map_err(io::Error::other)?;
            calls.push((frame.offset, call));
        }
        let mut state = self.state.lock();
        // Read under the lock, so that a fence is noted after every request that was noted before it.
        let now = self.clock.boot();
        let answers = calls
            .iter()
            .map(|(offset, call)| state.apply(call, log_id.index, *offset, now))
            .collect();
        state.applied = Some(log_id);
        state.note_entry();
        Ok(answers)
    }
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotData = Bytes;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        let state = self.state.lock();
        Ok((state.applied, state.membership.clone()))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            let answers = match &entry.payload {
                EntryPayload::Normal(batch) => self.apply_batch(entry.log_id, batch)?,
                EntryPayload::Blank => {
                    self.state.lock().applied = Some(entry.log_id);
                    Vec::new()
                }
                EntryPayload::Membership(membership) => {
                    let mut state = self.state.lock();
                    state.applied = Some(entry.log_id);
                    state.membership = StoredMembership::new(Some(entry.log_id), membership.clone());
                    Vec::new()
                }
            };
            if let Some(responder) = responder {
                responder.send(Applied(answers));
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self::SnapshotBuilder {
        let state = self.state.lock();
        let meta = Meta {
            last_log_id: state.applied,
            last_membership: state.membership.clone(),
        };
        let built = (meta, state.table.encode_whole());
        drop(state);
        self.snapshot = Some(built.clone());
        Builder(built)
    }

    async fn install_snapshot(&mut self, meta: &Meta, snapshot: Bytes) -> Result<(), io::Error> {
        let table = StreamTable::decode(&snapshot).map_err(io::Error::other)?;
        let quorums = self.state.lock().table.lease_max();
        if table.lease_max() != quorums {
            return Err(io::Error::other(OtherQuorum {
                found: table.lease_max(),
                quorums,
            }));
        }
        // The records of a stream must be on this disk before the node may vote by them, and nothing ships them yet.
        if let Some(stream) = table.streams().find(|stream| stream.tail() > stream.trim_point()) {
            return Err(io::Error::other(RecordsMissing { stream: stream.id() }));
        }
        let mut state = self.state.lock();
        state.install(table, meta.last_log_id, meta.last_membership.clone());
        drop(state);
        self.snapshot = Some((meta.clone(), snapshot));
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<LeaderId, u64, Voter, Bytes>>, io::Error> {
        let snapshot = self.snapshot.clone();
        Ok(snapshot.map(|(meta, snapshot)| Snapshot { meta, snapshot }))
    }
}

/// A snapshot names records that are not on this disk.
#[derive(Debug, thiserror::Error)]
#[error("the snapshot cannot be installed: records of {stream} are not on this disk")]
struct RecordsMissing {
    stream: tenure_types::StreamId,
}

/// A snapshot was made by a quorum with another L_max.
#[derive(Debug, thiserror::Error)]
#[error("the snapshot cannot be installed: its longest lease is {found}, this quorum's is {quorums}")]
struct OtherQuorum {
    found: LeaseLength,
    quorums: LeaseLength,
}

/// A snapshot that is built already: encoding holds the lock anyway.
pub(crate) struct Builder((Meta, Bytes));

impl RaftSnapshotBuilder<TypeConfig> for Builder {
    type SnapshotData = Bytes;

    async fn build_snapshot(&mut self) -> Result<Snapshot<LeaderId, u64, Voter, Bytes>, io::Error> {
        let (meta, snapshot) = self.0.clone();
        Ok(Snapshot { meta, snapshot })
    }
}
