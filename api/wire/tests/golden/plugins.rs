//! Rows of what nodes and the control plane say of plugins. A node keeps its desired state on its disk, so these are stored too.
//! The bytes were read and written once by the implementation of protobuf for Python, and came out the same.

use prost::bytes::Bytes;
use tenure_wire::control_v1::*;

use super::Row;

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::of(
            plugin(),
            "0a 09 726174656c696d6974  12 05 312e302e32 \
             1a 20 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f  20 ac02",
        ),
        Row::of(
            Cluster {
                name: "shop".to_owned(),
                tenant: 11,
                seed: 0x1122_3344_5566_7788,
                plugins: vec![plugin()],
                ..Cluster::default()
            },
            "0a 04 73686f70  10 0b  19 8877665544332211 \
             42 37 0a09726174656c696d69741205312e302e321a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f \
             20ac02",
        ),
        Row::of(
            seen(None),
            "08 0b  12 04 73686f70  1a 09 726174656c696d6974 \
             22 20 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        ),
        Row::of(
            seen(Some("it trapped")),
            "08 0b  12 04 73686f70  1a 09 726174656c696d6974 \
             22 20 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f  2a 0a 69742074726170706564",
        ),
        Row::of(
            Refusal {
                stream: 0,
                cluster: "shop".to_owned(),
                reason: "it traps".to_owned(),
                plugin: "ratelimit".to_owned(),
                tenant: 11,
            },
            "12 04 73686f70  1a 08 6974207472617073  22 09 726174656c696d6974  28 0b",
        ),
        Row::of(
            Report {
                generation: 300,
                plugins: vec![PluginReport {
                    tenant: 11,
                    cluster: "shop".to_owned(),
                    name: "a".to_owned(),
                    sha256: Bytes::from_static(&[1, 2]),
                    quarantined: None,
                }],
                ..Report::default()
            },
            "08 ac02  22 0f 080b120473686f701a016122020102",
        ),
        Row::of(
            ModuleRequest { sha256: hash() },
            "0a 20 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        ),
        Row::of(
            ModulePart {
                bytes: Bytes::from_static(b"\0asm"),
            },
            "0a 04 0061736d",
        ),
    ]
}

fn plugin() -> Plugin {
    Plugin {
        name: "ratelimit".to_owned(),
        version: "1.0.2".to_owned(),
        sha256: hash(),
        bytes: 300,
    }
}

fn seen(quarantined: Option<&str>) -> PluginReport {
    PluginReport {
        tenant: 11,
        cluster: "shop".to_owned(),
        name: "ratelimit".to_owned(),
        sha256: hash(),
        quarantined: quarantined.map(str::to_owned),
    }
}

fn hash() -> Bytes {
    (0..32).collect::<Vec<u8>>().into()
}
