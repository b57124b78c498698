//! One request: which command it is, whether it may run here and now, and its reply.
//! Promises: every request has exactly one reply in the output, unless the client asked for none; a command that is not
//! admitted changed nothing. The order of the checks is that of Redis: a client that breaks two rules is told the same.
//! Leaves to the connection: when a reply may leave, and how many requests one turn takes.

use std::rc::Rc;

use bytes::BytesMut;
use tenure_engine::command::Flags;
use tenure_engine::{Args, Protocol, Slot};
use tracing::debug;

use super::routes::slot_of;
use super::{Parked, Rejection, Replies, Routes, Session, Transaction};
use crate::client::Client;
use crate::commands::{SessionCall, Then};
use crate::output::Writer;
use crate::plugin::{FoundPlugin, PluginError};
use crate::replica::{Refusal, Replica, ReplyTo, Turn};
use crate::table::{Found, Registered, Table};

/// Commands that run within MULTI at once.
const NEVER_QUEUED: [&str; 6] = ["exec", "discard", "multi", "watch", "quit", "reset"];

/// Bytes that are queued for one transaction at most. What they write fits one record, with what the turn holds before, so
/// that no command of it is refused while others have run.
const TRANSACTION_BYTES_MAX: usize = 4 << 20;

/// Runs the requests of one connection in one turn.
pub(crate) struct Dispatch<'a, 'r> {
    pub(crate) session: &'a mut Session,
    pub(crate) turn: &'a mut Turn<'r>,
    pub(crate) replica: &'r Rc<Replica>,
    pub(crate) client: &'a Rc<Client>,
    pub(crate) table: &'a Table,
    pub(crate) routes: &'a Routes,
    /// Replies are added to its end.
    pub(crate) output: &'a mut BytesMut,
}

impl Dispatch<'_, '_> {
    /// Runs a request, and adds its reply to the output.
    pub(crate) fn request(&mut self, args: Args<'_>) -> Then {
        let processed = &self.replica.counters.commands_processed;
        processed.set(processed.get().saturating_add(1));
        if self.session.replies == Replies::SkipNext {
            self.session.replies = Replies::Skipping;
        }
        let start = self.output.len();
        let outcome = self.answer(args);
        self.finish(start, outcome)
    }

    /// Runs the request that waits again. Nothing if none does.
    pub(crate) fn parked(&mut self) -> Then {
        let Some(parked) = self.session.parked.clone() else {
            return Then::GoOn;
        };
        let start = self.output.len();
        let outcome = self.run(&parked.command, parked.args.as_args());
        let then = self.finish(start, outcome);
        if then != Then::Park {
            self.session.parked = None;
        }
        then
    }

    fn answer(&mut self, args: Args<'_>) -> Result<Then, Rejection> {
        let Some(name) = args.get(0) else {
            return Ok(Then::GoOn);
        };
        let command = match self.table.find(name, args.get(1)) {
            Found::Command(command) => command,
            Found::UnknownSubcommand(command) => {
                let rejection = Rejection::unknown_subcommand(command.name(), args);
                return Err(self.reject(None, rejection));
            }
            Found::Unknown if is_http(name) => {
                debug!(client = self.client.id, "closing a client that speaks HTTP");
                return Ok(Then::Close);
            }
            Found::Unknown => match self.replica.plugins().find(name) {
                Some(FoundPlugin::Command(command)) => Registered::Plugin(command),
                Some(FoundPlugin::NotReady { name }) => {
                    let not_ready = Refusal::from(PluginError::NotReady { name });
                    return Err(self.reject(None, not_ready.into()));
                }
                None => return Err(self.reject(None, Rejection::unknown_command(args))),
            },
        };
        self.client.shown.borrow_mut().command = command.name();
        if let Some(transaction) = &mut self.session.transaction
            && command.spec().name == "exec"
        {
            transaction.renew_plugins(self.replica.plugins());
        }
        let slot = match self.admit(&command, args) {
            Ok(slot) => slot,
            Err(rejection) => return Err(self.reject(Some(&command), rejection)),
        };
        if self.session.transaction.is_some() && !is_never_queued(&command) {
            return match self.queue(command.clone(), slot, args) {
                Ok(()) => Ok(Then::GoOn),
                Err(rejection) => Err(self.reject(Some(&command), rejection)),
            };
        }
        match self.run(&command, args)? {
            Then::RunQueue => Ok(self.run_queue()),
            Then::Park => {
                let (args, since) = (args.to_owned(), self.turn.now());
                self.session.parked = Some(Rc::new(Parked { command, args, since }));
                Ok(Then::Park)
            }
            then @ (Then::GoOn | Then::Close) => Ok(then),
        }
    }

    /// Whether a command may run, or be queued; where its keys are.
    fn admit(&self, command: &Registered, args: Args<'_>) -> Result<Option<Slot>, Rejection> {
        let spec = command.spec();
        if !spec.arity.allows(args.len()) {
            return Err(Rejection::WrongArity {
                command: command.name(),
            });
        }
        if self.session.user.is_none() && !spec.flags.has(Flags::NO_AUTH) {
            return Err(Rejection::NotAuthenticated);
        }
        let transaction = self.session.transaction.as_deref();
        if transaction.is_some() && spec.flags.has(Flags::NO_MULTI) {
            return Err(Rejection::NotInTransaction);
        }
        let slot = slot_of(&spec, args)?;
        if let Some(slot) = slot {
            let readonly = self.session.readonly;
            self.routes.check(slot, &spec, self.turn.standing(), readonly)?;
        }
        if let Some(transaction) = transaction.filter(|_| spec.name == "exec") {
            self.admit_exec(transaction)?;
        }
        match command {
            // Outside of a transaction the turn checks it as it runs it.
            Registered::Engine(_) | Registered::Plugin(_) if transaction.is_some() => self.turn.can_run(spec.flags)?,
            Registered::Engine(_) | Registered::Plugin(_) => {}
            Registered::Session(command) => self.turn.can_answer(command.spec.flags)?,
        }
        Ok(slot)
    }

