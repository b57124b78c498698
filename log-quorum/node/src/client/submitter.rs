//! The task that brings one group's logged calls to its leader.
//! Promises: calls go out in the order in which they were submitted; appends of one stream are judged in that order, or
//! one of them is told that nothing is known, because there is one stream to one node at a time and nothing of an earlier
//! one counts. The task never waits for one call while others could go on. It stays with no node that owes an answer for
//! longer than a call may take, nor with one while another is known to lead. It ends when the last handle is gone and
//! every call has its answer, so at most one deadline later.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tenure_log::Unknown;
use tenure_types::{GroupId, NodeId};
use tenure_wire::log_v1 as wire;
use tokio::time::{Instant, Sleep};
use tonic::Status;

use super::calls::{Calls, Heard};
use super::known::KnownLeader;
use super::later;
use super::leader::Search;
use super::link::{Event, Link};
use super::nodes::Connections;
use super::options::ClientOptions;
use super::queue::Queue;

/// Sends the calls of one group.
pub(super) struct Submitter {
    group: GroupId,
    queue: EndsQueue,
    calls: Calls,
    link: Link,
    search: Search,
    /// The node that was last known to lead, shared with those who ask it other things.
    leader: Arc<KnownLeader>,
    /// When the node that calls go to last gave a verdict, or was turned to. Who led after that is newer.
    leads_as_of: Instant,
    /// No node is asked before.
    paused_until: Option<Instant>,
    connections: Connections,
    call_deadline: Duration,
    message_bytes_max: usize,
}

impl Submitter {
    pub(super) fn new(
        group: GroupId,
        queue: Arc<Queue>,
        leader: Arc<KnownLeader>,
        connections: Connections,
        options: &ClientOptions,
    ) -> Self {
        let first = leader.first();
        Self {
            group,
            queue: EndsQueue(queue),
            calls: Calls::new(options),
            link: Link::Down,
            search: Search::new(connections.nodes().ids(), first, options.pauses()),
            leader,
            leads_as_of: Instant::now(),
            paused_until: None,
            connections,
            call_deadline: options.call_deadline,
            message_bytes_max: options.message_bytes_max,
        }
    }

    /// Sends and answers until nobody can submit any more and all is answered.
    pub(super) async fn run(mut self) {
        let mut alarm = Alarm::new();
        loop {
            let (submitted, more) = self.queue.0.take();
            let now = Instant::now();
            self.calls.add(submitted);
            self.calls.pass_time(now);
            if !more && self.calls.is_empty() {
                return;
            }
            self.follow_the_leader(now);
            self.leave_a_silent_node(now);
            self.open_if_wanted(now);
            while self.send(now) {}
            let wakes = alarm.set(self.next_instant());
            tokio::select! {
                biased;
                event = self.link.event(self.calls.wants_to_send()) => self.on(event),
                () = self.queue.0.changed(), if more => {}
                () = self.leader.changed() => {}
                () = alarm.rings(), if wakes => {}
            }
        }
    }

    fn send(&mut self, now: Instant) -> bool {
        let (calls, bytes_max) = (&mut self.calls, self.message_bytes_max);
        calls.wants_to_send() && self.link.send(|| calls.next_message(bytes_max, now), now)
    }

    /// A stream is made only for calls that want to be sent.
    fn open_if_wanted(&mut self, now: Instant) {
        let paused = self.paused_until.is_some_and(|until| until > now);
        if !self.link.is_down() || paused || !self.calls.wants_to_send() {
            return;
        }
        match self.connections.client(self.search.at()) {
            Ok(client) => self.link = Link::open(client, self.group, self.call_deadline),
            Err(error) => {
                tracing::warn!(group = %self.group, node = ?self.node(), %error, "a log node cannot be reached");
                let pause = self.search.failed();
                self.turned(pause, now);
            }
        }
    }

    /// Another node judged what it was asked after this one last did, so what is under way here may never be judged: a
    /// leader that is cut off from the others takes calls, and answers none.
    fn follow_the_leader(&mut self, now: Instant) {
        let newer = self.leader.led_after(self.leads_as_of);
        let Some(found) = newer.filter(|found| *found != self.search.at()) else {
            return;
        };
        let hint = self.connections.nodes().id(found);
        tracing::info!(group = %self.group, node = ?self.node(), leader = ?hint, "another log node leads");
        if !self.link.is_down() {
            self.connections.forget(self.search.at());
        }
        self.lose(Unknown::NoLeader { hint });
        self.search.turn_to(found);
        self.turned(Duration::ZERO, now);
    }

