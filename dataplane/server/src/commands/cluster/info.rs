//! CLUSTER INFO. Nodes do not vote for each other here: epochs are the log's, one row of numbers for each shard.

use std::fmt::Write;

use tenure_engine::command::Spec;
use tenure_types::Epoch;

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
    let epochs = view.cluster().shards.iter().map(|shard| view.epoch(shard));
    let newest = epochs.max().unwrap_or(Epoch::NONE);
    let own = view.own_shard().map_or(Epoch::NONE, |shard| view.epoch(shard));
    let numbers = [
        ("cluster_slots_assigned", slots),
        ("cluster_slots_ok", slots),
        ("cluster_slots_pfail", 0),
        ("cluster_slots_fail", 0),
        ("cluster_known_nodes", view.all_members().len()),
        ("cluster_size", size),
    ];
    let mut text = format!("cluster_state:{state}\r\n");
    // Writing to a string does not fail.
    for (name, value) in numbers {
        let _ = write!(text, "{name}:{value}\r\n");
    }
    for (name, epoch) in [("cluster_current_epoch", newest), ("cluster_my_epoch", own)] {
        let _ = write!(text, "{name}:{epoch}\r\n");
    }
    // There is no bus.
    let none = [
        "cluster_stats_messages_sent",
        "cluster_stats_messages_received",
        "total_cluster_links_buffer_limit_exceeded",
    ];
    for name in none {
        let _ = write!(text, "{name}:0\r\n");
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
            "cluster_current_epoch:1",
            "cluster_my_epoch:1",
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
