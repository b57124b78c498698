//! Runs session commands on a shard of a cluster of two, as a connection would. Replies are shown as text, as in the
//! engine's harness.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tenure_engine::{CommandError, OwnedArgs, Protocol, Reply};
use tenure_log::ManualClock;
use tenure_types::{Clock, NodeId, StreamId, TenantId};

use super::{SessionCall, Then};
use crate::client::Client;
use crate::layout::{ClusterLayout, ClusterLimits, ReplicaLayout, ShardLayout, SlotRange, User};
use crate::replica::Replica;
use crate::session::Session;
use crate::table::{Found, Registered, Table};

/// One connection to the primary of the first shard.
pub(crate) struct Server {
    pub(crate) replica: Rc<Replica>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) table: Table,
    pub(crate) session: Session,
    pub(crate) client: Rc<Client>,
    /// How the connection would go on after the newest command.
    pub(crate) then: Then,
    /// Whether the newest reply depends on all keys.
    pub(crate) looked_at_all: bool,
}

/// Two shards of two nodes each: node 1 and 2 at 127.0.0.1:7001 and 127.0.0.2:7002, node 3 and 4 likewise.
pub(crate) fn layout() -> ClusterLayout {
    let shard = |name: &str, stream: u32, slots: &[(u16, u16)], primary: u64| ShardLayout {
        name: name.to_owned(),
        stream: StreamId::new(tenure_types::GroupId::new(0), stream),
        slots: slots.iter().map(|&(first, last)| SlotRange { first, last }).collect(),
        primary: NodeId::new(primary),
        replicas: [primary, primary + 1].map(replica).to_vec(),
        give_up: None,
    };
    ClusterLayout {
        name: "demo".to_owned(),
        tenant: TenantId::new(1),
        seed: 7,
        users: vec![user("default", None), user("alice", Some("secret"))],
        limits: ClusterLimits::default(),
        tls: None,
        shards: vec![
            shard("0001", 1, &[(0, 100), (101, 8191)], 1),
            shard("0002", 2, &[(16383, 16383), (8192, 16000), (16001, 16382)], 3),
        ],
        plugins: Vec::new(),
    }
}

fn replica(node: u64) -> ReplicaLayout {
    let address = format!("127.0.0.{node}:{}", 7000 + node).parse().unwrap();
    ReplicaLayout {
        node: NodeId::new(node),
        address,
    }
}

fn user(name: &str, password: Option<&str>) -> User {
    User {
        name: name.to_owned(),
        password_sha256: password.map(|password| Sha256::digest(password).into()),
    }
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::of(layout())
    }

    /// The default user has the password `pass`.
    pub(crate) fn with_passwords() -> Self {
        let mut cluster = layout();
        cluster.users[0] = user("default", Some("pass"));
        Self::of(cluster)
    }

    pub(crate) fn of(cluster: ClusterLayout) -> Self {
        Self::with(Replica::for_tests, cluster)
    }

    /// To the other node of the shard, which follows.
    pub(crate) fn follower() -> Self {
        Self::with(Replica::follower_for_tests, layout())
    }

    fn with(start: fn(ClusterLayout, Arc<dyn Clock>) -> Rc<Replica>, cluster: ClusterLayout) -> Self {
        let clock = Arc::new(ManualClock::new());
        let session = Session::new(&cluster);
        let replica = start(cluster, Arc::clone(&clock) as Arc<dyn Clock>);
        let client = connect(&replica, 7, "127.0.0.1:50007");
        session.show(&mut client.shown.borrow_mut());
        Self {
            replica,
            clock,
            table: Table::new(),
            session,
            client,
            then: Then::GoOn,
            looked_at_all: false,
        }
    }

    /// Another connection.
    pub(crate) fn connect(&self, id: u64, address: &str) -> Rc<Client> {
        let client = connect(&self.replica, id, address);
        Session::new(&self.replica.cluster()).show(&mut client.shown.borrow_mut());
        client
    }

    /// Runs a line of words; one in double quotes may have blanks, `\n` and `\"`.
    pub(crate) fn run(&mut self, line: &str) -> String {
        let args: OwnedArgs = words(line).iter().collect();
        let args = args.as_args();
        let command = match self.table.find(&args[0], args.get(1)) {
            Found::Command(command) => command,
            Found::UnknownSubcommand(command) => {
                let (name, word) = (command.spec().name.to_uppercase(), String::from_utf8_lossy(&args[1]));
                return format!("(error) ERR unknown subcommand '{word}'. Try {name} HELP.");
            }
            Found::Unknown => return format!("(error) ERR unknown command {line}"),
        };
        let name = command.name();
        if !command.spec().arity.allows(args.len()) {
            return format!("(error) ERR wrong number of arguments for '{name}' command");
        }
        self.client.shown.borrow_mut().command = name.clone();
        let protocol = match args.get(1) {
            Some(b"3") if name.as_str() == "hello" => Protocol::Resp3,
            _ => self.session.protocol,
        };
        let mut reply = Shown::new(protocol);
        let mut turn = self.replica.begin_turn();
        turn.image().forget_lookups();
        let outcome = match command {
            Registered::Engine(command) => turn.run(command, args, &mut reply).map_err(|error| error.to_string()),
            Registered::Plugin(_) => panic!("plugins are tried elsewhere"),
            Registered::Session(command) => {
                let outcome = (command.run)(&mut SessionCall {
                    args,
                    session: &mut self.session,
                    turn: &mut turn,
                    replica: &self.replica,
                    client: &self.client,
                    table: &self.table,
                    reply: &mut reply,
                });
                let outcome = outcome.map_err(|error| error.to_string());
                outcome.map(|then| self.then = then)
            }
        };
        self.looked_at_all = turn.image().lookups().all;
        drop(turn);
        self.session.show(&mut self.client.shown.borrow_mut());
        match outcome {
            Ok(()) => reply.finish(),
            Err(error) => format!("(error) {error}"),
        }
    }

    /// Runs each line and compares what it answered; `*` is any reply but an error.
    pub(crate) fn check(&mut self, script: &[(&str, &str)]) {
        for (line, expected) in script {
            let reply = self.run(line);
            match *expected {
                "*" => assert!(!reply.starts_with("(error)"), "{line}: {reply}"),
                expected => assert_eq!(reply, expected, "{line}"),
            }
        }
    }
}

