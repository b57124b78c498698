//! What may be asked of a cluster.

use serde_json::Value;
use sha2::{Digest, Sha256};
use tenure_admin::CreateCluster;
use tenure_control_model::{ClusterSpec, ClusterUser};

use crate::rest::body::{Field, is_whole};
use crate::rest::rules;

const MIB: u64 = 1 << 20;
const SHARDS_MAX: u64 = 500;
const REPLICAS_MAX: u64 = 5;
const MEMORY_BYTES_MIN: u64 = MIB;
/// 16 TiB: more than a node has, and little enough that no sum over a cluster overflows.
const MEMORY_BYTES_MAX: u64 = 16 << 40;
const MEMORY_BYTES_DEFAULT: u64 = 256 * MIB;

const POLICIES: [&str; 8] = [
    "noeviction",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
];

/// The rules of `CreateCluster`.
pub(super) const FIELDS: &[Field] = &[
    Field {
        name: "name",
        optional: false,
        rule: rules::NAME,
        holds: rules::is_name,
    },
    Field {
        name: "shards",
        optional: true,
        rule: "a whole number from 1 to 500",
        holds: |value| is_whole(value, 1..=SHARDS_MAX),
    },
    Field {
        name: "replicas",
        optional: true,
        rule: "a whole number from 0 to 5: replicas of each shard beside its primary",
        holds: |value| is_whole(value, 0..=REPLICAS_MAX),
    },
    Field {
        name: "memory_bytes",
        optional: true,
        rule: "bytes of one shard, a whole number from 1048576 (1 MiB) to 17592186044416 (16 TiB)",
        holds: |value| is_whole(value, MEMORY_BYTES_MIN..=MEMORY_BYTES_MAX),
    },
    Field {
        name: "eviction_policy",
        optional: true,
        rule: "one of noeviction, allkeys-lru, allkeys-lfu, allkeys-random, volatile-lru, volatile-lfu, volatile-random, volatile-ttl",
        holds: |value| value.as_str().is_some_and(|policy| POLICIES.contains(&policy)),
    },
    Field {
        name: "tls",
        optional: true,
        rule: "true or false",
        holds: Value::is_boolean,
    },
    Field {
        name: "password",
        optional: false,
        rule: "16 to 128 printable ASCII characters without spaces",
        holds: |value| value.as_str().is_some_and(is_password),
    },
];

/// What is asked for, and what is asked for if nothing is said.
pub(super) fn spec(asked: &CreateCluster) -> ClusterSpec {
    ClusterSpec {
        shards: asked.shards.unwrap_or(1),
        replicas: asked.replicas.unwrap_or(1),
        memory_bytes: asked.memory_bytes.unwrap_or(MEMORY_BYTES_DEFAULT),
        policy: asked.eviction_policy.clone().unwrap_or_else(|| "noeviction".to_owned()),
        tls: asked.tls.unwrap_or(true),
    }
}

/// The user `default`, with the password that is asked for.
pub(super) fn users(asked: &CreateCluster) -> Vec<ClusterUser> {
    vec![ClusterUser {
        name: "default".to_owned(),
        password_sha256: Sha256::digest(&asked.password).into(),
    }]
}

fn is_password(text: &str) -> bool {
    (16..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
