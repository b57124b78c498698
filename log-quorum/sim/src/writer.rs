//! An owner as the data plane has one: it fences, writes with many records in flight, resends what has no verdict, and
//! starts over when it is fenced. It tells the oracle what it was told.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesOrdered;
use tenure_log::{
    Append, AppendVerdict, CallError, Chain, Draft, EngineVersion, Fence, FenceRefused, Fenced, Granted, Log,
    Nomination, Record, Renew, Reply, Unsettled,
};
use tenure_types::{Epoch, Incarnation, LeaseLength, Lsn, NodeId, Owner, StreamId, WallTime};

use crate::oracle::Oracle;
use crate::phase::Phase;

/// Records in flight.
const IN_FLIGHT_MAX: usize = 8;
/// Between two tries of a call whose outcome is not known.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Between two renewals.
const RENEW_AFTER: Duration = Duration::from_millis(20);
/// Epochs of a writer that are renewed at once, the newest included.
const ZOMBIES_MAX: usize = 3;

/// One writer.
pub(crate) struct Writer {
    pub log: Arc<dyn Log>,
    /// A client of its own for renewals: it stays with a leader that answers them, wherever appends go.
    pub(crate) renewing: Arc<dyn Log>,
    pub oracle: Oracle,
    pub stream: StreamId,
    pub node: NodeId,
    /// Records it writes under one epoch before it lets go and fences anew.
    pub records_per_epoch: u64,
    pub phase: Phase,
    /// Lives so far.
    pub lives: u64,
}

/// An epoch of a writer, with what it sealed and has no verdict for.
struct Tenure {
    owner: Owner,
    granted: Granted,
    tail: Option<Lsn>,
    chain: Chain,
    unsettled: VecDeque<(Lsn, Record)>,
    sealed: Vec<(Lsn, Record)>,
}

/// How an epoch went on.
enum Went {
    /// Every record has its verdict, and no more are wanted.
    Settled,
    /// Another owner came.
    Fenced,
}

impl Writer {
    /// Owns the stream again and again until the chaos ends; then settles what it has.
    pub(crate) async fn run(mut self) {
        let mut zombies = VecDeque::new();
        while !self.phase.is_over() {
            let Some(mut tenure) = self.fence().await else {
                tokio::time::sleep(TRY_AGAIN_AFTER).await;
                continue;
            };
            let zombie = tokio::spawn(self.renew_on(&tenure));
            match self.write(&mut tenure).await {
                Went::Settled | Went::Fenced => {}
            }
            zombies.push_back(zombie);
            if zombies.len() > ZOMBIES_MAX {
                zombies.pop_front().expect("there are some").abort();
            }
        }
        zombies.iter().for_each(tokio::task::JoinHandle::abort);
    }

    /// Renews an epoch without end, also when it is long over, as an owner does that hears nothing: the worst case.
    fn renew_on(&self, tenure: &Tenure) -> impl Future<Output = ()> + Send + use<> {
        let renew = Renew {
            stream: self.stream,
            epoch: tenure.granted.epoch,
            incarnation: tenure.owner.incarnation,
            under_lease: false,
        };
        let (log, oracle) = (Arc::clone(&self.renewing), self.oracle.clone());
        async move {
            loop {
                let newest_when_sent = oracle.newest_epoch();
                let answer = log.renew(vec![renew]).next().await;
                if answer.is_some_and(|answer| answer.outcome.is_ok()) {
                    oracle.renewed(renew.epoch, newest_when_sent);
                }
                tokio::time::sleep(RENEW_AFTER).await;
            }
        }
    }

    /// Owns the stream for one record. Gives the position of that record.
    pub(crate) async fn write_once(mut self) -> Lsn {
        loop {
            if let Some(mut tenure) = self.fence().await
                && let Went::Settled = self.write(&mut tenure).await
            {
                return tenure.tail.expect("a record was written");
            }
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
        }
    }