fn connect(replica: &Replica, id: u64, address: &str) -> Rc<Client> {
    let local: SocketAddr = "127.0.0.1:7001".parse().unwrap();
    let client = Client::new(id, address.parse().unwrap(), local, replica.clock().boot());
    replica.clients.add(&client);
    client
}

fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut bytes = line.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' => {}
            b'"' => {
                let mut word = Vec::new();
                while let Some(byte) = bytes.next().filter(|byte| *byte != b'"') {
                    word.push(match byte {
                        b'\\' if bytes.next_if_eq(&b'n').is_some() => b'\n',
                        b'\\' => bytes.next().unwrap(),
                        byte => byte,
                    });
                }
                words.push(word);
            }
            first => {
                let mut word = vec![first];
                while let Some(byte) = bytes.next_if(|byte| *byte != b' ') {
                    word.push(byte);
                }
                words.push(word);
            }
        }
    }
    words
}

/// A reply as text: `OK`, `(error) …`, `(integer) 1`, `"bytes"`, `(nil)`, `["a" "b"]`, `{"k" => "v"}`, `~["a"]`.
struct Shown {
    protocol: Protocol,
    done: String,
    open: Vec<Open>,
}

struct Open {
    left: usize,
    close: &'static str,
    map: bool,
    first: bool,
}

impl Shown {
    fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            done: String::new(),
            open: Vec::new(),
        }
    }

    fn finish(self) -> String {
        assert!(self.open.is_empty(), "replies are missing after {}", self.done);
        self.done
    }

    fn put(&mut self, text: &str) {
        self.before();
        self.done.push_str(text);
        self.after();
    }

    fn before(&mut self) {
        if let Some(open) = self.open.last_mut() {
            if !open.first {
                let separator = if open.map && open.left % 2 == 1 { " => " } else { " " };
                self.done.push_str(separator);
            }
            open.first = false;
        } else {
            assert!(self.done.is_empty(), "a second reply after {}", self.done);
        }
    }

    fn after(&mut self) {
        while let Some(open) = self.open.last_mut() {
            open.left -= 1;
            if open.left > 0 {
                return;
            }
            self.done.push_str(open.close);
            self.open.pop();
        }
    }

    fn begin(&mut self, text: &str, close: &'static str, left: usize, map: bool) {
        self.before();
        self.done.push_str(text);
        if left == 0 {
            self.done.push_str(close);
            self.after();
        } else {
            self.open.push(Open {
                left,
                close,
                map,
                first: true,
            });
        }
    }
}

impl Reply for Shown {
    fn protocol(&self) -> Protocol {
        self.protocol
    }
    fn simple(&mut self, text: &str) {
        self.put(text);
    }
    fn error(&mut self, error: &CommandError) {
        self.put(&format!("(error) {error}"));
    }
    fn integer(&mut self, number: i64) {
        self.put(&format!("(integer) {number}"));
    }
    fn bulk(&mut self, bytes: &[u8]) {
        self.put(&format!("\"{}\"", String::from_utf8_lossy(bytes)));
    }
    fn null(&mut self) {
        self.put("(nil)");
    }
    fn null_array(&mut self) {
        self.put("(nil array)");
    }
    fn array(&mut self, replies: usize) {
        self.begin("[", "]", replies, false);
    }
    fn map(&mut self, pairs: usize) {
        match self.protocol {
            Protocol::Resp2 => self.begin("[", "]", pairs * 2, false),
            Protocol::Resp3 => self.begin("{", "}", pairs * 2, true),
        }
    }
    fn set(&mut self, replies: usize) {
        match self.protocol {
            Protocol::Resp2 => self.begin("[", "]", replies, false),
            Protocol::Resp3 => self.begin("~[", "]", replies, false),
        }
    }
    fn double(&mut self, number: f64) {
        self.put(&format!("(double) {number}"));
    }
    fn boolean(&mut self, yes: bool) {
        self.put(&format!("({yes})"));
    }
    fn verbatim(&mut self, _format: &str, text: &str) {
        self.put(text);
    }
}
