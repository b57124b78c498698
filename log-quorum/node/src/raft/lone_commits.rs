//! Requests on their way to one voter, without those that need not leave.
//! Promises: a request with entries leaves at once, in its place. One that only tells how far the log is committed waits a
//! moment for entries, which tell as much or more, and leaves by itself after that moment. The first of a stream leaves at once:
//! it opens the stream. Leaves to openraft: what an answer covers. It counts none; one covers all requests up to the log
//! id that it names, and a request that was left out ends where the one before it did.

use std::pin::Pin;
use std::time::Duration;

use futures::stream::{Fuse, Stream, StreamExt};
use openraft::raft::AppendEntriesRequest;
use tokio::time::{Instant, Sleep};

use super::types::TypeConfig;

/// How long a commit waits for entries to travel with. Longer than writes of one client are apart, and no more than a replica
/// may well lag when nobody writes.
const WAIT: Duration = Duration::from_millis(2);

type Request = AppendEntriesRequest<TypeConfig>;

struct Outbound<S> {
    requests: Pin<Box<Fuse<S>>>,
    opened: bool,
    waiting: Option<Waiting>,
    /// Ends not later than what waits must leave. It is not wound back: that costs more than to wake once in vain.
    timer: Pin<Box<Sleep>>,
}

struct Waiting {
    request: Request,
    until: Instant,
}

/// What of these requests is to be sent, and when.
pub(crate) fn merged<S>(requests: S) -> impl Stream<Item = Request> + Send
where
    S: Stream<Item = Request> + Send,
{
    let outbound = Outbound {
        requests: Box::pin(requests.fuse()),
        opened: false,
        waiting: None,
        timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
    };
    futures::stream::unfold(outbound, |mut outbound| async move {
        let request = outbound.next().await?;
        Some((request, outbound))
    })
}

impl<S: Stream<Item = Request>> Outbound<S> {
    async fn next(&mut self) -> Option<Request> {
        loop {
            let request = match &self.waiting {
                None => self.requests.next().await?,
                Some(waiting) => tokio::select! {
                    biased;
                    request = self.requests.next() => match request {
                        Some(request) => request,
                        None => return self.take_waiting(),
                    },
                    () = self.timer.as_mut() => {
                        if waiting.until <= Instant::now() {
                            return self.take_waiting();
                        }
                        self.timer.as_mut().reset(waiting.until);
                        continue;
                    }
                },
            };
            let waited = self.waiting.take();
            if self.opened && request.entries.is_empty() {
                let until = waited.map_or_else(|| Instant::now() + WAIT, |waited| waited.until);
                self.waiting = Some(Waiting { request, until });
            } else {
                self.opened = true;
                return Some(request);
            }
        }
    }

    fn take_waiting(&mut self) -> Option<Request> {
        self.waiting.take().map(|waiting| waiting.request)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use futures::stream::BoxStream;
    use openraft::EntryPayload;
    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
    use tokio_stream::wrappers::UnboundedReceiverStream;

    use super::*;
    use crate::raft::types::{Entry, LeaderId, LogId, Vote};

    const LEADER: LeaderId = LeaderId { term: 1, node_id: 1 };

    /// Indices of the entries, and how far the log is committed.
    type Told = (Range<u64>, u64);

    fn request((entries, commit): Told) -> Request {
        AppendEntriesRequest {
            vote: Vote::new_committed(1, 1),
            prev_log_id: Some(LogId::new(LEADER, entries.start - 1)),
            leader_commit: Some(LogId::new(LEADER, commit)),
            entries: entries
                .map(|index| Entry {
                    log_id: LogId::new(LEADER, index),
                    payload: EntryPayload::Blank,
                })
                .collect(),
        }
    }

    fn told(request: &Request) -> Told {
        let begin = request.prev_log_id.expect("the tests name it").index + 1;
        let commit = request.leader_commit.expect("the tests name it").index;
        (begin..begin + request.entries.len() as u64, commit)
    }

    /// After entries up to 5.
    const fn lone_commit(commit: u64) -> Told {
        (6..6, commit)
    }

    struct Opened {
        sender: UnboundedSender<Request>,
        merged: BoxStream<'static, Request>,
    }

    impl Opened {
        /// A stream that was opened by a request with an entry.
        async fn new() -> Self {
            let (sender, receiver) = unbounded_channel();
            let merged = merged(UnboundedReceiverStream::new(receiver)).boxed();
            let mut opened = Self { sender, merged };
            opened.send((5..6, 3));
            assert_eq!(opened.next().await, Some((5..6, 3)));
            opened
        }

        fn send(&self, told: Told) {
            self.sender.send(request(told)).expect("it is read");
        }

        async fn next(&mut self) -> Option<Told> {
            self.merged.next().await.as_ref().map(told)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn entries_take_the_commits_before_them_along_and_do_not_wait() {
        let mut opened = Opened::new().await;
        let begin = Instant::now();
        for told in [lone_commit(4), lone_commit(5), (6..8, 5), (8..9, 5)] {
            opened.send(told);
        }
        assert_eq!(opened.next().await, Some((6..8, 5)));
        assert_eq!(opened.next().await, Some((8..9, 5)));
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_commit_leaves_when_the_first_has_waited() {
        let mut opened = Opened::new().await;
        let begin = Instant::now();
        opened.send(lone_commit(4));
        let sender = opened.sender.clone();
        let later = async {
            tokio::time::sleep(WAIT / 2).await;
            sender.send(request(lone_commit(5))).expect("it is read");
        };
        let (next, ()) = tokio::join!(opened.next(), later);
        assert_eq!(next, Some(lone_commit(5)));
        assert_eq!(begin.elapsed(), WAIT);
        // And again, though the timer was wound before.
        opened.send((6..7, 5));
        assert_eq!(opened.next().await, Some((6..7, 5)));
        let begin = Instant::now();
        opened.send((7..7, 6));
        assert_eq!(opened.next().await, Some((7..7, 6)));
        assert_eq!(begin.elapsed(), WAIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_opened_at_once_and_its_end_keeps_nothing_back() {
        let begin = Instant::now();
        let requests = futures::stream::iter([request(lone_commit(4)), request(lone_commit(5))]);
        let sent: Vec<_> = merged(requests).map(|request| told(&request)).collect().await;
        assert_eq!(sent, [lone_commit(4), lone_commit(5)]);
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }
}
