//! Plans and their reasons, case by case.

use tenure_control_model::ReplicaState::{Leaving, Wanted};
use tenure_control_model::{Ask, Inventory, NodePolicy, Placed, PortRange, TenantKey, World, place, replacement};
use tenure_types::NodeId;

use crate::world::*;

fn nodes(shards: &[Vec<Placed>]) -> Vec<Vec<u64>> {
    let numbers = |shard: &Vec<Placed>| shard.iter().map(|placed| placed.node.get()).collect();
    shards.iter().map(numbers).collect()
}

fn placed(world: &World, ask: &Ask) -> Vec<Vec<u64>> {
    nodes(&place(&inventory(world), ask).unwrap())
}

/// Why the members of the only shard are where they are.
fn reasons(world: &World, ask: &Ask) -> Vec<(u64, String)> {
    let shards = place(&inventory(world), ask).unwrap();
    let reason = |placed: &Placed| (placed.node.get(), placed.why.clone());
    shards.concat().iter().map(reason).collect()
}

fn no_room(world: &World, ask: &Ask) -> String {
    place(&inventory(world), ask).unwrap_err().to_string()
}

#[test]
fn primaries_go_round_the_nodes_and_members_are_even() {
    let plan = placed(&world(&["a", "b", "c"]), &ask(6, 1, 10));
    for node in 1..=3 {
        let primaries = plan.iter().filter(|shard| shard[0] == node).count();
        let members = plan.concat().iter().filter(|member| **member == node).count();
        assert_eq!((primaries, members), (2, 4), "node {node} of {plan:?}");
    }
    assert_eq!(
        placed(&world(&["a", "b", "c"]), &ask(3, 1, 10)),
        [[1, 2], [3, 1], [2, 3]]
    );
}