    /// Whether the keys of all queued commands are in one slot, and still here.
    fn admit_exec(&self, transaction: &Transaction) -> Result<(), Rejection> {
        let mut first = None;
        for queued in transaction.queue() {
            let Some(slot) = queued.slot else { continue };
            if *first.get_or_insert(slot) != slot {
                return Err(Rejection::CrossSlot);
            }
            let (spec, readonly) = (queued.command.spec(), self.session.readonly);
            self.routes.check(slot, &spec, self.turn.standing(), readonly)?;
        }
        Ok(())
    }

    /// A request that is not admitted ends the transaction that it was meant for.
    fn reject(&mut self, command: Option<&Registered>, rejection: Rejection) -> Rejection {
        let is_exec = command.is_some_and(|command| command.spec().name == "exec");
        if !is_exec {
            if let Some(transaction) = &mut self.session.transaction {
                transaction.abort();
            }
            return rejection;
        }
        self.session.transaction = None;
        self.session.watch = None;
        if rejection.is_redirection() {
            return rejection;
        }
        let because = Box::new(rejection);
        Rejection::Exec { because }
    }

    fn queue(&mut self, command: Registered, slot: Option<Slot>, args: Args<'_>) -> Result<(), Rejection> {
        let bytes_max = self
            .routes
            .cluster()
            .limits
            .request_bytes_max
            .min(TRANSACTION_BYTES_MAX);
        let Some(transaction) = &mut self.session.transaction else {
            return Ok(());
        };
        transaction.push(command, args, slot, bytes_max)?;
        self.client.shown.borrow_mut().queued = Some(transaction.len());
        self.output.extend_from_slice(b"+QUEUED\r\n");
        Ok(())
    }

    fn run(&mut self, command: &Registered, args: Args<'_>) -> Result<Then, Rejection> {
        let protocol = self.protocol_of_reply(command, args);
        let output_bytes_max = self.routes.cluster().limits.output_bytes_max;
        match command {
            Registered::Engine(command) => {
                let mut reply = Writer::new(self.output, protocol, output_bytes_max);
                self.turn.run(command, args, &mut reply)?;
                Ok(Then::GoOn)
            }
            Registered::Plugin(command) => {
                let to = ReplyTo {
                    output: self.output,
                    protocol,
                    output_bytes_max,
                };
                self.turn.run_plugin(command, args, to)?;
                Ok(Then::GoOn)
            }
            Registered::Session(command) => {
                let outcome = (command.run)(&mut SessionCall {
                    args,
                    session: self.session,
                    turn: self.turn,
                    replica: self.replica,
                    client: self.client,
                    table: self.table,
                    reply: &mut Writer::new(self.output, protocol, output_bytes_max),
                });
                self.session.show(&mut self.client.shown.borrow_mut());
                Ok(outcome?)
            }
        }
    }

    /// HELLO answers in the protocol that it asks for; everything else in the one of the session.
    fn protocol_of_reply(&self, command: &Registered, args: Args<'_>) -> Protocol {
        match (command, args.get(1)) {
            (Registered::Session(command), Some(b"3")) if command.spec.name == "hello" => Protocol::Resp3,
            (Registered::Session(command), Some(b"2")) if command.spec.name == "hello" => Protocol::Resp2,
            _ => self.session.protocol,
        }
    }

    /// Runs what was queued, behind the header that EXEC wrote.
    fn run_queue(&mut self) -> Then {
        let Some(transaction) = self.session.transaction.take() else {
            return Then::GoOn;
        };
        let mut then = Then::GoOn;
        self.session.runs_queue = true;
        for queued in transaction.queue() {
            let start = self.output.len();
            match self.run(&queued.command, queued.args.as_args()) {
                Ok(Then::Close) => then = Then::Close,
                Ok(Then::GoOn | Then::Park | Then::RunQueue) => {}
                Err(error) => {
                    self.output.truncate(start);
                    error.write(self.output);
                }
            }
            if self.output.len() == start {
                // CLIENT REPLY OFF and SKIP answer nothing, and the header promised something.
                self.output.extend_from_slice(b"+OK\r\n");
            }
        }
        self.session.runs_queue = false;
        self.turn.end_transaction();
        self.session.show(&mut self.client.shown.borrow_mut());
        then
    }

    /// Replaces what a failed command wrote by its error, and drops what the client does not want to read.
    fn finish(&mut self, start: usize, outcome: Result<Then, Rejection>) -> Then {
        let then = outcome.unwrap_or_else(|rejection| {
            self.output.truncate(start);
            rejection.write(self.output);
            Then::GoOn
        });
        match self.session.replies {
            Replies::On | Replies::SkipNext => {}
            Replies::Off => self.output.truncate(start),
            Replies::Skipping if then == Then::Park => {}
            Replies::Skipping => {
                self.output.truncate(start);
                self.session.replies = Replies::On;
            }
        }
        if then == Then::Park {
            self.output.truncate(start);
        }
        then
    }
}

fn is_never_queued(command: &Registered) -> bool {
    NEVER_QUEUED.contains(&command.spec().name)
}

/// What a browser's request begins with, on its first line or on a later one. Redis closes such connections too: a web
/// page must not be able to make its reader's browser speak to a server.
fn is_http(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}
