//! The stream that carries the logged calls of one group to one node, and their answers back.
//! Promises: a call goes on it only once the other side has answered, so that none is lost on a connection that never
//! came about; it waits for nothing while the other side takes no more. Every method may be given up while it waits.
//! Dropping it hands no more calls to the connection; what the connection already has, it may still bring.
//! Leaves to `submitter`: which calls, and what a loss means.

use std::pin::Pin;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use tenure_types::GroupId;
use tenure_wire::log_v1 as wire;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Status, Streaming};

use super::unanswered::Unanswered;
use crate::generated::log_client::LogClient;

/// The way to the node that is taken for the leader.
pub(super) enum Link {
    /// There is none. Left by [`open`](Self::open).
    Down,
    /// It is being made. Left by [`Event::Opened`] and [`Event::Lost`].
    Opening(BoxFuture<'static, Result<Open, Status>>),
    /// Calls may be sent. Left by [`Event::Lost`].
    Open(Box<Open>),
}

/// A stream whose other side has answered.
pub(super) struct Open {
    outbound: mpsc::Sender<wire::SubmitRequest>,
    inbound: Pin<Box<Streaming<wire::SubmitResponse>>>,
    unanswered: Unanswered,
    /// Ends the outbound messages by being dropped, also those that wait for the connection.
    _ends: oneshot::Sender<()>,
}

/// What happened on the link.
pub(super) enum Event {
    /// Calls can be sent.
    Opened,
    /// More calls can be sent.
    Room,
    /// Answers came.
    Answers(Vec<wire::Answered>),
    /// It is gone, with all that was under way.
    Lost(Status),
}

impl Link {
    /// Begins to make one.
    pub(super) fn open(client: LogClient<Channel>, group: GroupId, within: Duration) -> Self {
        Self::Opening(Box::pin(Open::begin(client, group, within)))
    }

    /// Waits for what happens next. Waits for room only if it is wanted.
    pub(super) async fn event(&mut self, wants_room: bool) -> Event {
        match self {
            Self::Down => std::future::pending().await,
            Self::Opening(opening) => match opening.await {
                Ok(open) => {
                    *self = Self::Open(Box::new(open));
                    Event::Opened
                }
                Err(status) => Event::Lost(status),
            },
            Self::Open(open) => open.event(wants_room).await,
        }
    }

    /// Sends the message that `next` gives, if the other side takes one now. It gives none if it has nothing.
    pub(super) fn send(&mut self, next: impl FnOnce() -> Vec<wire::Submission>, now: Instant) -> bool {
        match self {
            Self::Down | Self::Opening(_) => false,
            Self::Open(open) => open.send(next, now),
        }
    }

    /// When the oldest call that it owes an answer to was sent.
    pub(super) fn owes_since(&self) -> Option<Instant> {
        match self {
            Self::Down | Self::Opening(_) => None,
            Self::Open(open) => open.unanswered.oldest(),
        }
    }

    /// Whether the other side has answered.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }

    /// Whether one may be made.
    pub(super) fn is_down(&self) -> bool {
        matches!(self, Self::Down)
    }
}

impl Open {
    /// The first message names the group and carries no calls; that it was answered shows that somebody is there.
    async fn begin(mut client: LogClient<Channel>, group: GroupId, within: Duration) -> Result<Self, Status> {
        // One message is on its way into the connection while the next is collected.
        let (outbound, messages) = mpsc::channel(1);
        let first = wire::SubmitRequest {
            group: group.get(),
            submissions: Vec::new(),
        };
        outbound
            .try_send(first)
            .map_err(|_| Status::internal("a new stream takes no message"))?;
        let (ends, ended) = oneshot::channel();
        let submitting = client.submit(ReceiverStream::new(messages).take_until(ended));
        let response = tokio::time::timeout(within, submitting)
            .await
            .map_err(|_| Status::deadline_exceeded("the node did not answer"))??;
        Ok(Self {
            outbound,
            inbound: Box::pin(response.into_inner()),
            unanswered: Unanswered::default(),
            _ends: ends,
        })
    }

    async fn event(&mut self, wants_room: bool) -> Event {
        let Self {
            outbound,
            inbound,
            unanswered,
            _ends,
        } = self;
        tokio::select! {
            biased;
            heard = inbound.next() => match heard {
                Some(Ok(response)) => {
                    for answered in &response.answers {
                        unanswered.answered(answered.number);
                    }
                    Event::Answers(response.answers)
                }
                Some(Err(status)) => Event::Lost(status),
                None => Event::Lost(Status::unavailable("the node ended the stream")),
            },
            room = outbound.reserve(), if wants_room => match room {
                Ok(_) => Event::Room,
                Err(_) => Event::Lost(Status::unavailable("the stream takes no more calls")),
            },
        }
    }

    fn send(&mut self, next: impl FnOnce() -> Vec<wire::Submission>, now: Instant) -> bool {
        let Ok(room) = self.outbound.try_reserve() else {
            return false;
        };
        let submissions = next();
        if submissions.is_empty() {
            return false;
        }
        self.unanswered.sent(&submissions, now);
        // The group is named in the first message only.
        room.send(wire::SubmitRequest { group: 0, submissions });
        true
    }
}
