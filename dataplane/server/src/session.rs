//! What one connection is to the server: who it is, which protocol it speaks, what it queued.
//! Promises: plain state. What a request does with it is decided in `dispatch`; bytes and sockets are the connection's.

mod dispatch;
mod rejection;
mod routes;
mod transaction;

use std::rc::Rc;

use tenure_engine::{OwnedArgs, Protocol};
use tenure_types::BootTime;

pub(crate) use dispatch::Dispatch;
pub(crate) use rejection::{Rejection, write_error_line};
pub(crate) use routes::Routes;
pub(crate) use transaction::Transaction;

use crate::client::Shown;
use crate::layout::ClusterLayout;
use crate::replica::Watch;
use crate::table::Registered;

/// Who `AUTH password` means, and whom a connection starts as if that takes no password.
pub(crate) const DEFAULT_USER: &str = "default";

/// What a watched key takes in the table of its shard, about.
const WATCHED_KEY_BYTES: usize = 128;

/// The state of a connection between its requests.
#[derive(Debug)]
pub(crate) struct Session {
    /// Who it logged in as; `None`: it may only AUTH, HELLO, QUIT and RESET.
    pub(crate) user: Option<String>,
    pub(crate) protocol: Protocol,
    /// CLIENT SETNAME.
    pub(crate) name: Vec<u8>,
    /// CLIENT SETINFO.
    pub(crate) library_name: Vec<u8>,
    pub(crate) library_version: Vec<u8>,
    /// READONLY: it reads from replicas.
    pub(crate) readonly: bool,
    /// CLIENT REPLY.
    pub(crate) replies: Replies,
    /// WATCH.
    pub(crate) watch: Option<Watch>,
    /// Since MULTI; `None` outside of one. Boxed: most connections have none.
    pub(crate) transaction: Option<Box<Transaction>>,
    /// The request that waits, see [`crate::commands::Then::Park`].
    parked: Option<Rc<Parked>>,
    /// Whether EXEC runs its queue now.
    runs_queue: bool,
}

/// What becomes of replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Replies {
    /// They are sent.
    #[default]
    On,
    /// They are dropped until CLIENT REPLY ON.
    Off,
    /// That of the next command is dropped.
    SkipNext,
    /// That of the command that runs now is dropped, unless it is CLIENT REPLY ON.
    Skipping,
}

/// A request that waits for something, to be run again at each wake-up of its connection.
#[derive(Debug)]
struct Parked {
    command: Registered,
    args: OwnedArgs,
    since: BootTime,
}

impl Session {
    /// A new connection: nobody, unless the cluster asks for no password.
    pub(crate) fn new(cluster: &ClusterLayout) -> Self {
        Self {
            user: user_at_start(cluster),
            protocol: Protocol::default(),
            name: Vec::new(),
            library_name: Vec::new(),
            library_version: Vec::new(),
            readonly: false,
            replies: Replies::default(),
            watch: None,
            transaction: None,
            parked: None,
            runs_queue: false,
        }
    }

    /// RESET: as a new connection. What the client's library calls itself stays: it is still the same library.
    pub(crate) fn reset(&mut self, cluster: &ClusterLayout) {
        *self = Self {
            library_name: std::mem::take(&mut self.library_name),
            library_version: std::mem::take(&mut self.library_version),
            ..Self::new(cluster)
        };
    }

    /// Whether a command may answer [`crate::commands::Then::Park`]: never within EXEC.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "connections are ready for blocking commands, which come later")
    )]
    pub(crate) fn may_park(&self) -> bool {
        !self.runs_queue
    }

    /// Since when the request that runs now waits; `None`: it runs for the first time.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "connections are ready for blocking commands, which come later")
    )]
    pub(crate) fn parked_since(&self) -> Option<BootTime> {
        self.parked.as_ref().map(|parked| parked.since)
    }

    /// Whether a request waits, so that none behind it may run.
    pub(crate) fn is_parked(&self) -> bool {
        self.parked.is_some()
    }

    /// Memory that it keeps beside itself, of what a client can make large.
    pub(crate) fn memory_bytes(&self) -> usize {
        let transaction = self.transaction.as_ref().map_or(0, |queued| queued.memory_bytes());
        let watched = self
            .watch
            .as_ref()
            .map_or(0, Watch::len)
            .saturating_mul(WATCHED_KEY_BYTES);
        let parked = self.parked.as_ref().map_or(0, |parked| parked.args.as_args().bytes());
        transaction.saturating_add(watched).saturating_add(parked)
    }

    /// Copies what others may see, where it changed.
    pub(crate) fn show(&self, shown: &mut Shown) {
        for (copy, own) in [
            (&mut shown.name, &self.name),
            (&mut shown.library_name, &self.library_name),
            (&mut shown.library_version, &self.library_version),
        ] {
            if copy != own {
                copy.clone_from(own);
            }
        }
        if shown.user != self.user {
            shown.user.clone_from(&self.user);
        }
        shown.resp3 = self.protocol == Protocol::Resp3;
        shown.readonly = self.readonly;
        shown.queued = self.transaction.as_ref().map(|transaction| transaction.len());
        shown.watched = self.watch.as_ref().map_or(0, Watch::len);
    }
}

fn user_at_start(cluster: &ClusterLayout) -> Option<String> {
    let open = |user: &&crate::layout::User| user.name == DEFAULT_USER && user.password_sha256.is_none();
    cluster.users.iter().find(open).map(|user| user.name.clone())
}