    /// Takes the stream from whoever has it. `None`: somebody else was faster.
    async fn fence(&mut self) -> Option<Tenure> {
        self.lives += 1;
        let incarnation = Incarnation::new(self.node.get() << 32 | self.lives)?;
        let owner = Owner {
            node: self.node,
            incarnation,
        };
        let expect_epoch = self.current_epoch().await;
        let fence = Fence {
            stream: self.stream,
            expect_epoch,
            owner,
            lease: LeaseLength::from_millis(1200)?,
            nomination: Nomination::ByControlPlane,
        };
        let granted = match settled(|| self.log.fence(fence)).await {
            Ok(granted) => granted,
            Err(FenceRefused::Lost { .. }) => return None,
            Err(refused) => panic!("a fence was refused: {refused}"),
        };
        self.oracle.granted(granted.epoch, owner);
        Some(Tenure {
            owner,
            tail: granted.tail,
            chain: granted.chain,
            granted,
            unsettled: VecDeque::new(),
            sealed: Vec::new(),
        })
    }

    async fn current_epoch(&self) -> Epoch {
        loop {
            let answer = self.log.describe(vec![self.stream]).next().await;
            match answer.map(|answer| answer.outcome) {
                Some(Ok(Some(status))) => {
                    return status.description.ownership.map_or(Epoch::NONE, |own| own.epoch);
                }
                Some(Ok(None) | Err(_)) | None => tokio::time::sleep(TRY_AGAIN_AFTER).await,
            }
        }
    }

    async fn write(&self, tenure: &mut Tenure) -> Went {
        loop {
            let mut in_flight = FuturesOrdered::new();
            // Everything without a verdict again, in order, then new records.
            for (lsn, record) in &tenure.unsettled {
                in_flight.push_back(self.send(tenure, *lsn, record.clone()));
            }
            loop {
                while in_flight.len() < IN_FLIGHT_MAX && self.wants_more(tenure) {
                    let (lsn, record) = tenure.seal();
                    in_flight.push_back(self.send(tenure, lsn, record));
                }
                let Some(outcome) = in_flight.next().await else {
                    return Went::Settled;
                };
                match outcome {
                    Ok(AppendVerdict::Ok { lsn }) => self.settle(tenure, lsn),
                    Ok(AppendVerdict::Fenced(fenced)) => {
                        self.end(tenure, fenced);
                        return Went::Fenced;
                    }
                    // Nothing is known: back to the first record without a verdict. What is still in flight may take
                    // effect; its answers are not waited for.
                    Err(again) => {
                        assert!(again.is_retryable(), "an append was refused: {again}");
                        break;
                    }
                }
            }
            drop(in_flight);
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
        }
    }

    fn wants_more(&self, tenure: &Tenure) -> bool {
        !self.phase.is_over() && (tenure.sealed.len() as u64) < self.records_per_epoch
    }

    fn send(
        &self,
        tenure: &Tenure,
        lsn: Lsn,
        record: Record,
    ) -> impl Future<Output = Result<AppendVerdict, CallError<Unsettled>>> + use<> {
        let append = Append {
            stream: self.stream,
            epoch: tenure.granted.epoch,
            incarnation: tenure.owner.incarnation,
            under_lease: true,
            prev_lsn: Lsn::new(lsn.get() - 1),
            records: vec![record],
        };
        let reply = self.log.append(append);
        async move { reply.await.map(|appended| appended.verdict) }
    }

    fn settle(&self, tenure: &mut Tenure, upto: Lsn) {
        let settled = tenure.unsettled.partition_point(|(lsn, _)| *lsn <= upto);
        self.oracle.acknowledged(tenure.unsettled.drain(..settled));
    }

    fn end(&self, tenure: &mut Tenure, fenced: Fenced) {
        let (epoch, incarnation) = (tenure.granted.epoch, tenure.owner.incarnation);
        let sealed = std::mem::take(&mut tenure.sealed);
        self.oracle.fenced(epoch, incarnation, fenced.fence_lsn, sealed);
    }
}

impl Tenure {
    /// One more record. Its payload names its owner and its position, so no two are alike.
    fn seal(&mut self) -> (Lsn, Record) {
        let lsn = Lsn::after(self.tail).expect("no simulation is so long");
        let payload = format!("{}@{lsn}", self.owner);
        let draft = Draft {
            epoch: self.granted.epoch,
            incarnation: self.owner.incarnation,
            written_at: WallTime::from_unix_millis(1_700_000_000_000),
            engine_version: EngineVersion::new(1),
            payload: Bytes::from(payload),
        };
        let record = draft.seal(lsn, self.chain);
        (self.tail, self.chain) = (Some(lsn), record.chain);
        self.unsettled.push_back((lsn, record.clone()));
        self.sealed.push((lsn, record.clone()));
        (lsn, record)
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
