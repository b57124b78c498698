//! CLUSTER INFO. Nodes do not vote for each other here: epochs and leases are the log's, so those of Redis are 0.

use std::fmt::Write;

use tenure_engine::command::Spec;

use super::SPEC;
use super::view::View;
use crate::commands::container::NONDETERMINISTIC;
use crate::commands::{SessionCall, SessionCommand, SessionError, Then};
use crate::replica::Standing;

pub(super) const INFO: SessionCommand = SessionCommand::new(
    Spec {
        name: "cluster|info",
        summary: "Whether the cluster serves, and how large it is.",
        tips: NONDETERMINISTIC,
        ..SPEC
    },
    info,
);

fn info(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let view = View::of(call.replica);
    let state = match call.turn.standing() {
        Standing::Primary | Standing::Replica => "ok",
        Standing::Loading | Standing::Lapsed | Standing::Broken => "fail",
    };
    let size = view
        .cluster()
        .shards
        .iter()
        .filter(|shard| !shard.slots.is_empty())
        .count();
    // A layout that was checked has every slot in some shard.
    let slots = usize::from(tenure_engine::SLOTS);
    let fields = [
        ("cluster_slots_assigned", slots),
        ("cluster_slots_ok", slots),
        ("cluster_slots_pfail", 0),
        ("cluster_slots_fail", 0),
        ("cluster_known_nodes", view.all_members().len()),
        ("cluster_size", size),
        ("cluster_current_epoch", 0),
        ("cluster_my_epoch", 0),
        ("cluster_stats_messages_sent", 0),
        ("cluster_stats_messages_received", 0),
        ("total_cluster_links_buffer_limit_exceeded", 0),
    ];
    let mut text = format!("cluster_state:{state}\r\n");
    for (name, value) in fields {
        // Writing to a string does not fail.
        let _ = write!(text, "{name}:{value}\r\n");
    }
    call.reply.verbatim("txt", &text);
    Ok(Then::GoOn)
}

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn the_cluster_is_as_large_as_its_layout() {
        let text = Server::new().run("CLUSTER INFO");
        for line in [
            "cluster_state:ok",
            "cluster_slots_assigned:16384",
            "cluster_known_nodes:4",
            "cluster_size:2",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} in {text}");
        }
    }

    #[test]
    fn past_its_lease_a_shard_does_not_serve() {
        let mut server = Server::new();
        server.clock.advance(std::time::Duration::from_secs(5));
        assert!(server.run("CLUSTER INFO").starts_with("cluster_state:fail\r\n"));
    }
}
