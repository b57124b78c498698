//! CLUSTER SHARDS: each shard with its slots and nodes.

use tenure_engine::command::Spec;

use super::SPEC;
use super::view::{Member, View, ranges};
use crate::commands::container::NONDETERMINISTIC;
use crate::commands::{SessionCall, SessionCommand, SessionError, Then};
use crate::replica::Standing;

pub(super) const SHARDS: SessionCommand = SessionCommand::new(
    Spec {
        name: "cluster|shards",
        since: "7.0.0",
        summary: "Each shard, with its slots and its nodes.",
        complexity: "O(N) of N nodes",
        tips: NONDETERMINISTIC,
        ..SPEC
    },
    shards,
);

fn shards(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let view = View::of(call.replica);
    call.reply.array(view.cluster().shards.len());
    for shard in &view.cluster().shards {
        call.reply.map(2);
        call.reply.bulk(b"slots");
        let slots = ranges(shard);
        call.reply.array(slots.len() * 2);
        for range in slots {
            call.reply.integer(i64::from(range.first));
            call.reply.integer(i64::from(range.last));
        }
        call.reply.bulk(b"nodes");
        let members = view.members(shard);
        call.reply.array(members.len());
        members.iter().for_each(|member| node(call, &view, member));
    }
    Ok(Then::GoOn)
}

fn node(call: &mut SessionCall<'_, '_>, view: &View, member: &Member<'_>) {
    let ip = member.address.ip().to_string();
    // As a Redis that speaks TLS only: it has no `port`.
    let port = match view.cluster().tls {
        Some(_) => "tls-port",
        None => "port",
    };
    let health = match call.turn.standing() {
        Standing::Loading if member.is_own => "loading",
        // Of the others this node knows what the layout says: that they are there.
        Standing::Broken if member.is_own => "fail",
        Standing::Loading | Standing::Primary | Standing::Replica | Standing::Lapsed | Standing::Broken => "online",
    };
    let reply = &mut *call.reply;
    reply.map(7);
    reply.bulk(b"id");
    reply.bulk(view.id(member.shard, member.node).as_bytes());
    reply.bulk(port.as_bytes());
    reply.integer(i64::from(member.address.port()));
    reply.bulk(b"ip");
    reply.bulk(ip.as_bytes());
    reply.bulk(b"endpoint");
    reply.bulk(ip.as_bytes());
    reply.bulk(b"role");
    reply.bulk(if member.is_primary { b"master" } else { b"replica" });
    reply.bulk(b"replication-offset");
    reply.integer(0);
    reply.bulk(b"health");
    reply.bulk(health.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::harness::{Server, layout};
    use crate::layout::ServerCertificate;

    fn expected(server: &Server, port: &str) -> String {
        let view = View::of(&server.replica);
        let nodes: Vec<String> = view
            .all_members()
            .iter()
            .map(|member| {
                let (ip, number) = (member.address.ip(), member.address.port());
                let id = view.id(member.shard, member.node);
                let role = if member.is_primary { "master" } else { "replica" };
                format!(
                    "[\"id\" \"{id}\" \"{port}\" (integer) {number} \"ip\" \"{ip}\" \"endpoint\" \"{ip}\" \"role\" \
                     \"{role}\" \"replication-offset\" (integer) 0 \"health\" \"online\"]"
                )
            })
            .collect();
        format!(
            "[[\"slots\" [(integer) 0 (integer) 8191] \"nodes\" [{} {}]] [\"slots\" [(integer) 8192 (integer) 16383] \
             \"nodes\" [{} {}]]]",
            nodes[0], nodes[1], nodes[2], nodes[3]
        )
    }

    #[test]
    fn each_shard_has_its_slots_and_nodes() {
        let mut server = Server::new();
        let expected = expected(&server, "port");
        assert_eq!(server.run("CLUSTER SHARDS"), expected);
    }

    #[test]
    fn with_tls_the_port_is_one_of_tls() {
        let mut cluster = layout();
        cluster.tls = Some(ServerCertificate {
            certificate_pem: String::new(),
            key_pem: String::new(),
        });
        let mut server = Server::of(cluster);
        let expected = expected(&server, "tls-port");
        assert_eq!(server.run("CLUSTER SHARDS"), expected);
    }
}
