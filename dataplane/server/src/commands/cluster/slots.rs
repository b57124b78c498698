//! CLUSTER SLOTS: each range of slots with its primary and its replicas.

use tenure_engine::command::Spec;

use super::SPEC;
use super::view::{View, ranges};
use crate::commands::container::NONDETERMINISTIC;
use crate::commands::{SessionCall, SessionCommand, SessionError, Then};

pub(super) const SLOTS: SessionCommand = SessionCommand::new(
    Spec {
        name: "cluster|slots",
        summary: "Each range of slots, with the nodes that have it.",
        complexity: "O(N) of N nodes",
        tips: NONDETERMINISTIC,
        ..SPEC
    },
    slots,
);

fn slots(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let view = View::of(call.replica);
    let shards = view.cluster().shards.iter();
    let all: Vec<_> = shards
        .flat_map(|shard| ranges(shard).into_iter().map(move |range| (range, shard)))
        .collect();
    call.reply.array(all.len());
    for (range, shard) in all {
        let members = view.members(shard);
        call.reply.array(2 + members.len());
        call.reply.integer(i64::from(range.first));
        call.reply.integer(i64::from(range.last));
        for member in members {
            call.reply.array(4);
            call.reply.bulk(member.address.ip().to_string().as_bytes());
            call.reply.integer(i64::from(member.address.port()));
            call.reply.bulk(view.id(shard, member.node).as_bytes());
            // Further names of the node: none.
            call.reply.map(0);
        }
    }
    Ok(Then::GoOn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::harness::Server;

    #[test]
    fn each_range_names_its_primary_first() {
        let mut server = Server::new();
        let view = View::of(&server.replica);
        let node = |at: usize| {
            let member = view.all_members()[at];
            let id = view.id(member.shard, member.node);
            let (ip, port) = (member.address.ip(), member.address.port());
            format!("[\"{ip}\" (integer) {port} \"{id}\" []]")
        };
        let expected = format!(
            "[[(integer) 0 (integer) 8191 {} {}] [(integer) 8192 (integer) 16383 {} {}]]",
            node(0),
            node(1),
            node(2),
            node(3)
        );
        assert_eq!(server.run("CLUSTER SLOTS"), expected);
    }
}
