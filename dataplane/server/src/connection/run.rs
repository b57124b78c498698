//! The requests that one poll runs.
//! Promises: one turn, begun after everything was read; not so many requests that other connections starve.

use std::rc::Rc;

use tenure_engine::Args;
use tenure_resp::{Parsed, RequestError, RequestParser};
use tenure_types::BootTime;
use tracing::debug;

use super::OUTPUT_BYTES_AHEAD;
use crate::client::Client;
use crate::commands::Then;
use crate::output::Output;
use crate::replica::{Replica, Ticket, Turn};
use crate::session::{Dispatch, Routes, Session, write_error_line};
use crate::table::Table;

/// How many requests one poll runs.
pub(super) const REQUESTS_PER_POLL: usize = 512;

/// What a turn works with.
pub(super) struct Run<'c> {
    pub(super) replica: &'c Rc<Replica>,
    pub(super) client: &'c Rc<Client>,
    pub(super) table: &'c Table,
    pub(super) routes: &'c Routes,
    pub(super) session: &'c mut Session,
    pub(super) output: &'c mut Output,
}

/// Why no more requests are run in a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// There is no whole one.
    Drained,
    /// Others shall have their turn.
    Bounded,
    /// The replies must leave first.
    OutputFull,
    /// The log must come closer to this ticket first.
    Backlogged { behind: Ticket },
    /// One waits.
    Parked,
    /// The connection ends.
    Closing,
}

/// What a turn did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    pub(super) stop: Stop,
    /// Bytes of the requests that it ran.
    pub(super) input_bytes: usize,
}

impl<'c> Run<'c> {
    /// Runs the request that waits, if one does, and then those in the input.
    pub(super) fn turn(&mut self, parser: &mut RequestParser, input: &[u8]) -> Done {
        let mut turn = self.replica.begin_turn();
        let now = turn.now();
        self.client.last_active.set(now);
        let mut input_bytes = 0;
        let mut stop = None;
        if self.session.is_parked() {
            let then = self.dispatch(&mut turn).parked();
            stop = self.finish(then, &mut turn, now);
        }
        let mut requests = 0;
        let stop = loop {
            if let Some(stop) = stop {
                break stop;
            }
            if let Some(behind) = turn.backlog() {
                break Stop::Backlogged { behind };
            }
            if self.output.len() >= OUTPUT_BYTES_AHEAD {
                break Stop::OutputFull;
            }
            if requests == REQUESTS_PER_POLL {
                break Stop::Bounded;
            }
            requests += 1;
            let rest = input.get(input_bytes..).unwrap_or_default();
            parser.set_authenticated(self.session.user.is_some());
            match parser.parse(rest) {
                Ok(Parsed::Incomplete { .. }) => break Stop::Drained,
                Ok(Parsed::Empty { consumed }) => input_bytes += consumed,
                Ok(Parsed::Request { consumed }) => {
                    input_bytes += consumed;
                    let args = Args::new(parser.source(rest), parser.parts());
                    let then = self.dispatch(&mut turn).request(args);
                    stop = self.finish(then, &mut turn, now);
                }
                // A page in somebody's browser may have caused it: it learns nothing.
                Err(error @ (RequestError::Http | RequestError::Tls)) => {
                    debug!(client = self.client.id, %error, "closing a client that speaks something else");
                    break Stop::Closing;
                }
                Err(error) => {
                    write_error_line(self.output.bytes(), error.to_string().as_bytes());
                    self.output.end_reply(None, now);
                    break Stop::Closing;
                }
            }
        };
        Done { stop, input_bytes }
    }

    /// Ends a reply. What it says ends the turn, if anything.
    fn finish(&mut self, then: Then, turn: &mut Turn<'c>, now: BootTime) -> Option<Stop> {
        let hold = turn.take_hold();
        if hold.is_some() {
            self.replica.tallies.reply_held();
        }
        self.output.end_reply(hold, now);
        match then {
            Then::Park => Some(Stop::Parked),
            Then::Close => Some(Stop::Closing),
            Then::GoOn | Then::RunQueue => None,
        }
    }

    fn dispatch<'d>(&'d mut self, turn: &'d mut Turn<'c>) -> Dispatch<'d, 'c> {
        Dispatch {
            session: self.session,
            turn,
            replica: self.replica,
            client: self.client,
            table: self.table,
            routes: self.routes,
            output: self.output.bytes(),
        }
    }
}
