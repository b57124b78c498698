//! Nodes that were told more than this database knows: it is an older copy of itself. Nodes refuse what it tells them, and rightly so.
//! Nothing mends that but an operator, so an event says it, once for each node and start of this process.

use std::collections::BTreeSet;

use tenure_control_model::{Change, Event, Write};
use tenure_types::NodeId;
use tracing::error;

use super::View;
use super::view::{change, node_name};

/// Of which nodes it was said.
#[derive(Debug, Default)]
pub(super) struct Generation(BTreeSet<NodeId>);

impl Generation {
    pub(super) fn plan(&mut self, view: &View<'_>) -> Vec<Change> {
        let ahead = view
            .world
            .reports
            .iter()
            .filter(|report| report.generation > view.world.generation);
        let mut changes = Vec::new();
        for report in ahead {
            if !self.0.insert(report.node) {
                continue;
            }
            let (node, told, known) = (node_name(report.node), report.generation, view.world.generation);
            error!(%node, told, known, "a node was told more than this database knows: is the database an older copy?");
            let message = format!(
                "{node} was told generation {told}, and this database knows {known}: it seems to be an older copy of itself, and the \
                 node refuses what it is told"
            );
            let event = Event {
                node: Some(report.node),
                ..view.event("database-behind", None, message)
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
    use crate::testing::{observed, world};

    #[test]
    fn a_database_that_went_back_is_said_once_for_each_node() {
        let (mut world, observed, options) = (world(), observed(), Options::default());
        let mut generation = Generation::default();
        let mut said = |world: &_| generation.plan(&View::of(world, &observed, &options)).len();
        assert_eq!(said(&world), 0);
        world.reports[0].generation = world.generation + 1;
        assert_eq!(said(&world), 1);
        assert_eq!(said(&world), 0);
        world.reports[1].generation = world.generation + 1;
        assert_eq!(said(&world), 1);
    }
}
