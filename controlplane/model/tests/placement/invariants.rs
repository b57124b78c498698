//! What every plan keeps, in random worlds; and that nothing is refused that fits.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use tenure_control_model::{Ask, Inventory, Node, NodePolicy, Placed, ReplicaState, World, place, replacement};
use tenure_types::NodeId;

use crate::world::*;

/// A world, and who is alive in it.
#[derive(Debug, Clone)]
struct Setting {
    world: World,
    dead: BTreeSet<NodeId>,
}

impl Setting {
    fn inventory(&self) -> Inventory {
        Inventory::of(&self.world, |node| !self.dead.contains(&node.id))
    }

    fn node(&self, id: NodeId) -> &Node {
        self.world.nodes.iter().find(|node| node.id == id).unwrap()
    }

    fn is_open(&self, node: &Node) -> bool {
        node.policy == NodePolicy::Active && !self.dead.contains(&node.id)
    }

    fn zones_alive(&self) -> usize {
        let alive = self.world.nodes.iter().filter(|node| !self.dead.contains(&node.id));
        alive.map(|node| &node.zone).collect::<BTreeSet<_>>().len()
    }

    /// What a node is promised already.
    fn promised(&self, node: NodeId) -> u64 {
        let here = self.world.replicas.iter().filter(|replica| replica.node == node);
        let memory = here.map(|replica| {
            let shard = self
                .world
                .shards
                .iter()
                .find(|shard| shard.id == replica.shard)
                .unwrap();
            let cluster = self.world.clusters.iter().find(|cluster| cluster.id == shard.cluster);
            cluster.unwrap().spec.memory_bytes
        });
        memory.sum()
    }

    fn ports_taken(&self, node: NodeId) -> BTreeSet<u16> {
        let here = self.world.replicas.iter().filter(|replica| replica.node == node);
        here.map(|replica| replica.address.port()).collect()
    }

    /// How many members of this size there is room for.
    fn room(&self, node: &Node, memory_bytes: u64) -> usize {
        let taken = self.ports_taken(node.id);
        let ports = node.ports.iter().flat_map(|range| range.first..=range.last);
        let ports = ports.filter(|port| !taken.contains(port)).count();
        let memory = node.memory_bytes.saturating_sub(self.promised(node.id)) / memory_bytes;
        usize::try_from(memory).unwrap().min(ports)
    }
}

fn settings() -> impl Strategy<Value = Setting> {
    let node = (0..4_usize, 0..8_u64, 0..6_u16, 0..8_u8, 0..8_u8);
    let member = (0..7_usize, 0..6_u16, any::<bool>());
    let shard = (1..4_u128, 1..3_u64, vec(member, 1..3));
    (vec(node, 0..7), vec(shard, 0..4)).prop_map(|(nodes, shards)| {
        let mut world = World::default();
        let mut dead = BTreeSet::new();
        for ((zone, memory_mib, ports, cordoned, is_dead), number) in nodes.into_iter().zip(1..) {
            let mut node = node_in(number, zone, memory_mib, ports);
            if cordoned == 0 {
                node.policy = NodePolicy::Cordoned;
            }
            if is_dead == 0 {
                dead.insert(node.id);
            }
            world.nodes.push(node);
        }
        for (cluster, memory_mib, members) in shards {
            let mut free: Vec<(u64, u16, ReplicaState)> = Vec::new();
            for (node, port, leaving) in members {
                let Some(node) = world.nodes.get(node).map(|node| node.id.get()) else {
                    continue;
                };
                let port = 7000 + port;
                let is_taken = world
                    .replicas
                    .iter()
                    .any(|replica| replica.node.get() == node && replica.address.port() == port);
                if !is_taken && free.iter().all(|(other, ..)| *other != node) {
                    let state = if leaving {
                        ReplicaState::Leaving
                    } else {
                        ReplicaState::Wanted
                    };
                    free.push((node, port, state));
                }
            }
            if !free.is_empty() {
                // One of them is of the cluster that is asked for.
                let cluster = if cluster == 1 { 100 } else { cluster };
                put(&mut world, cluster, cluster, memory_mib, &free);
            }
        }
        Setting { world, dead }
    })
}

fn node_in(number: u64, zone: usize, memory_mib: u64, ports: u16) -> Node {
    node(number, ["a", "b", "c", "d"][zone], memory_mib, ports)
}

fn asks() -> impl Strategy<Value = Ask> {
    (1..4_u16, 0..4_u8, 1..4_u64, any::<bool>()).prop_map(|(shards, replicas, memory_mib, may_share_zones)| Ask {
        may_share_zones,
        ..ask(shards, replicas, memory_mib)
    })
}

fn assert_sound(setting: &Setting, ask: &Ask, plan: &[Vec<Placed>]) {
    let members = usize::from(ask.replicas) + 1;
    assert_eq!(plan.len(), usize::from(ask.shards));
    let mut on_node: BTreeMap<NodeId, Vec<u16>> = BTreeMap::new();
    for shard in plan {
        let nodes: BTreeSet<_> = shard.iter().map(|placed| placed.node).collect();
        assert_eq!((shard.len(), nodes.len()), (members, members), "a node twice");
        let zones: BTreeSet<_> = nodes.iter().map(|node| &setting.node(*node).zone).collect();
        if !ask.may_share_zones {
            assert!(zones.len() >= members.min(setting.zones_alive()), "zones {zones:?}");
        }
        for placed in shard {
            let node = setting.node(placed.node);
            assert!(setting.is_open(node), "{} is cordoned or dead", node.id);
            assert_eq!(placed.address.ip(), node.host);
            assert!(!placed.why.is_empty());
            on_node.entry(node.id).or_default().push(placed.address.port());
        }
    }
    for (node, ports) in on_node {
        let node = setting.node(node);
        let taken = setting.ports_taken(node.id);
        let free = node.ports.iter().flat_map(|range| range.first..=range.last);
        let first_free: Vec<_> = free.filter(|port| !taken.contains(port)).take(ports.len()).collect();
        let given: BTreeSet<_> = ports.iter().copied().collect();
        assert_eq!(given, first_free.into_iter().collect(), "ports of {}", node.id);
        assert_eq!(given.len(), ports.len(), "a port twice");
        let promised = setting.promised(node.id) + ports.len() as u64 * ask.memory_bytes;
        assert!(promised <= node.memory_bytes, "{} is promised too much", node.id);
    }
}

