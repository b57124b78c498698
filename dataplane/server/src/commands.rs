//! The commands of sessions, one file each: what they do to a connection, or tell of the server.

mod acl;
mod argument;
mod asking;
mod auth;
mod client;
mod cluster;
mod command;
mod config;
mod container;
mod discard;
mod echo;
mod exec;
#[cfg(test)]
pub(crate) mod harness;
mod hello;
pub(crate) mod info;
mod lastsave;
mod latency;
mod module;
mod multi;
mod ping;
mod quit;
mod readonly;
mod refused;
mod reset;
mod role;
mod select;
mod slowlog;
#[cfg(test)]
mod specs;
#[cfg(test)]
pub(crate) mod testing;
mod time;
mod unwatch;
mod wait;
mod watch;

use std::rc::Rc;

use tenure_engine::command::Spec;
use tenure_engine::{Args, Reply};

use crate::client::Client;
use crate::plugin::FoundPlugin;
use crate::replica::{Refusal, Replica, Turn};
use crate::session::Session;
use crate::table::{Found, Registered, Table};

/// A command that works on a session.
#[derive(Debug)]
pub(crate) struct SessionCommand {
    pub(crate) spec: Spec,
    pub(crate) run: SessionRun,
    /// As of [`tenure_engine::command::Command`].
    pub(crate) subcommands: &'static [SessionCommand],
}

/// What it does. After an error what it wrote to the reply is dropped, and the error is the reply.
pub(crate) type SessionRun = fn(&mut SessionCall<'_, '_>) -> Result<Then, SessionError>;

/// One run of a session's command.
pub(crate) struct SessionCall<'a, 'r> {
    pub(crate) args: Args<'a>,
    pub(crate) session: &'a mut Session,
    pub(crate) turn: &'a mut Turn<'r>,
    pub(crate) replica: &'r Rc<Replica>,
    pub(crate) client: &'a Rc<Client>,
    pub(crate) table: &'a Table,
    pub(crate) reply: &'a mut dyn Reply,
}

impl SessionCall<'_, '_> {
    /// All commands by name, those of plugins too; each is followed by its subcommands if that is asked for.
    fn all(&self, with_subcommands: bool) -> Vec<Registered> {
        let mut all = match with_subcommands {
            true => self.table.with_subcommands(),
            false => self.table.all(),
        };
        all.extend(self.replica.plugins().commands().into_iter().map(Registered::Plugin));
        all
    }

    /// What a request's first words name.
    fn find(&self, first: &[u8], second: Option<&[u8]>) -> Found {
        match self.table.find(first, second) {
            Found::Unknown => match self.replica.plugins().find(first) {
                Some(FoundPlugin::Command(command)) => Found::Command(Registered::Plugin(command)),
                Some(FoundPlugin::NotReady { .. }) | None => Found::Unknown,
            },
            found @ (Found::Command(_) | Found::UnknownSubcommand(_)) => found,
        }
    }
}

/// How the connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// With the next request.
    GoOn,
    /// It ends once the reply left.
    Close,
    /// With nothing: this request is run again at each wake-up of the connection ([`Client::wake`]) until it answers
    /// otherwise. What it wrote to the reply is dropped. Only where [`Session::may_park`]; since when it waits tells
    /// [`Session::parked_since`].
    Park,
    /// EXEC: with what was queued, whose replies follow the header.
    RunQueue,
}

