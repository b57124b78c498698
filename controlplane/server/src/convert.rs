//! What nodes say, checked and turned into our own words.
//! Promises: whatever a node sends is either understood whole or refused with a sentence; nothing in it can panic here.

use std::net::IpAddr;

use tenure_control_model::{NodeReport, PluginSeen, PortRange, Refusal, ReplicaSeen, Standing};
use tenure_types::{Epoch, Incarnation, Lsn, NodeId, StreamId, TenantId, WallTime};
use tenure_wire::control_v1 as wire;

/// Longest text that is taken from a node.
const TEXT_BYTES_MAX: usize = 1024;
/// Most replicas that one node reports.
const REPLICAS_MAX: usize = 100_000;
/// Most ranges of ports that one node offers.
const PORT_RANGES_MAX: usize = 1024;

/// What a node offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) node: NodeId,
    pub(crate) process: u64,
    pub(crate) version: String,
    pub(crate) zone: String,
    pub(crate) host: IpAddr,
    pub(crate) ports: Vec<PortRange>,
    pub(crate) memory_bytes: u64,
}

/// A message that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {found}, expected {expected}")]
pub(crate) struct Nonsense {
    field: &'static str,
    found: String,
    expected: &'static str,
}

fn nonsense(field: &'static str, found: impl ToString, expected: &'static str) -> Nonsense {
    Nonsense {
        field,
        found: found.to_string(),
        expected,
    }
}

pub(crate) fn offer(hello: wire::Hello) -> Result<Offer, Nonsense> {
    let port = |number: u32| u16::try_from(number).ok().filter(|port| *port > 0);
    let range = |range: &wire::PortRange| match (port(range.first), port(range.last)) {
        (Some(first), Some(last)) if first <= last => Ok(PortRange { first, last }),
        _ => Err(nonsense(
            "a range of ports",
            format!("{}-{}", range.first, range.last),
            "two ports from 1 to 65535, the smaller first",
        )),
    };
    let host = hello.host.parse::<IpAddr>().ok().filter(|host| !host.is_unspecified());
    Ok(Offer {
        node: Some(hello.node)
            .filter(|node| *node > 0)
            .map(NodeId::new)
            .ok_or_else(|| nonsense("node", 0, "a number from 1"))?,
        process: hello.process,
        version: short(hello.version),
        zone: Some(hello.zone.clone())
            .filter(|zone| !zone.is_empty() && zone.len() <= 63)
            .ok_or_else(|| nonsense("zone", format!("{:?}", short(hello.zone)), "1 to 63 bytes"))?,
        host: host.ok_or_else(|| {
            nonsense(
                "host",
                format!("{:?}", short(hello.host)),
                "an IP address that clients reach",
            )
        })?,
        ports: if hello.ports.len() > PORT_RANGES_MAX {
            return Err(nonsense("the number of port ranges", hello.ports.len(), "at most 1024"));
        } else {
            hello.ports.iter().map(range).collect::<Result<_, _>>()?
        },
        memory_bytes: hello.memory_bytes,
    })
}

pub(crate) fn report(node: NodeId, at: WallTime, report: wire::Report) -> Result<NodeReport, Nonsense> {
    let counts = [report.replicas.len(), report.refusals.len(), report.plugins.len()];
    if let Some(count) = counts.into_iter().find(|count| *count > REPLICAS_MAX) {
        return Err(nonsense(
            "the number of replicas, refusals or plugins",
            count,
            "at most 100000",
        ));
    }
    let refusal = |refusal: wire::Refusal| Refusal {
        stream: Some(refusal.stream)
            .filter(|stream| *stream != 0)
            .map(StreamId::from_bits),
        tenant: TenantId::new(refusal.tenant),
        cluster: short(refusal.cluster),
        reason: short(refusal.reason),
        plugin: Some(short(refusal.plugin)).filter(|name| !name.is_empty()),
    };
    Ok(NodeReport {
        node,
        at,
        generation: report.generation,
        replicas: report.replicas.into_iter().map(replica).collect::<Result<_, _>>()?,
        refusals: report.refusals.into_iter().map(refusal).collect(),
        plugins: report.plugins.into_iter().map(plugin).collect::<Result<_, _>>()?,
    })
}

fn replica(replica: wire::ReplicaReport) -> Result<ReplicaSeen, Nonsense> {
    let standing = match replica.standing() {
        wire::Standing::Loading => Standing::Loading,
        wire::Standing::Primary => Standing::Primary,
        wire::Standing::Replica => Standing::Replica,
        wire::Standing::Lapsed => Standing::Lapsed,
        wire::Standing::Broken => Standing::Broken,
        wire::Standing::Unspecified => {
            return Err(nonsense("standing", replica.standing, "one of the five that there are"));
        }
    };
    let incarnation = Incarnation::new(replica.incarnation);
    Ok(ReplicaSeen {
        stream: StreamId::from_bits(replica.stream),
        standing,
        incarnation: incarnation.ok_or_else(|| nonsense("incarnation", 0, "a random number, never 0"))?,
        epoch: Epoch::new(replica.epoch),
        lsn: Lsn::new(replica.lsn),
        keys: replica.keys,
        memory_bytes: replica.memory_bytes,
        clients: replica.clients,
    })
}