/// What is tried, in which world, for which ask; the node of each member, and why it.
type Case<'a> = (&'static str, &'a World, Ask, &'static [(u64, &'static str)]);

#[test]
fn the_reason_names_what_decided() {
    let two_zones = ["a", "a", "b", "b"];
    let mut busy = world(&two_zones);
    put(&mut busy, 1, 1, 200, &[(1, 7000, Wanted), (3, 7000, Wanted)]);
    put(&mut busy, 2, 1, 120, &[(4, 7000, Wanted), (2, 7000, Wanted)]);
    let mut of_tenant = world(&["a", "a"]);
    put(&mut of_tenant, 1, 100, 1, &[(1, 7000, Wanted)]);
    put(&mut of_tenant, 2, 1, 500, &[(2, 7000, Wanted)]);
    let mut of_cluster = world(&["a", "a", "a"]);
    put(&mut of_cluster, 100, 100, 1, &[(1, 7000, Wanted), (2, 7000, Wanted)]);
    let mut small = world(&["a", "b"]);
    small.nodes[0].memory_bytes = 5 * MIB;
    let cases: [Case<'_>; 6] = [
        (
            "memory, and zones",
            &busy,
            ask(1, 1, 10),
            &[
                (
                    2,
                    "of 4 nodes with room 2 have promised least memory (12 %); of these this one has the lowest number",
                ),
                (
                    4,
                    "zone b has no other member of the shard; of 2 nodes there this one has promised least memory (12 %)",
                ),
            ],
        ),
        (
            "the tenant before memory",
            &of_tenant,
            ask(1, 0, 10),
            &[(2, "of 2 nodes with room this one has fewest members of the tenant (0)")],
        ),
        (
            "primaries before members, and replicas without regard to primaries",
            &of_cluster,
            ask(1, 1, 10),
            &[
                (
                    3,
                    "of 3 nodes with room 2 have fewest primaries of the cluster (0); of these this one has fewest members of \
                     the cluster (0)",
                ),
                (1, "of 2 nodes with room this one has the lowest number"),
            ],
        ),
        (
            "more zones than members",
            &world(&["a", "b", "c"]),
            ask(1, 1, 10),
            &[
                (1, "of 3 nodes with room this one has the lowest number"),
                (
                    2,
                    "zone b has no other member of the shard; of 2 nodes in such zones this one has the lowest number",
                ),
            ],
        ),
        (
            "more members than zones",
            &world(&["a", "a", "b"]),
            ask(1, 2, 10),
            &[
                (1, "of 3 nodes with room this one has the lowest number"),
                (
                    3,
                    "zone b has no other member of the shard; this is the only node with room there",
                ),
                (
                    2,
                    "no zone with room has fewer members of the shard than zone a (1); this is the only node with room there",
                ),
            ],
        ),
        (
            "one node has room",
            &small,
            ask(1, 0, 10),
            &[(2, "this is the only node with room")],
        ),
    ];
    for (case, world, ask, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|(node, why)| (*node, (*why).to_owned())).collect();
        assert_eq!(reasons(world, &ask), expected, "{case}");
    }
}

#[test]
fn ports_are_given_in_the_nodes_order_and_only_when_they_are_free() {
    let mut world = world(&["a"]);
    world.nodes[0].ports = vec![
        PortRange {
            first: 9000,
            last: 9001,
        },
        PortRange {
            first: 8000,
            last: 8002,
        },
        // Again: it is still one port.
        PortRange {
            first: 8001,
            last: 8003,
        },
    ];
    put(&mut world, 1, 1, 1, &[(1, 9000, Leaving)]);
    put(&mut world, 1, 1, 1, &[(1, 8001, Wanted)]);
    let ports = |shards| {
        let plan = place(&inventory(&world), &ask(shards, 0, 1));
        plan.map(|plan| {
            plan.concat()
                .iter()
                .map(|placed| placed.address.port())
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(ports(4).unwrap(), [9001, 8000, 8002, 8003]);
    assert_eq!(
        ports(5).unwrap_err().to_string(),
        "shard 5 of 5 needs 1 node with 1 MiB and a free port; none has that; of 1 node 1 has no free port"
    );
    let plan = place(&inventory(&world), &ask(1, 0, 1)).unwrap();
    assert_eq!(plan[0][0].address.ip(), host(1));
}

#[test]
fn what_leaves_still_holds_its_memory() {
    let mut world = world(&["a"]);
    put(&mut world, 1, 1, 600, &[(1, 7000, Leaving)]);
    assert_eq!(placed(&world, &ask(1, 0, 400)), [[1]]);
    assert_eq!(
        no_room(&world, &ask(1, 0, 401)),
        "shard 1 of 1 needs 1 node with 401 MiB and a free port; none has that; of 1 node 1 has too little memory left"
    );
}

#[test]
fn who_is_cordoned_or_dead_is_given_nothing() {
    let mut world = world(&["a", "b", "c", "a"]);
    world.nodes[0].policy = NodePolicy::Cordoned;
    let alive = |world: &World, dead: u64| Inventory::of(world, move |node| node.id.get() != dead);
    assert_eq!(nodes(&place(&alive(&world, 2), &ask(1, 1, 10)).unwrap()), [[3, 4]]);
    // The zone of a dead node does not count, that of a cordoned one does.
    assert!(place(&alive(&world, 2), &ask(1, 2, 10)).is_err());
    world.nodes[0].policy = NodePolicy::Active;
    assert_eq!(nodes(&place(&alive(&world, 2), &ask(1, 2, 10)).unwrap()), [[1, 3, 4]]);
    world.nodes[2].policy = NodePolicy::Cordoned;
    assert_eq!(
        place(&alive(&world, 2), &ask(1, 1, 10)).unwrap_err().to_string(),
        "shard 1 of 1 needs 2 nodes with 10 MiB and a free port in 2 zones; 2 nodes in 1 zone have that; of 4 nodes 1 is \
         not alive, 1 is cordoned; there is room if members of a shard may share a zone"
    );
}

#[test]
fn zones_are_hard_unless_they_may_be_shared() {
    let mut world = world(&["a", "a", "b"]);
    put(&mut world, 1, 1, 1000, &[(3, 7000, Wanted)]);
    let hard = ask(2, 1, 10);
    assert_eq!(
        no_room(&world, &hard),
        "shard 1 of 2 needs 2 nodes with 10 MiB and a free port in 2 zones; 2 nodes in 1 zone have that; of 3 nodes 1 has \
         too little memory left; there is room if members of a shard may share a zone"
    );
    let soft = Ask {
        may_share_zones: true,
        ..hard
    };
    assert_eq!(placed(&world, &soft), [[1, 2], [2, 1]]);
    let why = &place(&inventory(&world), &soft).unwrap()[0][1].why;
    assert_eq!(
        why,
        "no zone with room has fewer members of the shard than zone a (1); this is the only node with room there"
    );
    // They are preferred all the same.
    world.nodes[2].memory_bytes *= 2;
    assert_eq!(placed(&world, &soft), [[1, 3], [2, 3]]);
}

#[test]
fn members_of_a_shard_are_never_on_one_node() {
    let sharing = Ask {
        may_share_zones: true,
        ..ask(1, 2, 1)
    };
    assert_eq!(
        no_room(&world(&["a", "b"]), &sharing),
        "shard 1 of 1 needs 3 nodes with 1 MiB and a free port; 2 nodes have that"
    );
}

/// Zones a and b have room for one member each, c for two. An even start would take a and b.
#[test]
fn what_fits_is_placed_although_even_shares_do_not_fit() {
    let mut world = world(&["a", "b", "c"]);
    for (node, memory_mib) in world.nodes.iter_mut().zip([10, 10, 20]) {
        node.memory_bytes = memory_mib * MIB;
    }
    assert_eq!(placed(&world, &ask(2, 1, 10)), [[1, 3], [2, 3]]);
    let shards = place(&inventory(&world), &ask(2, 1, 10)).unwrap();
    let whys: Vec<_> = shards.concat().into_iter().map(|placed| placed.why).collect();
    let expected = [
        "room is scarce: zone a has no other member of the shard; of 2 nodes in such zones this one has the lowest number",
        "room is scarce: zone c has no other member of the shard; of 3 nodes in such zones this one has a zone with most room \
         (members: 2)",
        "room is scarce: zone b has no other member of the shard; of 2 nodes in such zones this one has the lowest number",
        "room is scarce: zone c has no other member of the shard; this is the only node with room there",
    ];
    assert_eq!(whys, expected);
}

#[test]
fn a_lost_member_is_replaced_in_a_zone_without_another() {
    let mut world = world(&["a", "b", "c", "c", "b"]);
    put(&mut world, 100, 100, 10, &[(1, 7000, Wanted), (2, 7000, Leaving)]);
    put(&mut world, 100, 100, 10, &[(3, 7000, Wanted)]);
    let ask = ask(7, 1, 10);
    let stay = [NodeId::new(1)];
    let barred = [NodeId::new(2)];
    let placed = replacement(&inventory(&world), &ask, &stay, &barred).unwrap();
    assert_eq!((placed.node.get(), placed.address.port()), (4, 7000));
    assert_eq!(
        placed.why,
        "zone c has no other member of the shard; of 3 nodes in such zones 2 have fewest members of the cluster (0); of \
         these this one has the lowest number"
    );
    for node in [3, 4, 5] {
        world.nodes[node - 1].policy = NodePolicy::Cordoned;
    }
    let refused = replacement(&inventory(&world), &ask, &stay, &barred).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "one more member of a shard needs 1 node with 10 MiB and a free port in 1 zone without a member; none has that; of 5 nodes 3 are cordoned, 2 are barred from the shard"
    );
    // When the other zones are gone, any node will do.
    world.nodes.truncate(1);
    world.nodes.push(node(6, "a", 1000, 1));
    let placed = replacement(&inventory(&world), &ask, &stay, &barred).unwrap();
    assert_eq!(
        (placed.node.get(), placed.why.as_str()),
        (6, "this is the only node with room")
    );
}

#[test]
fn nothing_is_asked_and_nothing_is_there() {
    let empty = World::default();
    assert_eq!(placed(&empty, &ask(0, 1, 10)), Vec::<Vec<u64>>::new());
    assert_eq!(
        no_room(&empty, &ask(2, 1, 0)),
        "shard 1 of 2 needs 2 nodes with 0 bytes and a free port; none has that"
    );
    // Without memory of its own a member still needs a port.
    assert_eq!(placed(&world(&["a"]), &ask(1, 0, 0)), [[1]]);
    let other = Ask {
        tenant: TenantKey::new(7),
        ..ask(1, 0, 0)
    };
    assert_eq!(placed(&world(&["a"]), &other), [[1]]);
}
