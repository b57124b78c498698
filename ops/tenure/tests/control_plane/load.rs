//! Clients that write all the time, to a cluster of one shard. None sends anything twice. Each appends elements of its own to
//! lists of its own, and writes and reads registers that all share; both are judged in the end.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError, Value, cmd};
use tenure_histories::{Judge, Outcome, Recorder, Register, RegisterAnswer, RegisterInput};
use tokio::task::JoinHandle;

use super::cluster::Cluster;
use super::{until, until_so};

const CLIENTS: u32 = 3;
/// A client that was not answered for so long does not wait any longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Between two operations of a client; enough of them overlap.
const THINKS_FOR: Duration = Duration::from_millis(2);
/// Before a node is asked again that just refused.
const PAUSE: Duration = Duration::from_millis(20);
/// Elements of one list, so that none grows long.
const LIST_ELEMENTS: u64 = 100;
/// How long the search for one register may take.
const JUDGED_WITHIN: Duration = Duration::from_secs(20);

/// See the top of the file.
pub(crate) struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<Vec<Element>>>,
}

struct Shared {
    cluster: Cluster,
    registers: Recorder<Register>,
    stop: AtomicBool,
    acknowledged: AtomicU64,
    pace: Mutex<Pace>,
}

/// How writes went since something happened.
struct Pace {
    since: Instant,
    last: Instant,
    longest_pause: Duration,
    /// Until a write was acknowledged that was called after it.
    first: Option<Duration>,
}

/// An element that a client appended, and whether it was told so.
struct Element {
    client: u32,
    number: u64,
    outcome: Outcome<()>,
}

impl Load {
    /// Returns when it is well under way.
    pub(crate) async fn start(cluster: &Cluster) -> Self {
        let shared = Arc::new(Shared {
            cluster: cluster.clone(),
            registers: Recorder::starting_at(Instant::now()),
            stop: AtomicBool::default(),
            acknowledged: AtomicU64::default(),
            pace: Mutex::new(Pace::from_now()),
        });
        let work = |number| tokio::spawn(work(Client::new(Arc::clone(&shared)), number));
        let load = Self {
            clients: (0..CLIENTS).map(work).collect(),
            shared,
        };
        load.acknowledges(100).await;
        load
    }

    /// Measures from now on.
    pub(crate) fn mark(&self) {
        *self.shared.pace.lock().unwrap() = Pace::from_now();
    }

    /// How long it took from the mark to the first write that was called and acknowledged after it, once there is one.
    pub(crate) async fn first_acknowledged(&self) -> Duration {
        until("a write is acknowledged", async || {
            self.shared.pace.lock().unwrap().first
        })
        .await
    }

    /// The longest time since the mark in which no write was acknowledged.
    pub(crate) fn longest_pause(&self) -> Duration {
        self.shared.pace.lock().unwrap().longest_pause
    }

    /// Waits until so many more writes are acknowledged.
    pub(crate) async fn acknowledges(&self, more: u64) {
        let acknowledged = || self.shared.acknowledged.load(Ordering::Relaxed);
        let enough = acknowledged() + more;
        until_so("writes go on", async || acknowledged() >= enough).await;
    }

    /// Ends the clients, and holds what the cluster has against what they were told.
    pub(crate) async fn check(self, name: &str) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let mut elements = Vec::new();
        for client in self.clients {
            elements.extend(client.await.unwrap());
        }
        check_lists(&mut Client::new(Arc::clone(&self.shared)), &elements).await;
        let unknown = elements
            .iter()
            .filter(|element| element.outcome == Outcome::Unknown)
            .count();
        println!("{} elements were appended, of {unknown} nobody knows", elements.len());
        let shared = Arc::into_inner(self.shared).expect("no client is at work");
        let judge = Judge {
            within: JUDGED_WITHIN,
            folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join("control").join(name),
            seed: 0,
        };
        match judge.check(&shared.registers.finish()) {
            Ok(checked) => println!("{checked:?}"),
            Err(objections) => unreachable!("{name}: {objections}"),
        }
    }
}

impl Pace {
    fn from_now() -> Self {
        let now = Instant::now();
        Self {
            since: now,
            last: now,
            longest_pause: Duration::ZERO,
            first: None,
        }
    }
}

impl Shared {
    fn acknowledged(&self, called: Instant) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
        let mut pace = self.pace.lock().unwrap();
        let now = Instant::now();
        pace.longest_pause = pace.longest_pause.max(now - pace.last);
        pace.last = now;
        if called >= pace.since && pace.first.is_none() {
            pace.first = Some(now - pace.since);
        }
    }
}

