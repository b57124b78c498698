//! A client with one plain connection, which knows all nodes and is redirected as a client of a cluster is.
//! Promises: nothing is ever sent twice; an answer is never taken for that to another question, for a connection that owes
//! one is dropped. Answers that no node may give end the test.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Pipeline, RedisError, Value};
use tenure_histories::Outcome;
use tenure_types::NodeId;

use crate::shard::Shards;

const CONNECT_WITHIN: Duration = Duration::from_secs(1);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Before a node is asked again that just refused.
const PAUSE: Duration = Duration::from_millis(20);

/// Where the shard lies.
pub(crate) struct Endpoints(Vec<Endpoint>);

struct Endpoint {
    node: NodeId,
    address: SocketAddr,
    client: redis::Client,
}

/// What a client does about a node that says it cannot serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It asks the same node again, and comes back to it when a connection breaks: an old primary keeps such clients.
    Stays,
    /// It asks the next node.
    Moves,
    /// It asks the same node for ever, also when that names another one.
    Insists,
}

/// See the top of the file.
pub(crate) struct Client {
    endpoints: Rc<Endpoints>,
    manner: Manner,
    /// Which endpoint it uses.
    at: usize,
    connection: Option<MultiplexedConnection>,
    pause: bool,
}

impl Endpoints {
    pub(crate) fn of(shards: &Shards) -> Self {
        let addresses = shards.addresses().into_iter();
        let endpoint = |(node, address)| Endpoint {
            node,
            address,
            client: shards.client_of(address),
        };
        Self(addresses.map(endpoint).collect())
    }

    fn position(&self, wanted: impl Fn(&Endpoint) -> bool) -> usize {
        self.0.iter().position(wanted).expect("an address of the shard")
    }
}

impl Client {
    /// Of the first node.
    pub(crate) fn new(endpoints: &Rc<Endpoints>, manner: Manner) -> Self {
        Self {
            endpoints: Rc::clone(endpoints),
            manner,
            at: 0,
            connection: None,
            pause: false,
        }
    }

    /// Of this node, on which it insists.
    pub(crate) fn insisting_on(endpoints: &Rc<Endpoints>, node: NodeId) -> Self {
        Self {
            at: endpoints.position(|endpoint| endpoint.node == node),
            ..Self::new(endpoints, Manner::Insists)
        }
    }

    /// Gets ready to ask, if a node lets it in. It may ask then.
    pub(crate) async fn is_ready(&mut self) -> bool {
        if std::mem::take(&mut self.pause) {
            tokio::time::sleep(PAUSE).await;
        }
        if self.connection.is_some() {
            return true;
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(Some(ANSWER_WITHIN));
        let client = &self.endpoints.0[self.at].client;
        match client.get_multiplexed_async_connection_with_config(&config).await {
            Ok(connection) => self.connection = Some(connection),
            Err(_) => {
                self.pause = true;
                if self.manner != Manner::Insists {
                    self.next_node();
                }
            }
        }
        self.connection.is_some()
    }

    /// Sends some requests at once, and waits for the replies to all of them. The client must be ready. A refusal of any
    /// is one of all: only transactions have more than one.
    pub(crate) async fn ask(&mut self, requests: &Pipeline) -> Outcome<Vec<Value>> {
        // Put back only when it owes no answer.
        let mut connection = self.connection.take().expect("a client that is ready");
        let replies = match connection.req_packed_commands(requests, 0, requests.len()).await {
            Ok(replies) => replies,
            Err(error) => {
                assert!(error.is_io_error(), "{requests:?} was answered {error}");
                if self.manner == Manner::Moves {
                    self.next_node();
                }
                return Outcome::Unknown;
            }
        };
        self.connection = Some(connection);
        let Some(refusal) = replies.iter().find_map(refusal_in) else {
            return Outcome::Ok(replies);
        };
        // Whatever refused one of several, the last reply is that of EXEC, and must say that nothing was executed.
        let is_refused = replies.last().is_some_and(|last| refusal_in(last).is_some());
        assert!(is_refused, "{requests:?} was answered {replies:?}");
        self.heed(&refusal);
        Outcome::Refused
    }

    /// Goes where it is sent, or waits.
    fn heed(&mut self, refusal: &RedisError) {
        match refusal.code() {
            Some("MOVED") => {
                let (address, _) = refusal.redirect_node().expect("MOVED names a node");
                let address: SocketAddr = address.parse().expect("MOVED names an address");
                let at = self.endpoints.position(|endpoint| endpoint.address == address);
                if at == self.at || self.manner == Manner::Insists {
                    self.pause = true;
                } else {
                    self.go_to(at);
                }
            }
            // EXEC has its own word for a lease that ended behind MULTI.
            Some("CLUSTERDOWN" | "LOADING" | "READONLY" | "TRYAGAIN" | "EXECABORT") => {
                self.pause = true;
                if self.manner == Manner::Moves {
                    self.next_node();
                }
            }
            _ => panic!("refused with {refusal}"),
        }
    }

    fn next_node(&mut self) {
        self.go_to((self.at + 1) % self.endpoints.0.len());
    }

    fn go_to(&mut self, at: usize) {
        self.at = at;
        self.connection = None;
    }
}

fn refusal_in(reply: &Value) -> Option<RedisError> {
    if let Value::ServerError(error) = reply {
        Some(error.clone().into())
    } else {
        None
    }
}
