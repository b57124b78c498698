//! One connection: a future that reads requests, runs them, and sends the replies that may leave.
//! Promises: requests run in turns that begin after the last read, so that the lease is checked after whatever a turn
//! executes arrived; no turn outlives a poll. One poll does a bounded part of the work, and then others get their turn.
//! What a connection keeps is bounded, and while it idles it keeps next to nothing. There are no timers here: who thinks
//! that a connection must end tells its [`Client`].
//! Leaves to `session` what a request does, to `output` which replies may leave.

mod buffers;
mod ended;
mod run;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use tenure_resp::{RequestLimits, RequestParser};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tracing::debug;

pub(crate) use buffers::Buffers;
use ended::Ended;
use run::{Run, Stop};

use crate::client::{Client, End};
use crate::output::Output;
use crate::replica::{Replica, Ticket};
use crate::session::{Routes, Session};
use crate::table::Table;

/// What one poll reads.
const READ_BYTES_PER_POLL: usize = 64 << 10;

/// Replies that are not sent, held or unread, before nothing more is executed.
const OUTPUT_BYTES_AHEAD: usize = 256 << 10;

/// Requests that are read behind one that waits.
const PARKED_BYTES_AHEAD: usize = 64 << 10;

/// One connection. Ends when the client's does, or when it must.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    socket: S,
    replica: Rc<Replica>,
    table: Rc<Table>,
    buffers: Rc<Buffers>,
    client: Rc<Client>,
    session: Session,
    routes: Routes,
    parser: RequestParser,
    input: BytesMut,
    output: Output,
    phase: Phase,
    /// The reason to end that was already acted on.
    obeyed: Option<End>,
    /// Whether the socket took bytes that it may still keep to itself, as TLS does.
    unflushed: bool,
    /// The ticket that a wake-up was asked for because a reply waits for it.
    asked_for_reply: Option<Ticket>,
    /// The ticket that a wake-up was asked for because the log is behind.
    asked_for_backlog: Option<Ticket>,
    /// Whether requests were left in the input because the log is behind.
    backlogged: bool,
}

/// How far the end of a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It reads, executes, answers.
    Serving,
    /// The client sends nothing more. What it sent is executed and answered, then it ends.
    HalfClosed,
    /// Nothing more is read or executed. What was answered leaves, then it ends.
    Closing,
}