    /// A call was not answered for as long as any may take. Answers to others count for nothing: the node that gives
    /// them may refuse them all.
    fn leave_a_silent_node(&mut self, now: Instant) {
        let owes_since = self.link.owes_since();
        if owes_since.is_none_or(|since| later(since, self.call_deadline) > now) {
            return;
        }
        tracing::warn!(group = %self.group, node = ?self.node(), "a log node owes an answer and is given up");
        self.connections.forget(self.search.at());
        self.lose(Unknown::Disconnected);
        let pause = self.search.failed();
        self.turned(pause, now);
    }

    fn on(&mut self, event: Event) {
        match event {
            Event::Opened => tracing::debug!(group = %self.group, node = ?self.node(), "calls go to this log node"),
            Event::Room => {}
            Event::Answers(answers) => self.on_answers(&answers),
            Event::Lost(status) => self.on_lost(&status),
        }
    }

    fn on_answers(&mut self, answers: &[wire::Answered]) {
        let now = Instant::now();
        let (mut refused, mut leads) = (None, false);
        for answered in answers {
            match self.calls.answered(answered, now) {
                Ok(Heard::Verdict) => leads = true,
                Ok(Heard::NotLeader { hint }) => refused = Some(hint),
                Ok(Heard::Nothing) => {}
                Err(error) => {
                    let cause = std::error::Error::source(&error);
                    tracing::error!(group = %self.group, node = ?self.node(), %error, cause, "a log node is not understood");
                    self.lose(Unknown::Disconnected);
                    let pause = self.search.failed();
                    self.turned(pause, now);
                    return;
                }
            }
        }
        if leads {
            self.search.found();
            self.leads_as_of = now;
            self.leader.led(self.search.at(), now);
        }
        if let Some(hint) = refused {
            self.on_not_leader(hint, now);
        }
    }

    /// What is still under way there counts no more: judged late, it could be judged after calls that were submitted
    /// later and went to the next node.
    fn on_not_leader(&mut self, hint: Option<NodeId>, now: Instant) {
        tracing::debug!(group = %self.group, node = ?self.node(), ?hint, "a log node does not lead");
        self.lose(Unknown::NoLeader { hint });
        let pause = self.search.refused(hint);
        self.turned(pause, now);
    }

    fn on_lost(&mut self, status: &Status) {
        let (code, message) = (status.code(), status.message());
        if self.link.is_open() {
            tracing::info!(group = %self.group, node = ?self.node(), ?code, message, "the way to a log node is lost");
        } else {
            tracing::debug!(group = %self.group, node = ?self.node(), ?code, message, "a log node cannot be reached");
        }
        // What it was may still hang there; the next stream has a new connection.
        self.connections.forget(self.search.at());
        self.lose(Unknown::Disconnected);
        let pause = self.search.failed();
        self.turned(pause, Instant::now());
    }

    fn lose(&mut self, why: Unknown) {
        self.link = Link::Down;
        self.calls.stream_lost(why);
    }

    /// The search named whom to ask next, and when.
    fn turned(&mut self, pause: Duration, now: Instant) {
        self.leads_as_of = now;
        self.paused_until = (!pause.is_zero()).then(|| later(now, pause));
    }

    /// When something is to be done without an event.
    fn next_instant(&self) -> Option<Instant> {
        let resumes = self
            .paused_until
            .filter(|_| self.link.is_down() && self.calls.wants_to_send());
        let silent = self.link.owes_since().map(|since| later(since, self.call_deadline));
        let calls = self.calls.next_instant();
        calls.into_iter().chain(resumes).chain(silent).min()
    }

    fn node(&self) -> Option<NodeId> {
        self.connections.nodes().id(self.search.at())
    }
}

/// Whatever ends the task, those who submit afterwards are answered.
struct EndsQueue(Arc<Queue>);

impl Drop for EndsQueue {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// One timer for all instants of a task. It is moved when it must ring earlier, and may ring for nothing, since calls
/// are mostly answered long before their time is over.
struct Alarm(Pin<Box<Sleep>>);

impl Alarm {
    fn new() -> Self {
        Self(Box::pin(tokio::time::sleep(Duration::ZERO)))
    }

    /// Has it ring no later than `at`. Answers whether it is set.
    fn set(&mut self, at: Option<Instant>) -> bool {
        let Some(at) = at else {
            return false;
        };
        if self.0.is_elapsed() || at < self.0.deadline() {
            self.0.as_mut().reset(at);
        }
        true
    }

    async fn rings(&mut self) {
        self.0.as_mut().await;
    }
}
