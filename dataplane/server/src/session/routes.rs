//! Which shard a request belongs to.
//! Promises: a command on keys runs only on the shard that has their slot, on a replica only if the client asked for
//! that; all keys of a request lie in one slot. The layout is looked at as it is when a turn begins.

use std::sync::Arc;

use tenure_engine::command::{Begin, Find, Flags, KeySpec, SpecOf};
use tenure_engine::{Args, Slot, key_slot};
use tenure_types::NodeId;

use super::Rejection;
use crate::layout::{ClusterLayout, ShardLayout};
use crate::replica::{Replica, Standing};

/// The layout of a cluster, seen from one of its replicas.
#[derive(Debug)]
pub(crate) struct Routes {
    cluster: Arc<ClusterLayout>,
    /// Place of the own shard in it; `None`: it is there no more.
    own: Option<usize>,
    node: NodeId,
}

impl Routes {
    pub(crate) fn of(replica: &Replica) -> Self {
        let cluster = replica.cluster();
        let own = cluster
            .shards
            .iter()
            .position(|shard| shard.name == replica.shard_name());
        let node = replica.node();
        Self { cluster, own, node }
    }

    /// Takes the layout as it is now.
    pub(crate) fn refresh(&mut self, replica: &Replica) {
        if !Arc::ptr_eq(&self.cluster, &replica.cluster()) {
            *self = Self::of(replica);
        }
    }

    pub(crate) fn cluster(&self) -> &Arc<ClusterLayout> {
        &self.cluster
    }

    /// Whether a command on keys of this slot may run here.
    pub(super) fn check(
        &self,
        slot: Slot,
        spec: &SpecOf<'_>,
        standing: Standing,
        reads_replicas: bool,
    ) -> Result<(), Rejection> {
        let Some(own) = self.own().filter(|own| own.has(slot.get())) else {
            return Err(moved(slot, self.cluster.shard_of(slot.get())));
        };
        let is_primary_elsewhere = own.primary != self.node;
        match standing {
            Standing::Primary => Ok(()),
            // What the shard may do comes later; first it must be the right one.
            Standing::Loading | Standing::Lapsed | Standing::Broken if !is_primary_elsewhere => Ok(()),
            Standing::Loading | Standing::Lapsed | Standing::Broken | Standing::Replica
                if reads_replicas && spec.flags.has(Flags::READONLY) =>
            {
                Ok(())
            }
            // Its primary as the layout has it would be this node: to send the client here again is no help.
            Standing::Replica if !is_primary_elsewhere => Err(Rejection::SlotNotServed),
            Standing::Loading | Standing::Lapsed | Standing::Broken | Standing::Replica => Err(moved(slot, Some(own))),
        }
    }

    fn own(&self) -> Option<&ShardLayout> {
        self.cluster.shards.get(self.own?)
    }
}

fn moved(slot: Slot, to: Option<&ShardLayout>) -> Rejection {
    match to.and_then(ShardLayout::primary_address) {
        Some(address) => Rejection::Moved { slot, address },
        None => Rejection::SlotNotServed,
    }
}

/// The slot of a command's keys; `None`: it has none, or its arguments make no sense, which it will say itself.
pub(super) fn slot_of(spec: &SpecOf<'_>, args: Args<'_>) -> Result<Option<Slot>, Rejection> {
    match spec.keys {
        [] => Ok(None),
        // The most frequent shape, without a list of places.
        [
            KeySpec {
                begin: Begin::At(at),
                find: Find::Range { last: 0, .. },
                ..
            },
        ] => Ok(args.get(*at).map(key_slot)),
        _ => {
            let places = spec.key_places(args).unwrap_or_default();
            let mut slots = places.into_iter().filter_map(|at| args.get(at)).map(key_slot);
            let first = slots.next();
            match slots.find(|slot| Some(*slot) != first) {
                Some(_) => Err(Rejection::CrossSlot),
                None => Ok(first),
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use tenure_engine::command::Spec;

    use super::*;
    use crate::testing::two_shards;

    fn spec(name: &str) -> &'static Spec {
        let specs = tenure_engine::commands::all().map(|command| &command.spec);
        specs.into_iter().find(|spec| spec.name == name).unwrap()
    }

    #[test]
    fn who_may_answer_follows_from_the_layout_and_what_the_node_may_do() {
        use Standing::{Broken, Lapsed, Loading, Primary, Replica};
        let (get, set) = (spec("get"), spec("set"));
        // The standing; whether the layout has the node as primary; the command; READONLY; what comes of it.
        let cases = [
            (Primary, true, set, false, "here"),
            // It knows more than the layout.
            (Primary, false, set, false, "here"),
            (Loading, true, get, false, "here"),
            (Lapsed, true, get, false, "here"),
            (Broken, true, get, false, "here"),
            (Loading, false, get, false, "MOVED"),
            (Lapsed, false, get, false, "MOVED"),
            (Replica, false, get, false, "MOVED"),
            (Replica, false, get, true, "here"),
            (Replica, false, set, true, "MOVED"),
            // To send the client here again would be no help.
            (Replica, true, get, false, "CLUSTERDOWN"),
            (Replica, true, get, true, "here"),
            (Replica, true, set, true, "CLUSTERDOWN"),
        ];
        let cluster = Arc::new(two_shards());
        let primary = cluster.shards[0].primary;
        let slot = Slot::new(0).unwrap();
        for (standing, is_primary, spec, readonly, expected) in cases {
            let routes = Routes {
                cluster: Arc::clone(&cluster),
                own: Some(0),
                node: if is_primary { primary } else { NodeId::new(9) },
            };
            let answer = match routes.check(slot, spec, standing, readonly) {
                Ok(()) => "here".to_owned(),
                Err(rejection) => rejection.to_string(),
            };
            let case = format!("{standing:?} {is_primary} {} {readonly}: {answer}", spec.name);
            assert!(answer.starts_with(expected), "{case}");
        }
    }

    #[test]
    fn a_shard_that_left_the_layout_has_no_slots() {
        let routes = Routes {
            cluster: Arc::new(two_shards()),
            own: None,
            node: NodeId::new(1),
        };
        let slot = Slot::new(0).unwrap();
        let moved = routes.check(slot, spec("get"), Standing::Primary, false);
        assert!(matches!(moved, Err(Rejection::Moved { .. })), "{moved:?}");
    }
}
