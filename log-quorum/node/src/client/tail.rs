//! Reading a stream from any log node.
//! Promises: a batch is asked for when the reader is begun, and another each time the one before was taken and the reader
//! wants more; so at most one waits, in memory of its own and not in the connection that readers share. What does not
//! follow the batch before is never given. Reading ends after the first error, and with its reader.
//! Leaves to the reader: to go on from where it is, which may be at another node.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tenure_log::{TailBatch, TailError, Tailing, Unknown};
use tenure_types::{Lsn, StreamId};
use tenure_wire::log_v1 as wire;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::confirm::unknown_of;
use super::group::Group;
use crate::convert;

/// A reader that was begun but is not connected.
pub(super) struct Tail {
    pub(super) group: Arc<Group>,
    pub(super) stream: StreamId,
    pub(super) from: Lsn,
    /// The node that is asked first, by its place in the list.
    pub(super) first_node: usize,
    /// How long connecting may take, all nodes together.
    pub(super) within: Duration,
}

/// A stream of batches from one node.
struct Connected {
    outbound: mpsc::Sender<wire::TailRequest>,
    inbound: Pin<Box<Streaming<wire::TailResponse>>>,
}

/// The reader's end.
struct Reader {
    asks: mpsc::Sender<()>,
    outcomes: mpsc::Receiver<Result<TailBatch, TailError>>,
    /// A batch was asked for and has not come.
    asked: bool,
}

impl Tail {
    /// The reader's end, and what is to be run for it.
    pub(super) fn begin(self) -> (Tailing, impl Future<Output = ()> + Send) {
        let (asks, asked) = mpsc::channel(1);
        let (to, outcomes) = mpsc::channel(1);
        let reader = Reader {
            asks,
            outcomes,
            // Opening the stream asks for the first.
            asked: true,
        };
        let tailing = futures::stream::unfold(Some(reader), |reader| async {
            let mut reader = reader?;
            let outcome = reader.next().await;
            let left = outcome.is_ok().then_some(reader);
            Some((outcome, left))
        });
        (tailing.boxed(), self.run(asked, to))
    }

    async fn run(self, mut asked: mpsc::Receiver<()>, to: mpsc::Sender<Result<TailBatch, TailError>>) {
        let connected = tokio::select! {
            biased;
            connected = self.connect() => connected,
            () = to.closed() => return,
        };
        let ended = match connected {
            Ok(connected) => connected.read(self.from, &mut asked, &to).await,
            Err(unknown) => Some(TailError::Interrupted(unknown)),
        };
        if let Some(error) = ended {
            // Whoever dropped the reader does not want to hear it.
            let _ = to.send(Err(error)).await;
        }
    }

    /// The first node that answers.
    async fn connect(&self) -> Result<Connected, Unknown> {
        let count = self.group.tailing.nodes().count();
        let each = self.within / u32::try_from(count).unwrap_or(u32::MAX).max(1);
        let mut unknown = Unknown::Disconnected;
        for index in (0..count).map(|step| self.first_node.wrapping_add(step) % count) {
            match tokio::time::timeout(each, self.connect_to(index)).await {
                Ok(Ok(connected)) => return Ok(connected),
                Ok(Err(status)) => {
                    let (node, code) = (self.group.tailing.nodes().id(index), status.code());
                    tracing::debug!(stream = %self.stream, ?node, ?code, message = status.message(), "a log node cannot be read from");
                    unknown = unknown_of(&status, self.within);
                }
                Err(_) => {
                    self.group.tailing.forget(index);
                    unknown = Unknown::TimedOut { after: self.within };
                }
            }
        }
        Err(unknown)
    }

    async fn connect_to(&self, index: usize) -> Result<Connected, Status> {
        let client = self.group.tailing.client(index);
        let mut client = client.map_err(|error| Status::unavailable(error.to_string()))?;
        let (outbound, requests) = mpsc::channel(1);
        let open = wire::TailOpen {
            stream: self.stream.to_bits(),
            from: self.from.get(),
        };
        outbound
            .try_send(wire::TailRequest { open: Some(open) })
            .map_err(|_| Status::internal("a new stream takes no message"))?;
        let response = client.tail(ReceiverStream::new(requests)).await?;
        Ok(Connected {
            outbound,
            inbound: Box::pin(response.into_inner()),
        })
    }
}

