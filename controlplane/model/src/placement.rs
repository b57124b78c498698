//! Where members of shards go: a plan, and for each member of it the reason.
//! Promises: the same inventory and the same ask give the same plan, in whatever order rows were read. No node is promised
//! more memory than it has, no port is given twice, members of a shard are on different nodes and, if there are enough, in
//! different zones. If any plan keeps that, one is found as long as there are at least as many zones as members. Leaves to
//! the caller: who is alive, and writing the plan down before anybody acts on it.
//!
//! What is hard is checked for every node; what is soft is an order. The first member is the primary and goes to the node
//! with fewest primaries of the cluster, then fewest members of it, then of its tenant, then the lowest share of memory
//! promised, then the lowest number. The others go first to zones with fewest members of the shard. They do not look at
//! primaries: a node without any would be given all the replicas.
//!
//! Even shares may leave the last shards without enough zones. Then all is placed again where most room is left, which finds
//! a plan if there is one.

mod choice;
mod inventory;
mod no_room;
mod slots;

use core::net::SocketAddr;

use tenure_types::NodeId;

use crate::{Cluster, ClusterId, TenantKey};

use choice::{Order, Plan, Rank};
pub use inventory::Inventory;
pub use no_room::NoRoom;
pub use slots::slots_of;

/// What is to be placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The cluster.
    pub cluster: ClusterId,
    /// Whose it is.
    pub tenant: TenantKey,
    /// How many shards.
    pub shards: u16,
    /// Replicas of each beside its primary.
    pub replicas: u8,
    /// What each member is promised.
    pub memory_bytes: u64,
    /// Whether members of a shard may be in one zone although there are others: zones are preferred then, and not required.
    pub may_share_zones: bool,
}

impl Ask {
    /// What this cluster was asked to be.
    pub fn of(cluster: &Cluster) -> Self {
        Self {
            cluster: cluster.id,
            tenant: cluster.tenant,
            shards: cluster.spec.shards,
            replicas: cluster.spec.replicas,
            memory_bytes: cluster.spec.memory_bytes,
            may_share_zones: false,
        }
    }

    fn members(&self) -> usize {
        usize::from(self.replicas) + 1
    }
}

/// A member of a shard, and why it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// On which node.
    pub node: NodeId,
    /// Where clients will reach it.
    pub address: SocketAddr,
    /// A sentence, such as `zone b has no other member of the shard; of 2 nodes there this one has promised least memory
    /// (12 %)`.
    pub why: String,
}

/// Places a cluster: for each shard its members, the primary first.
pub fn place(inventory: &Inventory, ask: &Ask) -> Result<Vec<Vec<Placed>>, NoRoom> {
    place_by(inventory, ask, Order::Even)
        .or_else(|_| place_by(inventory, ask, Order::MostRoom))
        .map_err(|no_room| with_hint(no_room, inventory, ask))
}

/// Places one more member of a shard of the cluster that `ask` describes: beside the members that stay, and on none of the
/// nodes that are barred: the one that was lost, and those that the shard is about to leave.
pub fn replacement(inventory: &Inventory, ask: &Ask, stay: &[NodeId], barred: &[NodeId]) -> Result<Placed, NoRoom> {
    let ask = Ask {
        shards: 1,
        ..ask.clone()
    };
    let mut plan = Plan::new(inventory, &ask);
    plan.begin_shard(stay.len() + 1, stay, barred);
    let chosen = plan.choose(Rank::Replica, Order::Even);
    let (_, placed) = chosen
        .and_then(|chosen| plan.take(chosen))
        .ok_or_else(|| plan.no_room(None))?;
    Ok(placed)
}

fn place_by(inventory: &Inventory, ask: &Ask, order: Order) -> Result<Vec<Vec<Placed>>, NoRoom> {
    let mut plan = Plan::new(inventory, ask);
    let mut shard = |number| {
        plan.begin_shard(ask.members(), &[], &[]);
        let mut members = Vec::new();
        for _ in 0..ask.members() {
            let rank = if members.is_empty() {
                Rank::Primary
            } else {
                Rank::Replica
            };
            let chosen = plan.choose(rank, order);
            let taken = chosen.and_then(|chosen| plan.take(chosen));
            members.push(taken.ok_or_else(|| plan.no_room(Some(number)))?);
        }
        Ok(plan.primary_first(members, order))
    };
    (1..=ask.shards).map(&mut shard).collect()
}

/// An operator may rather share zones than have no cluster.
fn with_hint(no_room: NoRoom, inventory: &Inventory, ask: &Ask) -> NoRoom {
    let sharing = Ask {
        may_share_zones: true,
        ..ask.clone()
    };
    let fits = !ask.may_share_zones && place_by(inventory, &sharing, Order::MostRoom).is_ok();
    NoRoom {
        fits_if_zones_are_shared: fits,
        ..no_room
    }
}
