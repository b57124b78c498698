//! An owner of a stream: fences it, appends, resends until it has a verdict, and remembers what was acknowledged.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use tenure_log::{
    Append, AppendVerdict, CallError, Chain, Create, Credit, Draft, EngineVersion, Fence, Granted, Log, Nomination,
    Record, Reply,
};
use tenure_types::{
    Epoch, GroupId, Incarnation, LeaseLength, Lsn, NodeId, Owner as Name, StreamId, TenantId, WallTime,
};

use super::LEASE_MAX_MILLIS;

const TRY_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// Stream `number` of group 0.
pub(crate) fn stream(number: u32) -> StreamId {
    StreamId::new(GroupId::new(0), number)
}

/// See the top of the file.
pub(crate) struct Owner {
    log: Arc<dyn Log>,
    stream: StreamId,
    granted: Granted,
    incarnation: Incarnation,
    tail: Option<Lsn>,
    chain: Chain,
    /// The highest credit it heard.
    pub(crate) credit: Credit,
    /// Bytes charged for its stream, by its own count.
    pub(crate) appended_bytes: u64,
    /// Everything it was told is in the stream for good.
    pub(crate) acknowledged: Vec<(Lsn, Record)>,
}

impl Owner {
    /// Creates the stream if need be, and takes it from whoever has it.
    pub(crate) async fn fencing(log: &Arc<dyn Log>, stream: StreamId, number: u64) -> Self {
        let create = Create {
            stream,
            tenant: TenantId::new(1),
            restore_window: false,
        };
        settled(|| log.create(create)).await.unwrap();
        let incarnation = Incarnation::new(number).unwrap();
        let fence = Fence {
            stream,
            expect_epoch: current_epoch(log.as_ref(), stream).await,
            owner: Name {
                node: NodeId::new(number),
                incarnation,
            },
            lease: LeaseLength::from_millis(LEASE_MAX_MILLIS / 2).unwrap(),
            nomination: Nomination::ByControlPlane,
        };
        let granted = settled(|| log.fence(fence)).await.unwrap();
        Self {
            log: Arc::clone(log),
            stream,
            incarnation,
            tail: granted.tail,
            chain: granted.chain,
            credit: Credit::NONE,
            appended_bytes: granted.appended_bytes,
            granted,
            acknowledged: Vec::new(),
        }
    }

    /// Appends one record and resends it until it is acknowledged.
    pub(crate) async fn write(&mut self, payload: Vec<u8>) {
        self.write_together(vec![payload]).await;
    }

    /// Appends some records at once.
    pub(crate) async fn write_together(&mut self, payloads: Vec<Vec<u8>>) {
        let prev_lsn = self.tail;
        let records: Vec<_> = payloads.into_iter().map(|payload| self.seal(payload)).collect();
        let append = Append {
            stream: self.stream,
            epoch: self.granted.epoch,
            incarnation: self.incarnation,
            under_lease: true,
            prev_lsn,
            records: records.iter().map(|(_, record)| record.clone()).collect(),
        };
        let appended = settled(|| self.log.append(append.clone())).await.unwrap();
        let lsn = self.tail.unwrap();
        assert_eq!(appended.verdict, AppendVerdict::Ok { lsn });
        self.credit = self.credit.or(appended.credit);
        self.acknowledged.extend(records);
    }

    fn seal(&mut self, payload: Vec<u8>) -> (Lsn, Record) {
        let lsn = Lsn::after(self.tail).unwrap();
        let draft = Draft {
            epoch: self.granted.epoch,
            incarnation: self.incarnation,
            written_at: WallTime::from_unix_millis(1_700_000_000_000),
            engine_version: EngineVersion::new(1),
            payload: Bytes::from(payload),
        };
        let record = draft.seal(lsn, self.chain);
        (self.tail, self.chain) = (Some(lsn), record.chain);
        self.appended_bytes += record.charged_bytes();
        (lsn, record)
    }

    /// Reads the stream through `log` up to what was acknowledged, and holds both against each other.
    pub(crate) async fn check_read_through(&self, log: &dyn Log) {
        let mut records = Vec::new();
        let last = self.acknowledged.last().map(|(lsn, _)| *lsn);
        while Lsn::new(records.len() as u64) < last {
            let mut tailing = log.tail(self.stream, Lsn::new(records.len() as u64 + 1).unwrap());
            while let Some(Ok(batch)) = tailing.next().await {
                records.extend(batch.records);
                if Lsn::new(records.len() as u64) >= last {
                    break;
                }
            }
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
        }
        for (lsn, record) in &self.acknowledged {
            let index = usize::try_from(lsn.get() - 1).unwrap();
            assert_eq!(records.get(index), Some(record), "the record at {lsn}");
        }
    }
}

async fn current_epoch(log: &dyn Log, stream: StreamId) -> Epoch {
    loop {
        let answer = log.describe(vec![stream]).next().await.unwrap();
        match answer.outcome {
            Ok(Some(status)) => return status.description.ownership.map_or(Epoch::NONE, |own| own.epoch),
            Ok(None) | Err(_) => tokio::time::sleep(TRY_AGAIN_AFTER).await,
        }
    }
}

/// Repeats a call until the log says yes or no.
pub(crate) async fn settled<T, R>(mut call: impl FnMut() -> Reply<T, R>) -> Result<T, R> {
    loop {
        match call().await {
            Ok(answer) => return Ok(answer),
            Err(CallError::Refused(refused)) => return Err(refused),
            Err(CallError::Unknown(_)) => tokio::time::sleep(TRY_AGAIN_AFTER).await,
        }
    }
}
