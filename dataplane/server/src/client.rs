//! A connected client as others see it: CLIENT LIST, CLIENT KILL, held replies that are released, a shard that changes its
//! role.
//! Promises: whoever has news for a connection leaves it here and wakes it; only the connection itself reads and writes.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use bytes::Bytes;
use tenure_types::BootTime;

use crate::replica::Ticket;
use crate::table::CommandName;

/// One connection.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: u64,
    pub(crate) address: SocketAddr,
    pub(crate) local_address: SocketAddr,
    pub(crate) since: BootTime,
    /// When it last sent something.
    pub(crate) last_active: Cell<BootTime>,
    /// Since when its first held reply waits; `None`: it has none.
    pub(crate) held_since: Cell<Option<BootTime>>,
    /// What CLIENT LIST shows beside that. The session writes it.
    pub(crate) shown: RefCell<Shown>,
    /// What its connection keeps, as [`Clients::account`] was told.
    memory_bytes: Cell<usize>,
    inbox: RefCell<Inbox>,
    end: Cell<Option<End>>,
    waker: RefCell<Option<Waker>>,
}

/// What a session tells others of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    pub(crate) name: Vec<u8>,
    pub(crate) library_name: Vec<u8>,
    pub(crate) library_version: Vec<u8>,
    /// `None` before AUTH.
    pub(crate) user: Option<String>,
    pub(crate) resp3: bool,
    pub(crate) readonly: bool,
    /// Commands queued since MULTI; `None` outside of one.
    pub(crate) queued: Option<usize>,
    pub(crate) watched: usize,
    /// Full name of the newest command.
    pub(crate) command: CommandName,
    pub(crate) input_bytes: usize,
    pub(crate) output_bytes: usize,
}

/// Bytes for a client that are no reply: a message, an invalidation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Push {
    pub(crate) bytes: Bytes,
    /// What they tell of; `None`: they may leave at once.
    pub(crate) ticket: Option<Ticket>,
}

/// Pushes that the connection has not taken yet.
#[derive(Debug, Default)]
struct Inbox {
    pushes: VecDeque<Push>,
    bytes: usize,
}

/// Why a connection must end although its client did not end it, the weakest reason first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// The node stops. What was answered leaves first.
    Stopping,
    /// CLIENT KILL, by another one. Who kills itself reads the reply first: [`crate::commands::Then::Close`].
    Killed,
    /// It reads its pushes more slowly than they come.
    PushesUnread,
    /// All connections together keep too much memory, and this one keeps most of it.
    KeepsMostMemory,
    /// Its held replies waited too long for the log. What became of the writes is not known.
    RepliesOverdue,
    /// The shard has another role, or another image. Held replies are lost: their records may be too.
    RoleChanged,
}

impl Client {
    pub(crate) fn new(id: u64, address: SocketAddr, local_address: SocketAddr, now: BootTime) -> Rc<Self> {
        Rc::new(Self {
            id,
            address,
            local_address,
            since: now,
            last_active: Cell::new(now),
            held_since: Cell::new(None),
            shown: RefCell::default(),
            memory_bytes: Cell::new(0),
            inbox: RefCell::default(),
            end: Cell::new(None),
            waker: RefCell::new(None),
        })
    }

    /// The connection waits: whoever has news wakes this.
    pub(crate) fn waits(&self, waker: &Waker) {
        let mut slot = self.waker.borrow_mut();
        if !slot.as_ref().is_some_and(|present| present.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }

    /// There is news.
    pub(crate) fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    /// Leaves bytes for the client, which are sent in the order in which they come. If more than so many wait already, its
    /// connection ends.
    #[cfg_attr(
        not(test),
        expect(
            dead_code,
            reason = "connections are ready for pub/sub and tracking, which come later"
        )
    )]
    pub(crate) fn push(&self, push: Push, waiting_bytes_max: usize) {
        let mut inbox = self.inbox.borrow_mut();
        let bytes = inbox.bytes.saturating_add(push.bytes.len());
        if bytes > waiting_bytes_max {
            *inbox = Inbox::default();
            return self.end(End::PushesUnread);
        }
        inbox.bytes = bytes;
        inbox.pushes.push_back(push);
        self.wake();
    }

    /// What was pushed since this was last called.
    pub(crate) fn take_pushes(&self) -> Option<VecDeque<Push>> {
        let mut inbox = self.inbox.borrow_mut();
        if inbox.pushes.is_empty() {
            return None;
        }
        Some(std::mem::take(&mut *inbox).pushes)
    }

    /// Bytes that were pushed and not taken.
    pub(crate) fn inbox_bytes(&self) -> usize {
        self.inbox.borrow().bytes
    }

    /// The connection must end. The strongest reason stays: what may not leave any more must not leave although somebody
    /// else had a milder one first.
    pub(crate) fn end(&self, reason: End) {
        if self.end.get() < Some(reason) {
            self.end.set(Some(reason));
            self.wake();
        }
    }

    /// Whether it must end, and why.
    pub(crate) fn must_end(&self) -> Option<End> {
        self.end.get()
    }
}

/// Numbers the connections of a process.
#[derive(Debug)]
pub(crate) struct ClientIds(AtomicU64);

impl ClientIds {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(1))
    }

    /// One that no connection of this process had.
    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// The connections of one replica.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    all: RefCell<BTreeMap<u64, Rc<Client>>>,
    memory_bytes: Cell<usize>,
}

impl Clients {
    pub(crate) fn len(&self) -> usize {
        self.all.borrow().len()
    }

    pub(crate) fn add(&self, client: &Rc<Client>) {
        self.all.borrow_mut().insert(client.id, Rc::clone(client));
    }

    pub(crate) fn remove(&self, id: u64) {
        if let Some(client) = self.all.borrow_mut().remove(&id) {
            let left = self.memory_bytes.get().saturating_sub(client.memory_bytes.take());
            self.memory_bytes.set(left);
        }
    }

    /// Whether this one is still there.
    pub(crate) fn has(&self, id: u64) -> bool {
        self.all.borrow().contains_key(&id)
    }

    /// Memory that all of them keep.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes.get()
    }

    /// A connection keeps so much memory now. If that is too much for all of them together, the one that keeps most ends:
    /// so many small ones are never ended for a large one.
    pub(crate) fn account(&self, client: &Client, bytes: usize, all_bytes_max: usize) {
        let before = client.memory_bytes.replace(bytes);
        let all_bytes = self.memory_bytes.get().saturating_sub(before).saturating_add(bytes);
        self.memory_bytes.set(all_bytes);
        if all_bytes > all_bytes_max
            && let Some(largest) = self
                .all
                .borrow()
                .values()
                .max_by_key(|client| client.memory_bytes.get())
        {
            largest.end(End::KeepsMostMemory);
        }
    }

    /// All of them as they are now, by id.
    pub(crate) fn list(&self) -> Vec<Rc<Client>> {
        self.all.borrow().values().cloned().collect()
    }

    pub(crate) fn end_all(&self, reason: End) {
        self.list().iter().for_each(|client| client.end(reason));
    }
}