fn plugin(plugin: wire::PluginReport) -> Result<PluginSeen, Nonsense> {
    let sha256 = <[u8; 32]>::try_from(&*plugin.sha256);
    Ok(PluginSeen {
        tenant: TenantId::new(plugin.tenant),
        cluster: short(plugin.cluster),
        name: short(plugin.name),
        sha256: sha256.map_err(|_| nonsense("the hash of a plugin", plugin.sha256.len(), "32 bytes"))?,
        quarantined: plugin.quarantined.map(short),
    })
}

/// Cut to a bound, between letters.
fn short(mut text: String) -> String {
    if text.len() > TEXT_BYTES_MAX {
        let end = (0..=TEXT_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> wire::Hello {
        wire::Hello {
            node: 1,
            process: 7,
            version: "0.1.0".to_owned(),
            zone: "a".to_owned(),
            host: "127.0.0.1".to_owned(),
            ports: vec![wire::PortRange {
                first: 7501,
                last: 7516,
            }],
            memory_bytes: 1 << 30,
        }
    }

    #[test]
    fn a_hello_that_makes_no_sense_is_refused_with_a_sentence() {
        assert_eq!(offer(hello()).unwrap().node, NodeId::new(1));
        let ports = |first, last| wire::Hello {
            ports: vec![wire::PortRange { first, last }],
            ..hello()
        };
        let cases = [
            (
                wire::Hello { node: 0, ..hello() },
                "node is 0, expected a number from 1",
            ),
            (
                wire::Hello {
                    zone: String::new(),
                    ..hello()
                },
                "zone is \"\", expected 1 to 63 bytes",
            ),
            (
                wire::Hello {
                    host: "0.0.0.0".to_owned(),
                    ..hello()
                },
                "host is \"0.0.0.0\", expected an IP address",
            ),
            (
                wire::Hello {
                    host: "ü".repeat(2000),
                    ..hello()
                },
                "host is \"ü",
            ),
            (ports(0, 5), "a range of ports is 0-5"),
            (ports(6, 5), "a range of ports is 6-5"),
            (ports(1, 65_536), "a range of ports is 1-65536"),
        ];
        for (hello, sentence) in cases {
            let said = offer(hello).unwrap_err().to_string();
            assert!(said.starts_with(sentence), "{said}");
            assert!(said.len() < 2 * TEXT_BYTES_MAX);
        }
    }

    #[test]
    fn a_report_without_a_life_or_a_standing_is_refused() {
        let seen = wire::ReplicaReport {
            stream: 1,
            standing: wire::Standing::Replica.into(),
            incarnation: 9,
            ..wire::ReplicaReport::default()
        };
        let report = |replica| {
            let report = wire::Report {
                replicas: vec![replica],
                ..wire::Report::default()
            };
            super::report(NodeId::new(1), WallTime::from_unix_millis(0), report)
        };
        assert_eq!(report(seen).unwrap().replicas[0].lsn, None);
        assert!(report(wire::ReplicaReport { incarnation: 0, ..seen }).is_err());
        assert!(report(wire::ReplicaReport { standing: 99, ..seen }).is_err());
    }

    #[test]
    fn what_a_node_says_of_plugins_is_taken_with_a_whole_hash_only() {
        let plugin = wire::PluginReport {
            tenant: 1,
            cluster: "shop".to_owned(),
            name: "ratelimit".to_owned(),
            sha256: vec![7; 32].into(),
            quarantined: Some("ü".repeat(2000)),
        };
        let refusal = |plugin: &str| wire::Refusal {
            stream: 0,
            cluster: "shop".to_owned(),
            reason: "it is not valid".to_owned(),
            plugin: plugin.to_owned(),
            tenant: 1,
        };
        let report = |plugin: &wire::PluginReport| {
            let report = wire::Report {
                plugins: vec![plugin.clone()],
                refusals: vec![refusal("ratelimit"), refusal("")],
                ..wire::Report::default()
            };
            super::report(NodeId::new(1), WallTime::from_unix_millis(0), report)
        };
        let taken = report(&plugin).unwrap();
        assert_eq!(taken.plugins[0].sha256, [7; 32]);
        assert_eq!(taken.plugins[0].quarantined.as_ref().unwrap().len(), TEXT_BYTES_MAX);
        let of: Vec<_> = taken.refusals.iter().map(|refusal| refusal.plugin.as_deref()).collect();
        assert_eq!(of, [Some("ratelimit"), None]);
        assert_eq!(taken.refusals[0].tenant, TenantId::new(1));
        for length in [0, 31, 33] {
            let sha256 = vec![7; length].into();
            assert!(
                report(&wire::PluginReport {
                    sha256,
                    ..plugin.clone()
                })
                .is_err(),
                "{length}"
            );
        }
    }
}