impl Connected {
    /// Passes batches on until something ends it. `None`: the reader is gone.
    async fn read(
        mut self,
        mut next: Lsn,
        asked: &mut mpsc::Receiver<()>,
        to: &mpsc::Sender<Result<TailBatch, TailError>>,
    ) -> Option<TailError> {
        loop {
            let batch = tokio::select! {
                biased;
                outcome = self.outcome(next) => match outcome {
                    Ok(batch) => batch,
                    Err(error) => return Some(error),
                },
                () = to.closed() => return None,
            };
            let last = batch.numbered().last();
            next = last.and_then(|(lsn, _)| lsn.next()).unwrap_or(next);
            to.send(Ok(batch)).await.ok()?;
            tokio::select! {
                biased;
                wants = asked.recv() => wants?,
                // Nothing was asked for, so this is the end of the stream, or nonsense.
                heard = self.inbound.next() => return Some(interrupted(heard.and_then(Result::err).as_ref())),
            }
            if self.outbound.send(wire::TailRequest { open: None }).await.is_err() {
                return Some(interrupted(None));
            }
        }
    }

    async fn outcome(&mut self, next: Lsn) -> Result<TailBatch, TailError> {
        match self.inbound.next().await {
            Some(Ok(response)) => match convert::tail_outcome_from_wire(next, &response) {
                Ok(outcome) => outcome,
                Err(bad) => {
                    tracing::error!(%next, error = %bad, "a log node is not understood");
                    Err(interrupted(None))
                }
            },
            Some(Err(status)) => Err(interrupted(Some(&status))),
            None => Err(interrupted(None)),
        }
    }
}

/// The connection broke, whatever gRPC calls it.
fn interrupted(status: Option<&Status>) -> TailError {
    if let Some(status) = status {
        tracing::debug!(code = ?status.code(), message = status.message(), "a reader was cut off");
    }
    TailError::Interrupted(Unknown::Disconnected)
}

impl Reader {
    async fn next(&mut self) -> Result<TailBatch, TailError> {
        // There is room: the one before was taken, or it would still be asked for. Failing, it learns below why.
        if !self.asked && self.asks.try_send(()).is_ok() {
            self.asked = true;
        }
        let outcome = self.outcomes.recv().await;
        self.asked = false;
        // Told by nobody: the runtime was shut down.
        outcome.unwrap_or(Err(TailError::Interrupted(Unknown::Disconnected)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn batch() -> TailBatch {
        TailBatch {
            first: Lsn::FIRST,
            records: Vec::new(),
            tail: Lsn::FIRST,
        }
    }

    #[test]
    fn a_batch_is_asked_for_only_when_the_reader_wants_one() {
        let (asks, mut asked) = mpsc::channel(1);
        let (to, outcomes) = mpsc::channel(1);
        let mut reader = Reader {
            asks,
            outcomes,
            asked: true,
        };
        assert!(reader.next().now_or_never().is_none());
        assert!(asked.try_recv().is_err(), "opening asked for the first");
        to.try_send(Ok(batch())).unwrap();
        assert_eq!(reader.next().now_or_never(), Some(Ok(batch())));
        assert!(asked.try_recv().is_err(), "nobody wants a second yet");
        assert!(reader.next().now_or_never().is_none());
        assert!(reader.next().now_or_never().is_none());
        assert!(asked.try_recv().is_ok());
        assert!(asked.try_recv().is_err(), "asked for once");
    }

    #[test]
    fn a_reader_whose_task_is_gone_is_interrupted() {
        let (asks, _) = mpsc::channel(1);
        let (_, outcomes) = mpsc::channel(1);
        let mut reader = Reader {
            asks,
            outcomes,
            asked: false,
        };
        let interrupted = Err(TailError::Interrupted(Unknown::Disconnected));
        assert_eq!(reader.next().now_or_never(), Some(interrupted));
    }
}
