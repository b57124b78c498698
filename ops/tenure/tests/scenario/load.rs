//! Clients that write, swap, append and read all at once, on the same keys, and whose operations are all recorded.
//! Some only read, and half of either stay with the node they are at, so that an old primary has both.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use tenure_histories::{History, Key, List, Outcome, Pair, Recorder, Register};
use tenure_types::NodeId;
use tokio::task::JoinHandle;

use super::actor::Actor;
use super::client::{Client, Endpoints, Manner};
use super::witness::Witnesses;
use crate::shard::{LOOK_AGAIN_AFTER, WITHIN};

const CLIENTS: u32 = 8;
const WRITERS: u32 = 4;
/// Numbers of those who come later are from here on.
const FIRST_LATECOMER: u32 = 100;
/// The client that reads everything in the end.
const LAST_READER: u32 = 99;
/// Several clients at once are answered far more often than that.
const STUCK_AFTER: Duration = Duration::from_millis(60);

/// See the top of the file.
pub(crate) struct Load {
    shared: Rc<Shared>,
    clients: RefCell<Vec<JoinHandle<()>>>,
    latecomers: Cell<u32>,
    seed: u64,
}

/// What all clients share.
pub(crate) struct Shared {
    endpoints: Rc<Endpoints>,
    pub(crate) registers: Recorder<Register>,
    pub(crate) lists: Recorder<List>,
    pub(crate) pairs: Recorder<Pair>,
    pub(crate) stop: Cell<bool>,
    answered: Cell<u64>,
    writes: Cell<u64>,
    /// Since when a write is waited for that is called and answered.
    fault: Cell<Option<Instant>>,
    gap: Cell<Option<Duration>>,
}

/// All that happened.
pub(crate) struct Histories {
    pub(crate) registers: History<Register>,
    pub(crate) lists: History<List>,
    pub(crate) pairs: History<Pair>,
    /// What was in each list in the end.
    pub(crate) final_lists: Vec<(Key, Vec<u64>)>,
}

impl Load {
    /// Must be called inside a `LocalSet`, which drives the clients.
    pub(crate) fn start(endpoints: Endpoints, begun: Instant, seed: u64) -> Self {
        let shared = Rc::new(Shared {
            endpoints: Rc::new(endpoints),
            registers: Recorder::starting_at(begun),
            lists: Recorder::starting_at(begun),
            pairs: Recorder::starting_at(begun),
            stop: Cell::default(),
            answered: Cell::default(),
            writes: Cell::default(),
            fault: Cell::default(),
            gap: Cell::default(),
        });
        let load = Self {
            shared,
            clients: RefCell::default(),
            latecomers: Cell::new(FIRST_LATECOMER),
            seed,
        };
        for number in 0..CLIENTS {
            let manner = if number % 2 == 0 { Manner::Stays } else { Manner::Moves };
            let client = Client::new(&load.shared.endpoints, manner);
            load.set_to_work(load.actor(number, client, number < WRITERS));
        }
        load
    }

    /// From now on another client asks this node and no other, be it the owner or not.
    pub(crate) fn insist_on(&self, node: NodeId, writes: bool) {
        let client = Client::insisting_on(&self.shared.endpoints, node);
        self.set_to_work(self.actor(self.latecomer(), client, writes));
    }

    fn actor(&self, number: u32, client: Client, writes: bool) -> Actor {
        Actor {
            number,
            client,
            writes,
            shared: Rc::clone(&self.shared),
        }
    }

    fn latecomer(&self) -> u32 {
        self.latecomers.replace(self.latecomers.get() + 1)
    }

    fn set_to_work(&self, actor: Actor) {
        let random = StdRng::seed_from_u64(self.seed.wrapping_add(u64::from(actor.number)));
        self.clients
            .borrow_mut()
            .push(tokio::task::spawn_local(actor.work(random)));
    }

    /// Waits until so many more operations are answered, a write among them.
    pub(crate) async fn answers(&self, more: u64) {
        let enough = self.shared.answered.get() + more;
        let writes = self.shared.writes.get();
        let answered = async {
            while self.shared.answered.get() < enough || self.shared.writes.get() == writes {
                let gave_up = self.clients.borrow().iter().any(JoinHandle::is_finished);
                assert!(!gave_up, "a client gave up");
                tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            }
        };
        tokio::time::timeout(WITHIN, answered).await.expect("the shard answers");
    }

    /// Waits until all clients wait for answers, and lets everybody use keys from then on of which no answer is due.
    pub(crate) async fn until_all_are_stuck(&self) {
        let stuck = async {
            let mut answered = None;
            while answered.replace(self.shared.answered.get()) != Some(self.shared.answered.get()) {
                tokio::time::sleep(STUCK_AFTER).await;
            }
        };
        tokio::time::timeout(WITHIN, stuck).await.expect("clients wait");
        self.shared.registers.use_next_key();
        self.shared.lists.use_next_key();
        self.shared.pairs.use_next_key();
    }

    /// Something breaks now.
    pub(crate) fn note_fault(&self) {
        self.shared.gap.set(None);
        self.shared.fault.set(Some(Instant::now()));
    }

    /// How long after the fault the first write was answered that was called after it. Told once for each fault.
    pub(crate) fn gap(&self) -> Option<Duration> {
        self.shared.gap.take()
    }

    /// Connections to this node that are used later, when somebody else may own the shard.
    pub(crate) async fn witnesses_at(&self, node: NodeId) -> Witnesses {
        let mut actors = Vec::new();
        for _ in 0..Witnesses::COUNT {
            let mut client = Client::insisting_on(&self.shared.endpoints, node);
            let ready = async { while !client.is_ready().await {} };
            let ready = tokio::time::timeout(WITHIN, ready).await;
            ready.expect("the node lets somebody in");
            actors.push(self.actor(self.latecomer(), client, false));
        }
        Witnesses::new(actors)
    }

    /// Sets a key, which no history has, until it is set.
    pub(crate) async fn write(&self, key: &str, value: &str) {
        let mut client = Client::new(&self.shared.endpoints, Manner::Moves);
        let mut set = redis::pipe();
        set.cmd("SET").arg(key).arg(value);
        while !client.is_ready().await || !matches!(client.ask(&set).await, Outcome::Ok(_)) {}
    }

    /// Ends the clients, reads everything once more, and tells what happened.
    pub(crate) async fn stop(self) -> Histories {
        self.shared.stop.set(true);
        for client in self.clients.take() {
            client.await.expect("no client fails");
        }
        let client = Client::new(&self.shared.endpoints, Manner::Moves);
        let mut reader = self.actor(LAST_READER, client, false);
        let final_lists = tokio::time::timeout(WITHIN, reader.read_everything());
        let final_lists = final_lists.await.expect("everything is read in time");
        drop(reader);
        let shared = Rc::into_inner(self.shared).expect("nobody is at work");
        Histories {
            registers: shared.registers.finish(),
            lists: shared.lists.finish(),
            pairs: shared.pairs.finish(),
            final_lists,
        }
    }
}

impl Shared {
    /// An operation was answered that was called then.
    pub(crate) fn note_answer(&self, called: Instant, is_write: bool) {
        self.answered.set(self.answered.get() + 1);
        if is_write {
            self.writes.set(self.writes.get() + 1);
            if let Some(fault) = self.fault.get().filter(|fault| called >= *fault) {
                self.gap.set(Some(fault.elapsed()));
                self.fault.set(None);
            }
        }
    }
}
