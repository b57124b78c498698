//! Which nodes are heard of: for how long this process has seen each silent, and an event when one falls silent and when it is back.
//! Promises: silence is measured by this process's own clock and eyes. It counts anew after a start, after a pass that failed, and
//! after this process itself stood still: until then nobody knows who was silent. What was so at the start is no news.

use std::collections::BTreeMap;
use std::time::Duration;

use tenure_control_model::{Change, Event, Node, Write};
use tenure_types::{BootTime, NodeId, WallTime};

use super::View;
use super::view::{change, node_name};

/// Two passes that lie further apart say that this process stood still.
const PASSES_WITHIN: Duration = Duration::from_secs(2);

/// What it remembers between two passes.
#[derive(Debug, Default)]
pub(super) struct Presence {
    /// When the last pass looked; `None`: it failed, or there was none.
    looked_at: Option<BootTime>,
    /// When each node was last seen by its row, and since when that is so.
    seen: BTreeMap<NodeId, (WallTime, BootTime)>,
    /// Who was heard of in the last pass.
    alive: BTreeMap<NodeId, bool>,
}

impl Presence {
    /// For how long each node has been silent.
    pub(super) fn silences(&mut self, nodes: &[Node], now: BootTime) -> BTreeMap<NodeId, Duration> {
        let stood_still = self
            .looked_at
            .is_none_or(|last| now.elapsed_since(last) > PASSES_WITHIN);
        if stood_still {
            self.seen.clear();
        }
        self.looked_at = Some(now);
        let mut silences = BTreeMap::new();
        for node in nodes {
            let known = self.seen.entry(node.id).or_insert((node.seen_at, now));
            if known.0 != node.seen_at {
                *known = (node.seen_at, now);
            }
            silences.insert(node.id, now.elapsed_since(known.1));
        }
        silences
    }

    /// A pass failed: nobody knows who was heard of meanwhile.
    pub(super) fn lose_sight(&mut self) {
        self.looked_at = None;
    }

    pub(super) fn plan(&mut self, view: &View<'_>) -> Vec<Change> {
        let mut changes = Vec::new();
        for node in &view.world.nodes {
            let is_alive = view.is_alive(node.id);
            let (kind, message) = match (self.alive.insert(node.id, is_alive), is_alive) {
                (Some(true), false) => ("node-lost", "is not heard of"),
                (Some(false), true) => ("node-back", "is heard of again"),
                _ => continue,
            };
            let event = Event {
                node: Some(node.id),
                ..view.event(kind, None, format!("{} {message}", node_name(node.id)))
            };
            changes.push(change(Write::AddEvent(event)));
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Options;
    use crate::testing::{before, observed, world};

    #[test]
    fn a_node_is_silent_only_for_as_long_as_this_process_has_seen_it_silent() {
        let at = |millis: u64| BootTime::from_nanos(1_000_000_000_000 + millis * 1_000_000);
        let mut nodes = world().nodes;
        nodes.truncate(1);
        let mut presence = Presence::default();
        let silent = |presence: &mut Presence, nodes: &[Node], millis| {
            let silences = presence.silences(nodes, at(millis));
            silences[&nodes[0].id].as_millis()
        };
        nodes[0].seen_at = before(600_000);
        assert_eq!(
            silent(&mut presence, &nodes, 0),
            0,
            "what was before the start does not count"
        );
        assert_eq!(silent(&mut presence, &nodes, 1500), 1500);
        nodes[0].seen_at = before(500_000);
        assert_eq!(silent(&mut presence, &nodes, 1600), 0, "it was heard");
        assert_eq!(silent(&mut presence, &nodes, 3000), 1400);
        assert_eq!(silent(&mut presence, &nodes, 60_000), 0, "this process stood still");
        assert_eq!(silent(&mut presence, &nodes, 61_000), 1000);
        presence.lose_sight();
        assert_eq!(silent(&mut presence, &nodes, 61_100), 0, "a pass failed");
    }

    #[test]
    fn an_event_tells_when_a_node_is_lost_and_when_it_is_back() {
        let (mut world, observed, options) = (world(), observed(), Options::default());
        let mut presence = Presence::default();
        world.nodes[2].seen_at = before(60_000);
        let mut told = |world: &_| {
            let changes = presence.plan(&View::of(world, &observed, &options));
            let event = |change: &Change| {
                let Write::AddEvent(event) = &change.writes[0] else {
                    panic!("{change:?}");
                };
                event.message.clone()
            };
            changes.iter().map(event).collect::<Vec<_>>()
        };
        assert!(told(&world).is_empty(), "that was so before");
        world.nodes[0].seen_at = before(3001);
        assert_eq!(told(&world), ["data-1 is not heard of"]);
        assert!(told(&world).is_empty());
        world.nodes[0].seen_at = before(0);
        assert_eq!(told(&world), ["data-1 is heard of again"]);
    }
}