/// Why a session's command failed, as its client reads it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SessionError {
    /// An error that commands on data have too.
    #[error(transparent)]
    Command(#[from] tenure_engine::CommandError),
    #[error("ERR MULTI calls can not be nested")]
    NestedMulti,
    #[error("ERR EXEC without MULTI")]
    ExecWithoutMulti,
    #[error("ERR DISCARD without MULTI")]
    DiscardWithoutMulti,
    #[error("ERR WATCH inside MULTI is not allowed")]
    WatchInsideMulti,
    /// A command was refused as it was queued.
    #[error("EXECABORT Transaction discarded because of previous errors.")]
    TransactionAborted,
    /// One of the queued commands could not run now.
    #[error("EXECABORT Transaction discarded because of: {because}")]
    TransactionRefused { because: Refusal },
    /// The shard refuses what the command does to data.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// AUTH, also within HELLO: of an unknown user and of a wrong password it says the same.
    #[error("WRONGPASS invalid username-password pair or user is disabled.")]
    WrongPassword,
    #[error(
        "ERR AUTH <password> called without any password configured for the default user. Are you sure your \
         configuration is correct?"
    )]
    NoPasswordIsAskedFor,
    #[error("ERR Protocol version is not an integer or out of range")]
    NoProtocolNumber,
    #[error("NOPROTO unsupported protocol version")]
    UnsupportedProtocol,
    #[error("ERR Syntax error in HELLO option '{option}'")]
    HelloOption { option: String },
    #[error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> \
         <pass> option can be used to authenticate the client and select the RESP protocol version at the same time"
    )]
    HelloBeforeAuth,
    #[error("ERR SELECT is not allowed in cluster mode")]
    OneDatabase,
    /// `what` is `Client names` or an attribute of CLIENT SETINFO.
    #[error("ERR {what} cannot contain spaces, newlines or special characters.")]
    NotPrintable { what: &'static str },
    #[error("ERR {what} cannot be longer than {bytes_max} bytes")]
    NameTooLong { what: &'static str, bytes_max: usize },
    #[error("ERR Unrecognized option '{option}'")]
    UnknownAttribute { option: String },
    #[error("ERR Unknown client type '{name}'")]
    UnknownClientType { name: String },
    #[error("ERR Invalid client ID")]
    InvalidClientId,
    #[error("ERR client-id should be greater than 0")]
    ClientIdNotPositive,
    #[error("ERR No such user '{name}'")]
    NoSuchUser { name: String },
    #[error("ERR No such client")]
    NoSuchClient,
    #[error(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled"
    )]
    NotTracking,
    #[error("ERR CLIENT TRACKING ON is not supported yet: the server sends no invalidations")]
    TrackingUnavailable,
    #[error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")]
    UnblockReason,
    #[error("ERR Invalid command specified")]
    CommandNotFound,
    #[error("ERR The command has no key arguments")]
    CommandWithoutKeys,
    #[error("ERR Invalid number of arguments specified for command")]
    CommandArity,
    #[error("ERR Invalid arguments specified for command")]
    CommandArguments,
    #[error("ERR a connection may watch {keys_max} keys")]
    TooManyWatched { keys_max: usize },
    #[error("ERR a request may ask for {names_max} names at once")]
    TooManyNames { names_max: usize },
    #[error("ERR Invalid slot")]
    InvalidSlot,
    #[error("ERR Invalid slot or number of keys")]
    InvalidSlotOrCount,
    #[error("ERR Unknown node {id}")]
    UnknownNode { id: String },
    #[error("ERR The specified node is not a master")]
    NotAMaster,
    #[error("ERR timeout is not an integer or out of range")]
    TimeoutNotAnInteger,
    #[error("ERR timeout is negative")]
    TimeoutNegative,
    #[error("ERR value is out of range, must be between 0 and 1")]
    LocalCopies,
    #[error("ERR count should be greater than or equal to -1")]
    SlowlogCount,
    #[error("ERR unknown subcommand or wrong number of arguments for '{subcommand}'. Try SLOWLOG HELP.")]
    SlowlogArguments { subcommand: String },
    #[error("ERR No samples available for event '{event}'")]
    NoSuchEvent { event: String },
    #[error("ERR Unknown category '{name}'")]
    UnknownCategory { name: String },
    /// A command of Redis that is none of a tenant's.
    #[error("ERR {command} is not for tenants: {reason}")]
    NotForTenants { command: String, reason: refused::Reason },
}

/// All of them, subcommands within.
pub(crate) fn all() -> impl Iterator<Item = &'static SessionCommand> {
    const ALL: &[SessionCommand] = &[
        discard::COMMAND,
        exec::COMMAND,
        multi::COMMAND,
        unwatch::COMMAND,
        watch::COMMAND,
        acl::ACL,
        asking::ASKING,
        auth::AUTH,
        client::CLIENT,
        cluster::CLUSTER,
        command::COMMAND,
        config::CONFIG,
        echo::ECHO,
        hello::HELLO,
        info::INFO,
        lastsave::LASTSAVE,
        latency::LATENCY,
        module::MODULE,
        ping::PING,
        quit::QUIT,
        readonly::READONLY,
        readonly::READWRITE,
        reset::RESET,
        role::ROLE,
        select::SELECT,
        slowlog::SLOWLOG,
        time::TIME,
        wait::WAIT,
        wait::WAITAOF,
    ];
    ALL.iter()
}

/// Those that answer why they are refused. They are found, and listed nowhere.
pub(crate) fn refused() -> impl Iterator<Item = &'static SessionCommand> {
    refused::all()
}