/// Whether there is any plan: tries all.
fn fits(setting: &Setting, ask: &Ask) -> bool {
    let open = setting.world.nodes.iter().filter(|node| setting.is_open(node));
    let open: Vec<&Node> = open.collect();
    let mut room: Vec<usize> = open.iter().map(|node| setting.room(node, ask.memory_bytes)).collect();
    let members = usize::from(ask.replicas) + 1;
    let zones_needed = if ask.may_share_zones {
        1
    } else {
        members.min(setting.zones_alive())
    };
    let sets = (0_u32..1 << open.len()).filter(|set| set.count_ones() as usize == members);
    let is_spread = |set: &u32| {
        let chosen = open.iter().enumerate().filter(|(index, _)| set >> index & 1 == 1);
        chosen.map(|(_, node)| &node.zone).collect::<BTreeSet<_>>().len() >= zones_needed
    };
    let sets: Vec<u32> = sets.filter(is_spread).collect();
    fits_from(&sets, &mut room, ask.shards)
}

fn fits_from(sets: &[u32], room: &mut Vec<usize>, shards: u16) -> bool {
    if shards == 0 {
        return true;
    }
    sets.iter().any(|set| {
        let chosen: Vec<usize> = (0..room.len()).filter(|index| set >> index & 1 == 1).collect();
        if chosen.iter().any(|index| room[*index] == 0) {
            return false;
        }
        chosen.iter().for_each(|index| room[*index] -= 1);
        let fits = fits_from(sets, room, shards - 1);
        chosen.iter().for_each(|index| room[*index] += 1);
        fits
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn every_plan_keeps_what_is_hard(setting in settings(), ask in asks()) {
        if let Ok(plan) = place(&setting.inventory(), &ask) {
            assert_sound(&setting, &ask, &plan);
        }
    }

    #[test]
    fn nothing_is_refused_that_fits_and_what_is_refused_has_a_true_reason(setting in settings(), ask in asks()) {
        let placed = place(&setting.inventory(), &ask);
        let members = usize::from(ask.replicas) + 1;
        if ask.may_share_zones || members <= setting.zones_alive() {
            prop_assert_eq!(placed.is_ok(), fits(&setting, &ask));
        }
        if let Err(no_room) = placed {
            let too_few = no_room.nodes_with_room < no_room.nodes_needed;
            prop_assert!(too_few || no_room.zones_with_room < no_room.zones_needed, "{}", no_room);
            let others = no_room.dead + no_room.cordoned + no_room.barred + no_room.without_memory + no_room.without_port;
            prop_assert_eq!(no_room.nodes, others + no_room.nodes_with_room);
            let sharing = Ask { may_share_zones: true, ..ask.clone() };
            let fits_shared = !ask.may_share_zones && fits(&setting, &sharing);
            prop_assert_eq!(no_room.fits_if_zones_are_shared, fits_shared);
        }
    }

    #[test]
    fn the_order_of_rows_decides_nothing(setting in settings(), ask in asks(), turn in 0..7_usize) {
        let mut other = setting.clone();
        let world = &mut other.world;
        world.nodes.reverse();
        world.clusters.reverse();
        world.shards.reverse();
        world.replicas.reverse();
        let turn = turn.min(world.nodes.len());
        world.nodes.rotate_left(turn);
        prop_assert_eq!(place(&other.inventory(), &ask), place(&setting.inventory(), &ask));
    }

    #[test]
    fn a_replacement_keeps_what_is_hard(setting in settings(), ask in asks(), split in 0..7_usize, last in 0..7_usize) {
        let all: Vec<NodeId> = setting.world.nodes.iter().map(|node| node.id).collect();
        let stay = &all[..split.min(all.len())];
        let barred = &all[stay.len()..last.clamp(stay.len(), all.len())];
        let zones: BTreeSet<_> = stay.iter().map(|node| &setting.node(*node).zone).collect();
        let needs_new_zone = !ask.may_share_zones && zones.len() < (stay.len() + 1).min(setting.zones_alive());
        let can = |node: &&Node| {
            let is_elsewhere = !stay.contains(&node.id) && !barred.contains(&node.id);
            let zone_is_free = !needs_new_zone || !zones.contains(&node.zone);
            setting.is_open(node) && is_elsewhere && zone_is_free && setting.room(node, ask.memory_bytes) > 0
        };
        let able: Vec<NodeId> = setting.world.nodes.iter().filter(can).map(|node| node.id).collect();
        match replacement(&setting.inventory(), &ask, stay, barred) {
            Ok(placed) => {
                prop_assert!(able.contains(&placed.node));
                prop_assert!(!setting.ports_taken(placed.node).contains(&placed.address.port()));
            }
            Err(no_room) => {
                prop_assert_eq!(able, Vec::new());
                prop_assert!(no_room.nodes_with_room == 0 || no_room.zones_with_room == 0, "{}", no_room);
            }
        }
    }
}