/// What the socket said when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    /// It wakes the connection when there is more.
    Waits,
    /// It may have more, and wakes nobody.
    MayHaveMore,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// The connection of this client, which is one of the replica's until this is dropped.
    pub(crate) fn new(
        socket: S,
        client: Rc<Client>,
        replica: Rc<Replica>,
        table: Rc<Table>,
        buffers: Rc<Buffers>,
    ) -> Self {
        replica.clients.add(&client);
        let routes = Routes::of(&replica);
        let session = Session::new(routes.cluster());
        session.show(&mut client.shown.borrow_mut());
        Self {
            socket,
            parser: new_parser(&routes),
            replica,
            table,
            buffers,
            client,
            session,
            routes,
            input: BytesMut::new(),
            output: Output::default(),
            phase: Phase::Serving,
            obeyed: None,
            unflushed: false,
            asked_for_reply: None,
            asked_for_backlog: None,
            backlogged: false,
        }
    }

    /// Does a bounded part of what can be done now. `true`: there is more of it.
    fn step(&mut self, cx: &mut Context<'_>) -> Result<bool, Ended> {
        self.obey()?;
        self.take_pushes();
        // 1. Read. 2. Begin the turn, which checks the lease. 3. Execute. The other way round a request could be executed
        // under a lease that was checked before it arrived.
        let read = self.read(cx)?;
        let stop = self.execute()?;
        self.take_pushes();
        // Before anything leaves: replies are not whole in an output past its bound.
        self.check_bound()?;
        self.release();
        self.send(cx)?;
        if self.is_done(stop) {
            self.say_goodbye(cx);
            return Err(Ended::Done);
        }
        self.rest();
        Ok(self.has_more(read, stop))
    }

    /// Acts once on each reason to end.
    fn obey(&mut self) -> Result<(), Ended> {
        let end = self.client.must_end();
        if end == self.obeyed {
            return Ok(());
        }
        self.obeyed = end;
        match end {
            None => Ok(()),
            Some(End::Stopping) if !self.session.is_parked() => {
                self.close();
                Ok(())
            }
            Some(
                reason @ (End::Stopping
                | End::Killed
                | End::PushesUnread
                | End::KeepsMostMemory
                | End::RepliesOverdue
                | End::RoleChanged),
            ) => Err(Ended::Told { reason }),
        }
    }

    fn take_pushes(&mut self) {
        let Some(pushes) = self.client.take_pushes() else {
            return;
        };
        let now = self.replica.clock().boot();
        for push in pushes {
            self.output.push(&push.bytes, push.ticket, now);
        }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<Read, Ended> {
        let before = self.input.len();
        while self.may_read() && self.input.len().saturating_sub(before) < READ_BYTES_PER_POLL {
            self.buffers.lend_input(&mut self.input);
            if self.input.capacity() == self.input.len() {
                self.input.reserve(buffers::INPUT_BYTES);
            }
            let read = pin!(self.socket.read_buf(&mut self.input)).poll(cx);
            match read {
                Poll::Pending => return Ok(Read::Waits),
                Poll::Ready(Ok(0)) if self.session.is_parked() => return Err(Ended::ByClient),
                Poll::Ready(Ok(0)) => self.phase = Phase::HalfClosed,
                Poll::Ready(Ok(bytes)) => add(&self.replica.counters.input_bytes, bytes),
                Poll::Ready(Err(source)) => return Err(Ended::Socket { source }),
            }
        }
        Ok(Read::MayHaveMore)
    }

    fn may_read(&self) -> bool {
        self.phase == Phase::Serving
            && self.output.len() < OUTPUT_BYTES_AHEAD
            && !self.backlogged
            && !(self.session.is_parked() && self.input.len() >= PARKED_BYTES_AHEAD)
    }

    /// Runs requests in one turn.
    fn execute(&mut self) -> Result<Stop, Ended> {
        self.backlogged = false;
        if self.phase == Phase::Closing {
            return Ok(Stop::Closing);
        }
        if self.input.is_empty() && !self.session.is_parked() {
            return Ok(Stop::Drained);
        }
        self.buffers.lend_output(self.output.bytes());
        self.routes.refresh(&self.replica);
        let done = Run {
            replica: &self.replica,
            client: &self.client,
            table: &self.table,
            routes: &self.routes,
            session: &mut self.session,
            output: &mut self.output,
        }
        .turn(&mut self.parser, &self.input);
        self.input.advance(done.input_bytes.min(self.input.len()));
        match done.stop {
            Stop::Backlogged { behind } => self.ask_for_backlog(behind),
            Stop::Closing => self.close(),
            Stop::Drained | Stop::Bounded | Stop::OutputFull | Stop::Parked => {}
        }
        self.backlogged = matches!(done.stop, Stop::Backlogged { .. });
        Ok(done.stop)
    }

    /// Frees the replies whose tickets are released, and asks to be told when the next ones are.
    fn release(&mut self) {
        if self.output.waits_for().is_some() {
            self.output.release(self.replica.released());
        }
        let since = self.output.held_since();
        if self.client.held_since.get() != since {
            self.client.held_since.set(since);
        }
        let ticket = self.output.waits_for();
        if ticket.is_some() && ticket != self.asked_for_reply {
            self.ask(ticket);
        }
        self.asked_for_reply = ticket;
    }

    fn ask_for_backlog(&mut self, newest: Ticket) {
        let is_asked = self
            .asked_for_backlog
            .is_some_and(|asked| !asked.is_released(self.replica.released()));
        if !is_asked {
            self.ask(Some(newest));
            self.asked_for_backlog = Some(newest);
        }
    }

    fn ask(&self, ticket: Option<Ticket>) {
        if let Some(ticket) = ticket {
            self.replica.wake_when_released(ticket, &self.client);
        }
    }

    /// Sends what may leave, as far as the socket takes it.
    fn send(&mut self, cx: &mut Context<'_>) -> Result<(), Ended> {
        while !self.output.leaving().is_empty() {
            match Pin::new(&mut self.socket).poll_write(cx, self.output.leaving()) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(0)) => return Err(Ended::ByClient),
                Poll::Ready(Ok(bytes)) => {
                    self.output.advance(bytes);
                    self.unflushed = true;
                    add(&self.replica.counters.output_bytes, bytes);
                }
                Poll::Ready(Err(source)) => return Err(Ended::Socket { source }),
            }
        }
        if self.unflushed {
            match Pin::new(&mut self.socket).poll_flush(cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(source)) => return Err(Ended::Socket { source }),
            }
        }
        Ok(())
    }

    /// A client that does not read its replies, or asks for too many at once, must not fill the memory.
    fn check_bound(&self) -> Result<(), Ended> {
        let bytes_max = self.routes.cluster().limits.output_bytes_max;
        if self.output.len() > bytes_max {
            return Err(Ended::RepliesUnread { bytes_max });
        }
        Ok(())
    }

    fn is_done(&self, stop: Stop) -> bool {
        let is_all_sent = self.output.is_empty() && !self.unflushed;
        match self.phase {
            Phase::Serving => false,
            Phase::HalfClosed => stop == Stop::Parked || (stop == Stop::Drained && is_all_sent),
            Phase::Closing => is_all_sent,
        }
    }

    /// Nothing more is read or executed.
    fn close(&mut self) {
        self.phase = Phase::Closing;
        self.input = BytesMut::new();
    }

    /// Says orderly that nothing more comes; TLS has a message for that. Tried once: a client that leaves no room for it
    /// in its socket would keep the connection for ever.
    fn say_goodbye(&mut self, cx: &mut Context<'_>) {
        let _ = Pin::new(&mut self.socket).poll_shutdown(cx);
    }

    /// Gives back what is only needed while there is work.
    fn rest(&mut self) {
        let (input_bytes, output_bytes) = (self.input.len(), self.output.len());
        let mut shown = self.client.shown.borrow_mut();
        (shown.input_bytes, shown.output_bytes) = (input_bytes, output_bytes);
        drop(shown);
        if self.input.is_empty() {
            self.buffers.take_input(&mut self.input);
            self.parser.rest();
        }
        if self.output.is_empty() {
            self.buffers.take_output(self.output.bytes());
        }
        self.account();
    }

    /// Tells what is still kept.
    fn account(&self) {
        let bytes = [
            self.input.capacity(),
            self.output.memory_bytes(),
            self.parser.memory_bytes(),
            self.session.memory_bytes(),
            self.client.inbox_bytes(),
        ]
        .into_iter()
        .fold(0, usize::saturating_add);
        let bytes_max = self.routes.cluster().limits.clients_memory_bytes_max;
        self.replica.clients.account(&self.client, bytes, bytes_max);
    }

    /// Whether there is something to do that nobody would wake the connection for.
    fn has_more(&self, read: Read, stop: Stop) -> bool {
        let may_execute = self.output.len() < OUTPUT_BYTES_AHEAD;
        match stop {
            Stop::Bounded | Stop::OutputFull => may_execute,
            Stop::Drained | Stop::Parked => read == Read::MayHaveMore && self.may_read(),
            Stop::Backlogged { .. } | Stop::Closing => false,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Connection<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.client.waits(cx.waker());
        match self.step(cx) {
            Ok(has_more) => {
                if has_more {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
            Err(ended) => {
                debug!(client = self.client.id, reason = %ended, "connection ended");
                Poll::Ready(())
            }
        }
    }
}

impl<S> Drop for Connection<S> {
    fn drop(&mut self) {
        self.client.held_since.set(None);
        self.replica.clients.remove(self.client.id);
    }
}

fn new_parser(routes: &Routes) -> RequestParser {
    let request_bytes_max = routes.cluster().limits.request_bytes_max;
    RequestParser::new(RequestLimits {
        request_bytes_max,
        ..RequestLimits::default()
    })
}

fn add(counter: &Cell<u64>, bytes: usize) {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    counter.set(counter.get().saturating_add(bytes));
}
