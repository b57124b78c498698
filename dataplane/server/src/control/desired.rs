//! What the control plane says that a node is to host, as a layout.
//! Promises: every value is looked at, whoever sent it; a cluster with one that makes no sense is refused by itself, with a
//! sentence that never has a secret in it. Leaves to the node: whether the slots are whole, certificates, ports.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use tenure_engine::eviction::Policy;
use tenure_plugin_abi::MODULE_BYTES_MAX;
use tenure_types::{Epoch, NodeId, StreamId, TenantId};
use tenure_wire::control_v1::{self as wire, Desired};

use crate::layout::{
    ClusterLayout, ClusterLimits, Layout, PluginLayout, ReplicaLayout, ServerCertificate, ShardLayout, SlotRange, User,
};
use crate::node::{ClusterName, Refused};

/// Longest name of a cluster, a shard or a user.
const NAME_BYTES_MAX: usize = 256;

/// What can be hosted of a Desired, and what cannot.
#[derive(Debug)]
pub(super) struct Converted {
    pub(super) layout: Layout,
    pub(super) refused: Vec<Refused>,
}

/// Why a cluster cannot be hosted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Unusable {
    #[error("the name of {what} is empty, longer than {NAME_BYTES_MAX} bytes or not printable")]
    Name { what: &'static str },
    #[error("there are two {what} {name}")]
    Twice { what: &'static str, name: String },
    #[error("there is no {what}")]
    Missing { what: &'static str },
    #[error("{what} is {value}, which cannot be")]
    Number { what: &'static str, value: u64 },
    #[error("there is no policy {name:?}")]
    Policy { name: String },
    #[error("the password of user {user} is no SHA-256: it has {bytes} bytes")]
    Password { user: String, bytes: usize },
    #[error("the module of plugin {plugin} has no SHA-256: it has {bytes} bytes")]
    Sha256 { plugin: String, bytes: usize },
    #[error("shard {shard}: {address:?} is no address of the form ip:port")]
    Address { shard: String, address: String },
}

/// Looks at each cluster by itself.
pub(super) fn convert(desired: &Desired) -> Converted {
    let mut converted = Converted {
        layout: Layout::default(),
        refused: Vec::new(),
    };
    let mut names = BTreeSet::new();
    for wire in &desired.clusters {
        let name = ClusterName {
            tenant: TenantId::new(wire.tenant),
            name: wire.name.clone(),
        };
        let is_first = names.insert(name.clone());
        let cluster = if is_first {
            cluster(wire, &name, &mut converted.refused)
        } else {
            Err(twice("clusters", &wire.name))
        };
        match cluster {
            Ok(cluster) => converted.layout.clusters.push(cluster),
            Err(unusable) => converted.refused.push(Refused {
                cluster: name,
                stream: None,
                plugin: None,
                reason: unusable.to_string(),
            }),
        }
    }
    converted
}

fn cluster(wire: &wire::Cluster, of: &ClusterName, refused: &mut Vec<Refused>) -> Result<ClusterLayout, Unusable> {
    let limits = wire.limits.as_ref().ok_or(Unusable::Missing { what: "limit" })?;
    let shards: Vec<ShardLayout> = wire.shards.iter().map(shard).collect::<Result<_, _>>()?;
    if shards.is_empty() {
        return Err(Unusable::Missing { what: "shard" });
    }
    let users: Vec<User> = wire.users.iter().map(user).collect::<Result<_, _>>()?;
    once("users", users.iter().map(|user| &user.name))?;
    once("shards", shards.iter().map(|shard| &shard.name))?;
    once("shards with", shards.iter().map(|shard| shard.stream))?;
    Ok(ClusterLayout {
        name: name("the cluster", &wire.name)?,
        tenant: TenantId::new(wire.tenant),
        seed: wire.seed,
        users,
        limits: cluster_limits(limits)?,
        tls: wire.tls.as_ref().map(|shown| ServerCertificate {
            certificate_pem: shown.certificate_pem.clone(),
            key_pem: shown.key_pem.clone(),
        }),
        shards,
        plugins: plugins(wire, of, refused),
    })
}

/// Its plugins, without their modules. One that makes no sense is refused by itself.
fn plugins(wire: &wire::Cluster, of: &ClusterName, refused: &mut Vec<Refused>) -> Vec<PluginLayout> {
    let mut plugins: Vec<PluginLayout> = Vec::new();
    for wire in &wire.plugins {
        let is_known = plugins.iter().any(|known| known.name == wire.name);
        let plugin = if is_known {
            Err(twice("plugins", &wire.name))
        } else {
            plugin(wire)
        };
        match plugin {
            Ok(plugin) => plugins.push(plugin),
            Err(unusable) => refused.push(Refused {
                cluster: of.clone(),
                stream: None,
                plugin: Some(wire.name.clone()),
                reason: unusable.to_string(),
            }),
        }
    }
    plugins
}

fn plugin(wire: &wire::Plugin) -> Result<PluginLayout, Unusable> {
    if usize::try_from(wire.bytes).is_ok_and(|bytes| bytes > MODULE_BYTES_MAX) {
        return Err(number("bytes of a plugin", wire.bytes));
    }
    let sha256 = <[u8; 32]>::try_from(&*wire.sha256).map_err(|_| Unusable::Sha256 {
        plugin: wire.name.clone(),
        bytes: wire.sha256.len(),
    })?;
    Ok(PluginLayout {
        name: name("a plugin", &wire.name)?,
        version: name("a version", &wire.version)?,
        sha256,
        module: None,
    })
}

fn user(wire: &wire::User) -> Result<User, Unusable> {
    let name = name("a user", &wire.name)?;
    let sha256 = |bytes: &bytes::Bytes| {
        <[u8; 32]>::try_from(&**bytes).map_err(|_| Unusable::Password {
            user: name.clone(),
            bytes: bytes.len(),
        })
    };
    Ok(User {
        password_sha256: wire.password_sha256.as_ref().map(sha256).transpose()?,
        name,
    })
}

fn cluster_limits(wire: &wire::Limits) -> Result<ClusterLimits, Unusable> {
    let limit = |what, value: u64| {
        let limit = usize::try_from(value).ok().filter(|limit| *limit > 0);
        limit.ok_or(Unusable::Number { what, value })
    };
    let policy = Policy::parse(wire.policy.as_bytes()).ok_or_else(|| Unusable::Policy {
        name: wire.policy.clone(),
    })?;
    Ok(ClusterLimits {
        memory_bytes_max: limit("memory_bytes_max", wire.memory_bytes_max)?,
        policy,
        connections_max: limit("connections_max", wire.connections_max)?,
        request_bytes_max: limit("request_bytes_max", wire.request_bytes_max)?,
        output_bytes_max: limit("output_bytes_max", wire.output_bytes_max)?,
        clients_memory_bytes_max: limit("clients_memory_bytes_max", wire.clients_memory_bytes_max)?,
    })
}

fn shard(wire: &wire::Shard) -> Result<ShardLayout, Unusable> {
    let name = name("a shard", &wire.name)?;
    let replicas = wire.replicas.iter().map(|replica| {
        let unusable = || Unusable::Address {
            shard: name.clone(),
            address: replica.address.clone(),
        };
        let address: Option<SocketAddr> = replica.address.parse().ok();
        Ok(ReplicaLayout {
            node: node("a replica's node", replica.node)?,
            address: address.filter(|address| address.port() > 0).ok_or_else(unusable)?,
        })
    });
    let replicas: Vec<ReplicaLayout> = replicas.collect::<Result<_, _>>()?;
    once("replicas of one shard on", replicas.iter().map(|replica| replica.node))?;
    once(
        "replicas of one shard at",
        replicas.iter().map(|replica| replica.address),
    )?;
    let give_up = wire.give_up_epoch.map(|epoch| match epoch {
        0 => Err(number("give_up_epoch", 0)),
        epoch => Ok(Epoch::new(epoch)),
    });
    Ok(ShardLayout {
        stream: StreamId::from_bits(wire.stream),
        slots: wire.slots.iter().map(slots).collect::<Result<_, _>>()?,
        primary: node("preferred", wire.preferred)?,
        replicas,
        give_up: give_up.transpose()?,
        name,
    })
}

fn slots(wire: &wire::SlotRange) -> Result<SlotRange, Unusable> {
    let slot = |value: u32| u16::try_from(value).map_err(|_| number("a slot", u64::from(value)));
    Ok(SlotRange {
        first: slot(wire.first)?,
        last: slot(wire.last)?,
    })
}

fn node(what: &'static str, value: u64) -> Result<NodeId, Unusable> {
    match value {
        0 => Err(number(what, 0)),
        value => Ok(NodeId::new(value)),
    }
}

fn name(what: &'static str, name: &str) -> Result<String, Unusable> {
    let is_name = !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control);
    if is_name {
        Ok(name.to_owned())
    } else {
        Err(Unusable::Name { what })
    }
}

fn number(what: &'static str, value: u64) -> Unusable {
    Unusable::Number { what, value }
}

fn twice(what: &'static str, name: &dyn ToString) -> Unusable {
    Unusable::Twice {
        what,
        name: name.to_string(),
    }
}

fn once<T: Ord + ToString>(what: &'static str, names: impl Iterator<Item = T>) -> Result<(), Unusable> {
    let mut known = BTreeSet::new();
    for name in names {
        if known.contains(&name) {
            return Err(twice(what, &name));
        }
        known.insert(name);
    }
    Ok(())
}

/// A cluster of one shard on nodes 1 and 2, as the control plane would say it.
#[cfg(test)]
pub(super) fn sound_cluster() -> wire::Cluster {
    let limits = ClusterLimits::default();
    wire::Cluster {
        name: "c".to_owned(),
        tenant: 1,
        seed: 7,
        users: vec![wire::User {
            name: "default".to_owned(),
            password_sha256: None,
        }],
        limits: Some(wire::Limits {
            memory_bytes_max: limits.memory_bytes_max as u64,
            policy: "allkeys-lru".to_owned(),
            connections_max: limits.connections_max as u64,
            request_bytes_max: limits.request_bytes_max as u64,
            output_bytes_max: limits.output_bytes_max as u64,
            clients_memory_bytes_max: limits.clients_memory_bytes_max as u64,
        }),
        tls: None,
        shards: vec![wire::Shard {
            name: "0001".to_owned(),
            stream: StreamId::new(tenure_types::GroupId::new(1), 1).to_bits(),
            slots: vec![wire::SlotRange { first: 0, last: 16_383 }],
            preferred: 1,
            replicas: [(1, 7501), (2, 7502)]
                .map(|(node, port)| wire::Replica {
                    node,
                    address: format!("127.0.0.1:{port}"),
                })
                .into(),
            give_up_epoch: None,
        }],
        plugins: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_sense_is_taken_as_it_is() {
        let mut wire = sound_cluster();
        wire.users[0].password_sha256 = Some(vec![9; 32].into());
        wire.tls = Some(wire::ServerCertificate {
            certificate_pem: "certificate".to_owned(),
            key_pem: "key".to_owned(),
        });
        wire.shards[0].give_up_epoch = Some(4);
        wire.plugins = vec![wire::Plugin {
            name: "limits".to_owned(),
            version: "1.0.0".to_owned(),
            sha256: vec![3; 32].into(),
            bytes: 100,
        }];
        let Converted { layout, refused } = convert(&Desired {
            generation: 1,
            clusters: vec![wire],
        });
        assert_eq!(refused, []);
        let replica = |node, port| ReplicaLayout {
            node: NodeId::new(node),
            address: SocketAddr::from(([127, 0, 0, 1], port)),
        };
        let expected = ClusterLayout {
            name: "c".to_owned(),
            tenant: TenantId::new(1),
            seed: 7,
            users: vec![User {
                name: "default".to_owned(),
                password_sha256: Some([9; 32]),
            }],
            limits: ClusterLimits {
                policy: Policy::AllKeysLru,
                ..ClusterLimits::default()
            },
            tls: Some(ServerCertificate {
                certificate_pem: "certificate".to_owned(),
                key_pem: "key".to_owned(),
            }),
            shards: vec![ShardLayout {
                name: "0001".to_owned(),
                stream: StreamId::new(tenure_types::GroupId::new(1), 1),
                slots: vec![SlotRange { first: 0, last: 16_383 }],
                primary: NodeId::new(1),
                replicas: vec![replica(1, 7501), replica(2, 7502)],
                give_up: Some(Epoch::new(4)),
            }],
            plugins: vec![PluginLayout {
                name: "limits".to_owned(),
                version: "1.0.0".to_owned(),
                sha256: [3; 32],
                module: None,
            }],
        };
        assert_eq!(layout.clusters, [expected]);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_itself_with_the_reason() {
        type Change = fn(&mut wire::Cluster);
        let cases: [(Change, &str); 19] = [
            (|c| c.name.clear(), "the name of the cluster is empty"),
            (
                |c| c.name = "a\nb".to_owned(),
                "the name of the cluster is empty, longer",
            ),
            (|c| c.name = "n".repeat(257), "the name of the cluster is empty, longer"),
            (|c| c.users.push(c.users[0].clone()), "there are two users default"),
            (|c| c.users[0].name.clear(), "the name of a user is empty"),
            (
                |c| c.users[0].password_sha256 = Some("secret".into()),
                "the password of user default is no SHA-256: it has 6 bytes",
            ),
            (|c| c.limits = None, "there is no limit"),
            (
                |c| limits(c).memory_bytes_max = 0,
                "memory_bytes_max is 0, which cannot be",
            ),
            (|c| limits(c).policy = "lru".to_owned(), "there is no policy \"lru\""),
            (|c| c.shards.clear(), "there is no shard"),
            (|c| c.shards.push(c.shards[0].clone()), "there are two shards 0001"),
            (
                |c| {
                    c.shards.push(c.shards[0].clone());
                    c.shards[1].name = "0002".to_owned();
                },
                "there are two shards with stream-1-1",
            ),
            (|c| c.shards[0].preferred = 0, "preferred is 0, which cannot be"),
            (
                |c| c.shards[0].slots[0].last = 70_000,
                "a slot is 70000, which cannot be",
            ),
            (
                |c| c.shards[0].give_up_epoch = Some(0),
                "give_up_epoch is 0, which cannot be",
            ),
            (
                |c| c.shards[0].replicas[0].node = 0,
                "a replica's node is 0, which cannot be",
            ),
            (
                |c| c.shards[0].replicas[0].node = 2,
                "there are two replicas of one shard on node-2",
            ),
            (
                |c| c.shards[0].replicas[0].address = "127.0.0.1:7502".to_owned(),
                "there are two replicas of one shard at 127.0.0.1:7502",
            ),
            (
                |c| c.shards[0].replicas[0].address = "localhost:0".to_owned(),
                "shard 0001: \"localhost:0\" is no address",
            ),
        ];
        for (change, reason) in cases {
            let mut bad = sound_cluster();
            change(&mut bad);
            let mut good = sound_cluster();
            good.tenant = 2;
            let converted = convert(&Desired {
                generation: 1,
                clusters: vec![bad, good],
            });
            assert_eq!(converted.layout.clusters.len(), 1, "{reason}");
            let [refused] = &converted.refused[..] else {
                panic!("{reason}: {:?}", converted.refused);
            };
            assert!(refused.reason.starts_with(reason), "{}, not {reason}", refused.reason);
            assert_eq!((refused.cluster.tenant, refused.stream), (TenantId::new(1), None));
        }
    }

    #[test]
    fn of_two_clusters_with_one_name_the_first_is_taken() {
        let converted = convert(&Desired {
            generation: 1,
            clusters: vec![sound_cluster(), sound_cluster()],
        });
        assert_eq!((converted.layout.clusters.len(), converted.refused.len()), (1, 1));
        assert_eq!(converted.refused[0].reason, "there are two clusters c");
    }

    fn limits(cluster: &mut wire::Cluster) -> &mut wire::Limits {
        cluster.limits.as_mut().unwrap()
    }
}