async fn work(mut client: Client, number: u32) -> Vec<Element> {
    let mut elements = Vec::new();
    let shared = Arc::clone(&client.shared);
    for next in 0.. {
        if shared.stop.load(Ordering::Relaxed) {
            break;
        }
        let append = cmd("APPEND").arg(list(number, next)).arg(format!("{next},")).take();
        let called = Instant::now();
        let outcome = match client.ask(&append).await {
            Outcome::Ok(_) => Outcome::Ok(()),
            Outcome::Refused => Outcome::Refused,
            Outcome::Unknown => Outcome::Unknown,
        };
        if outcome == Outcome::Ok(()) {
            shared.acknowledged(called);
        }
        elements.push(Element {
            client: number,
            number: next,
            outcome,
        });
        let input = match next % 2 {
            0 => RegisterInput::Write(shared.registers.fresh_value()),
            _ => RegisterInput::Read,
        };
        use_register(&mut client, number, input).await;
        tokio::time::sleep(THINKS_FOR).await;
    }
    elements
}

async fn use_register(client: &mut Client, number: u32, input: RegisterInput) {
    let shared = Arc::clone(&client.shared);
    let key = shared.registers.current();
    let request = match input {
        RegisterInput::Write(value) => cmd("SET").arg(key.to_string()).arg(value).take(),
        RegisterInput::Read | RegisterInput::Swap { .. } => cmd("GET").arg(key.to_string()).take(),
    };
    // What is refused before it is sent must not be recorded as called, and does no harm if it is.
    let call = shared.registers.call(number, key, input);
    call.end(match client.ask(&request).await {
        Outcome::Ok(Value::Okay) => Outcome::Ok(RegisterAnswer::Written),
        Outcome::Ok(value) => Outcome::Ok(RegisterAnswer::Value(redis::from_redis_value(value).unwrap())),
        Outcome::Refused => Outcome::Refused,
        Outcome::Unknown => Outcome::Unknown,
    });
}

/// Every element that was acknowledged is there once, every other at most once, and none that was refused.
async fn check_lists(client: &mut Client, elements: &[Element]) {
    for part in elements.chunk_by(|one, next| list_of(one) == list_of(next)) {
        let request = cmd("GET").arg(list_of(&part[0])).take();
        let found = until("a list is read", async || match client.ask(&request).await {
            Outcome::Ok(value) => Some(redis::from_redis_value::<Option<String>>(value).unwrap()),
            Outcome::Refused | Outcome::Unknown => None,
        })
        .await
        .unwrap_or_default();
        let found: Vec<&str> = found.split_terminator(',').collect();
        for element in part {
            let number = element.number.to_string();
            let times = found.iter().filter(|found| **found == number).count();
            let is_right = match element.outcome {
                Outcome::Ok(()) => times == 1,
                Outcome::Refused => times == 0,
                Outcome::Unknown => times <= 1,
            };
            let (list, outcome) = (list_of(element), element.outcome);
            assert!(
                is_right,
                "{number} is {times} times in {list}, its client was told {outcome:?}: {found:?}"
            );
        }
    }
}

fn list_of(element: &Element) -> String {
    list(element.client, element.number)
}

fn list(client: u32, number: u64) -> String {
    format!("list {client} {}", number / LIST_ELEMENTS)
}

/// A client with one connection at a time, which goes where it is sent, and to the next node from one that does not answer.
struct Client {
    shared: Arc<Shared>,
    addresses: Vec<SocketAddr>,
    at: usize,
    connection: Option<MultiplexedConnection>,
}

impl Client {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            addresses: shared.cluster.addresses.clone(),
            shared,
            at: 0,
            connection: None,
        }
    }

    /// Sends a request at most once.
    async fn ask(&mut self, request: &Cmd) -> Outcome<Value> {
        let connection = match self.connection.take() {
            Some(connection) => Ok(connection),
            None => self.shared.cluster.connection_to(self.addresses[self.at]).await,
        };
        let Ok(mut connection) = connection else {
            self.goes_on().await;
            return Outcome::Refused;
        };
        let answer = tokio::time::timeout(ANSWER_WITHIN, request.query_async(&mut connection)).await;
        match answer {
            Ok(Ok(value)) => {
                self.connection = Some(connection);
                Outcome::Ok(value)
            }
            Ok(Err(error)) if error.is_io_error() => {
                self.goes_on().await;
                Outcome::Unknown
            }
            Ok(Err(refusal)) => {
                self.heed(&refusal).await;
                Outcome::Refused
            }
            Err(_) => {
                self.goes_on().await;
                Outcome::Unknown
            }
        }
    }

    async fn heed(&mut self, refusal: &RedisError) {
        match refusal.code() {
            Some("MOVED") => {
                let (address, _) = refusal.redirect_node().expect("MOVED names a node");
                self.go_to(address.parse().expect("MOVED names an address"));
            }
            Some("CLUSTERDOWN" | "LOADING" | "READONLY" | "TRYAGAIN") => {}
            _ => unreachable!("refused with {refusal}"),
        }
        self.goes_on_from(self.at).await;
    }

    fn go_to(&mut self, address: SocketAddr) {
        let known = self.addresses.iter().position(|known| *known == address);
        self.at = known.unwrap_or_else(|| {
            self.addresses.push(address);
            self.addresses.len() - 1
        });
    }

    async fn goes_on(&mut self) {
        self.goes_on_from((self.at + 1) % self.addresses.len()).await;
    }

    async fn goes_on_from(&mut self, at: usize) {
        self.at = at;
        tokio::time::sleep(PAUSE).await;
    }
}
