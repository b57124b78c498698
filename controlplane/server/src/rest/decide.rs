//! How a change is decided and written.
//! Promises: what was decided by a world that somebody else changed meanwhile is decided anew, at most 8 times; the rows, and the answer that is
//! remembered of them, are written together or not at all.

use std::time::Duration;

use tenure_control_model::{Attachment, Change, Expect, Revision, World, Write};
use tenure_control_store::StoreError;

use super::Rest;
use super::answer::Answer;
use super::call::Call;
use super::problem::Fault;
use super::turns::turn;

/// How often a change is decided, if others keep changing what it was decided by.
const ATTEMPTS_MAX: usize = 8;

/// How long a turn to decide is waited for.
const TURN_WITHIN: Duration = Duration::from_secs(5);

/// What is to be written, and what is answered once it is.
#[derive(Debug)]
pub(super) struct Decision {
    /// The rows; none: nothing is to be changed.
    pub(super) change: Change,
    /// The answer.
    pub(super) answer: Answer,
}

impl Decision {
    /// Nothing is to be changed.
    pub(super) fn nothing(answer: Answer) -> Self {
        let change = Change::default();
        Self { change, answer }
    }
}

impl Rest {
    /// Decides by everything that is known, and writes it unless somebody changed what nodes are to host meanwhile.
    pub(super) async fn decide(
        &self,
        call: &Call,
        plan: impl Fn(World) -> Result<Decision, Fault> + Send,
    ) -> Result<Answer, Fault> {
        let _turn = turn(&self.deciding, TURN_WITHIN).await?;
        for _ in 0..ATTEMPTS_MAX {
            let world = self.shared.store.world().await?;
            let unchanged = Write::ExpectGeneration(world.generation);
            let mut decision = plan(world)?;
            if decision.change.writes.is_empty() {
                return Ok(decision.answer);
            }
            decision.change.writes.insert(0, unchanged);
            match self.write(call, decision).await {
                Ok(answer) => {
                    self.shared.wake.notify_one();
                    return Ok(answer);
                }
                // The tenant or the cluster may have gone too: the next look tells.
                Err(StoreError::Conflict { .. } | StoreError::InUse { .. }) => {}
                Err(error @ (StoreError::Full { .. } | StoreError::Unavailable { .. })) => return Err(error.into()),
            }
        }
        Err(Fault::conflict())
    }

    /// Writes rows, and in the same transaction the answer, if it is to be remembered.
    pub(super) async fn write(&self, call: &Call, decision: Decision) -> Result<Answer, StoreError> {
        let Decision { mut change, answer } = decision;
        if let Some(once) = &call.once {
            change.writes.push(once.remember(self, &answer));
        }
        self.shared.store.apply(change).await?;
        Ok(answer)
    }
}

/// The world as it will be once the clusters, shards, replicas, attachments and operations of a change are written: what is answered is made of it.
pub(super) fn foresee(world: &mut World, change: &Change) {
    for write in &change.writes {
        match write {
            Write::PutCluster(row, expect) => {
                let row = with_revision(row.clone(), *expect, |row| &mut row.revision);
                put(&mut world.clusters, row, *expect, |row| row.id);
            }
            Write::PutShard(row, expect) => {
                let row = with_revision(row.clone(), *expect, |row| &mut row.revision);
                put(&mut world.shards, row, *expect, |row| row.id);
            }
            Write::PutReplica(row, expect) => {
                let row = with_revision(row.clone(), *expect, |row| &mut row.revision);
                put(&mut world.replicas, row, *expect, |row| (row.shard, row.node));
            }
            Write::PutAttachment(row, expect) => {
                let row = with_revision(row.clone(), *expect, |row| &mut row.revision);
                put(&mut world.attachments, row, *expect, |row| {
                    (row.cluster, row.name.clone())
                });
                world
                    .attachments
                    .sort_by(|one, other| (one.cluster, &one.name).cmp(&(other.cluster, &other.name)));
            }
            Write::DeleteAttachment(cluster, name, _) => {
                let goes = |row: &Attachment| row.cluster == *cluster && row.name == *name;
                world.attachments.retain(|row| !goes(row));
            }
            Write::PutOperation(row, expect) => {
                let row = with_revision(row.clone(), *expect, |row| &mut row.revision);
                put(&mut world.operations, row, *expect, |row| row.id);
            }
            // Nothing that is answered shows these.
            Write::ExpectGeneration(_)
            | Write::PutTenant(..)
            | Write::DeleteTenant(..)
            | Write::DeleteCluster(..)
            | Write::DeleteReplica(..)
            | Write::AddPlugin(..)
            | Write::DeletePlugin(_)
            | Write::PutNode(..)
            | Write::PutReport(_)
            | Write::PutApiKey(..)
            | Write::RevokeApiKey(..)
            | Write::PutFailover(_)
            | Write::AddEvent(_)
            | Write::PutAudit(_)
            | Write::Remember(_) => {}
        }
    }
}

fn with_revision<R>(mut row: R, expect: Expect, revision: impl Fn(&mut R) -> &mut Revision) -> R {
    *revision(&mut row) = match expect {
        Expect::Absent => Revision::FIRST,
        Expect::Revision(before) => before.next(),
    };
    row
}

fn put<R, K: PartialEq>(rows: &mut Vec<R>, row: R, expect: Expect, key: impl Fn(&R) -> K) {
    // A large cluster has thousands of rows: new ones are not looked for.
    let old = match expect {
        Expect::Absent => None,
        Expect::Revision(_) => rows.iter_mut().find(|old| key(old) == key(&row)),
    };
    match old {
        Some(old) => *old = row,
        None => rows.push(row),
    }
}
