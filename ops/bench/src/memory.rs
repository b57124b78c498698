//! Bytes per key: how much memory a server takes for keys of one shape.
//! Promises: each figure is of a server that was started for it and holds nothing else; what the process grew by stands beside what
//! the server accounts for.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::channel::Channel;
use crate::compare::say;
use crate::dev;
use crate::fill::fill;
use crate::peer::{Peers, Shape};
use crate::server::{Kind, Server};
use crate::usage::resident_bytes;

const KEYS: u32 = 500_000;
const KEYS_QUICK: u32 = 50_000;
/// Collections have as many fields each, so there are fewer of them.
const MEMBERS: u32 = 10;

/// What the keys are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Of {
    String { bytes: usize },
    Hash,
    SortedSet,
}

const SHAPES: [Of; 6] = [
    Of::String { bytes: 8 },
    Of::String { bytes: 32 },
    Of::String { bytes: 100 },
    Of::String { bytes: 512 },
    Of::Hash,
    Of::SortedSet,
];

/// What one server takes for one shape.
#[derive(Debug, Serialize)]
pub(crate) struct BytesPerKey {
    pub(crate) kind: Kind,
    pub(crate) shape: String,
    pub(crate) keys: u32,
    /// By what the process grew.
    pub(crate) resident: f64,
    /// By what the server accounts for.
    pub(crate) accounted: f64,
}

/// All shapes on all servers, the peers in cluster mode as Tenure is.
pub(crate) async fn compare(peers: &Peers, binary: &Path, within: &Path, quick: bool) -> Result<Vec<BytesPerKey>> {
    let mut kinds = vec![Kind::Tenure, Kind::Redis];
    if peers.valkey.is_some() {
        kinds.push(Kind::Valkey);
    }
    let mut compared = Vec::new();
    for of in SHAPES {
        say(&format!("bytes per key: {}", of.name()));
        for kind in &kinds {
            let server = start(*kind, peers, binary, within).await?;
            if !of.is_known_to(&server)? {
                say(&format!("{kind} does not know {}", of.name()));
                continue;
            }
            compared.push(measure(&server, of, if quick { KEYS_QUICK } else { KEYS })?);
        }
    }
    Ok(compared)
}

async fn start(kind: Kind, peers: &Peers, binary: &Path, within: &Path) -> Result<Server> {
    if kind == Kind::Tenure {
        return dev::start(binary, Channel::Plain, within).await;
    }
    let shape = Shape {
        kind,
        channel: Channel::Plain,
        in_cluster_mode: true,
    };
    peers.start(shape, within).await
}

fn measure(server: &Server, of: Of, keys: u32) -> Result<BytesPerKey> {
    let pid = server.processes.first().context("a server has a process")?.pid;
    let before = (resident_bytes(pid)?, server.info_number("used_memory")?);
    fill(&server.door, (0..keys).map(|key| of.request(key)))
        .with_context(|| format!("{} of {}", of.name(), server.kind))?;
    let there = server.ask(&["DBSIZE"])?;
    ensure!(
        there == keys.to_string(),
        "{} holds {there} keys instead of {keys}",
        server.kind
    );
    let after = (resident_bytes(pid)?, server.info_number("used_memory")?);
    #[allow(clippy::cast_precision_loss, reason = "bytes of memory are far below 2^52")]
    let each = |before: u64, after: u64| after.saturating_sub(before) as f64 / f64::from(keys);
    Ok(BytesPerKey {
        kind: server.kind,
        shape: of.name(),
        keys,
        resident: each(before.0, after.0),
        accounted: each(before.1, after.1),
    })
}

impl Of {
    fn name(self) -> String {
        match self {
            Self::String { bytes } => format!("string of {bytes} B"),
            Self::Hash => format!("hash of {MEMBERS} fields"),
            Self::SortedSet => format!("sorted set of {MEMBERS} members"),
        }
    }

    fn is_known_to(self, server: &Server) -> Result<bool> {
        let command = match self {
            Self::String { .. } => "SET",
            Self::Hash => "HSET",
            Self::SortedSet => "ZADD",
        };
        Ok(!server.ask(&["COMMAND", "INFO", command])?.is_empty())
    }

    fn request(self, key: u32) -> Vec<Vec<u8>> {
        let name = format!("key:{key:012}").into_bytes();
        let mut words = match self {
            Self::String { bytes } => return vec![b"SET".to_vec(), name, vec![b'x'; bytes]],
            Self::Hash => vec![b"HSET".to_vec(), name],
            Self::SortedSet => vec![b"ZADD".to_vec(), name],
        };
        for member in 0..MEMBERS {
            let (text, number) = (
                format!("member-{member}").into_bytes(),
                (key % 1000 + member).to_string().into_bytes(),
            );
            match self {
                Self::SortedSet => words.extend([number, text]),
                Self::Hash | Self::String { .. } => words.extend([text, number]),
            }
        }
        words
    }
}
