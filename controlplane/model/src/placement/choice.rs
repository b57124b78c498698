//! Choosing a node for one member: what is allowed, then what is preferred, criterion by criterion.
//! Promises: the reason that is told is the one that decided: it counts the nodes that each criterion left.

use core::net::{IpAddr, SocketAddr};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tenure_types::NodeId;

use super::inventory::{NodeRoom, NodeStanding};
use super::no_room::count;
use super::{Ask, Inventory, NoRoom, Placed};

/// In which order nodes are preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// So that each has its share.
    Even,
    /// So that as much as possible finds room: whoever has most left gives first. With bins of which each shard needs some
    /// that differ, taking the fullest ones first leaves none over that could have been used.
    MostRoom,
}

/// What a member is in its shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    /// The first.
    Primary,
    /// The others.
    Replica,
}

/// A plan in the making: what is left where, and where the present shard is already.
pub(super) struct Plan<'a> {
    inventory: &'a Inventory,
    ask: &'a Ask,
    /// The nodes that may be given shards, by number.
    spots: Vec<Spot<'a>>,
    zones_alive: usize,
    shard: Shard<'a>,
}

/// Where the present shard is.
#[derive(Default)]
struct Shard<'a> {
    /// How many members it is to have.
    members: usize,
    /// How many of these were there before the plan.
    stay: usize,
    /// Zones of these.
    stay_zones: BTreeSet<&'a str>,
    /// Members in each zone that has one.
    zones: BTreeMap<&'a str, u128>,
    /// Nodes with a member that was there before the plan, or that may not have one.
    barred: BTreeSet<NodeId>,
    /// Nodes that were given a member by the plan.
    given: BTreeSet<NodeId>,
}

/// What is left on a node.
struct Spot<'a> {
    id: NodeId,
    host: IpAddr,
    zone: &'a str,
    /// At most as many as can be used.
    ports_free: VecDeque<u16>,
    memory_bytes: u128,
    promised_bytes: u128,
    primaries: u128,
    of_cluster: u128,
    of_tenant: u128,
}

/// A node by its place among the spots, and why it.
pub(super) struct Chosen {
    spot: usize,
    why: String,
}

/// What is preferred: the least value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Criterion {
    ShardInZone,
    Primaries,
    OfCluster,
    OfTenant,
    Promised,
    RoomOfZone,
    Room,
    Number,
}

impl<'a> Plan<'a> {
    pub(super) fn new(inventory: &'a Inventory, ask: &'a Ask) -> Self {
        let open = inventory
            .nodes
            .iter()
            .filter(|node| node.standing == NodeStanding::Open);
        Self {
            inventory,
            ask,
            spots: open.map(|node| Spot::of(node, ask)).collect(),
            zones_alive: inventory.zones_alive(),
            shard: Shard::default(),
        }
    }

    /// What follows is for a shard that is to have so many members, of which some stay where they are.
    pub(super) fn begin_shard(&mut self, members: usize, stay: &[NodeId], barred: &[NodeId]) {
        let mut zones = BTreeMap::new();
        for zone in stay.iter().filter_map(|node| self.inventory.zone_of(*node)) {
            *zones.entry(zone).or_default() += 1;
        }
        self.shard = Shard {
            members,
            stay: stay.len(),
            stay_zones: zones.keys().copied().collect(),
            zones,
            barred: stay.iter().chain(barred).copied().collect(),
            given: BTreeSet::new(),
        };
    }

    /// The best node for one more member. `None`: there is no room.
    pub(super) fn choose(&self, rank: Rank, order: Order) -> Option<Chosen> {
        let allowed = |(_, spot): &(usize, &Spot<'_>)| self.allows(spot);
        let mut group: Vec<_> = self.spots.iter().enumerate().filter(allowed).collect();
        let mut reason = Reason::new(order, &group);
        let rooms = self.rooms_of_zones(order);
        for criterion in self.criteria(rank, order) {
            let value = |(_, spot): &(usize, &Spot<'_>)| self.value(*criterion, spot, &rooms);
            let least = group.iter().map(value).min()?;
            let before = group.len();
            group.retain(|spot| value(spot) == least);
            if *criterion == Criterion::ShardInZone {
                reason.begin_in_zones(least, &group);
            } else if group.len() < before {
                reason.add(group.len(), &criterion.phrase(least));
            }
        }
        let (index, spot) = *group.first()?;
        let why = reason.told_of(spot);
        Some(Chosen { spot: index, why })
    }

    /// Gives the node the member. `None`: it has no port, which `choose` rules out.
    pub(super) fn take(&mut self, chosen: Chosen) -> Option<(usize, Placed)> {
        let spot = self.spots.get_mut(chosen.spot)?;
        let port = spot.ports_free.pop_front()?;
        spot.promised_bytes += u128::from(self.ask.memory_bytes);
        spot.of_cluster += 1;
        spot.of_tenant += 1;
        *self.shard.zones.entry(spot.zone).or_default() += 1;
        self.shard.given.insert(spot.id);
        let placed = Placed {
            node: spot.id,
            address: SocketAddr::new(spot.host, port),
            why: chosen.why,
        };
        Some((chosen.spot, placed))
    }

    /// Ends a shard. Where room decided on the nodes, the one with fewest primaries has the primary.
    pub(super) fn primary_first(&mut self, mut members: Vec<(usize, Placed)>, order: Order) -> Vec<Placed> {
        if order == Order::MostRoom {
            let primaries = |spot: usize| self.spots.get(spot).map(|spot| spot.primaries);
            members.sort_by_key(|(spot, placed)| (primaries(*spot), placed.node));
        }
        let primary = members.first().map(|(spot, _)| *spot);
        if let Some(primary) = primary.and_then(|spot| self.spots.get_mut(spot)) {
            primary.primaries += 1;
        }
        members.into_iter().map(|(_, placed)| placed).collect()
    }

    /// What the present shard needs, and what there is for it. `number`: which of a new cluster it is.
    pub(super) fn no_room(&self, number: Option<u16>) -> NoRoom {
        let shard = &self.shard;
        let zones_needed = self.zones_wanted().saturating_sub(shard.stay_zones.len());
        // Every node is in a zone: one that has to be in some zone may be anywhere.
        let anywhere = zones_needed == 1 && shard.stay_zones.is_empty();
        let standing = |standing| {
            let nodes = self.inventory.nodes.iter();
            nodes.filter(|node| node.standing == standing).count()
        };
        let (barred, others): (Vec<_>, Vec<_>) = self.spots.iter().partition(|spot| shard.barred.contains(&spot.id));
        let (with_room, full): (Vec<_>, Vec<_>) = others
            .into_iter()
            .partition(|spot| shard.given.contains(&spot.id) || self.room(spot) > 0);
        let zones: BTreeSet<_> = with_room.iter().map(|spot| spot.zone).collect();
        let without_memory = full.iter().filter(|spot| !self.has_memory(spot)).count();
        NoRoom {
            shard: number.map(|number| (number, self.ask.shards)),
            nodes_needed: shard.members.saturating_sub(shard.stay),
            zones_needed: if anywhere { 0 } else { zones_needed },
            memory_bytes: self.ask.memory_bytes,
            nodes_with_room: with_room.len(),
            zones_with_room: zones.difference(&shard.stay_zones).count(),
            nodes: self.inventory.nodes.len(),
            dead: standing(NodeStanding::Dead),
            cordoned: standing(NodeStanding::Cordoned),
            barred: barred.len(),
            without_memory,
            without_port: full.len() - without_memory,
            fits_if_zones_are_shared: false,
        }
    }

    /// In how many zones the members have to be.
    fn zones_wanted(&self) -> usize {
        if self.ask.may_share_zones {
            0
        } else {
            self.shard.members.min(self.zones_alive)
        }
    }

    /// Whether the next member has to be in a zone that has none.
    fn needs_new_zone(&self) -> bool {
        self.shard.zones.len() < self.zones_wanted()
    }

    fn allows(&self, spot: &Spot<'_>) -> bool {
        let shard = &self.shard;
        let is_elsewhere = !shard.barred.contains(&spot.id) && !shard.given.contains(&spot.id);
        let zone_is_free = !self.needs_new_zone() || !shard.zones.contains_key(spot.zone);
        is_elsewhere && zone_is_free && self.room(spot) > 0
    }

    fn has_memory(&self, spot: &Spot<'_>) -> bool {
        spot.memory_bytes.saturating_sub(spot.promised_bytes) >= u128::from(self.ask.memory_bytes)
    }

    /// How many more members there is room for. Beyond the number of shards nobody counts.
    fn room(&self, spot: &Spot<'_>) -> u128 {
        let memory_left = spot.memory_bytes.saturating_sub(spot.promised_bytes);
        let by_memory = memory_left.checked_div(u128::from(self.ask.memory_bytes));
        let by_ports = spot.ports_free.len() as u128;
        by_memory.map_or(by_ports, |by_memory| by_memory.min(by_ports))
    }

    /// How much room each zone has, if the order asks for it.
    fn rooms_of_zones(&self, order: Order) -> BTreeMap<&str, u128> {
        let mut rooms = BTreeMap::new();
        if order == Order::MostRoom {
            for spot in &self.spots {
                *rooms.entry(spot.zone).or_default() += self.room(spot);
            }
        }
        rooms
    }

    fn criteria(&self, rank: Rank, order: Order) -> &'static [Criterion] {
        use Criterion::{Number, OfCluster, OfTenant, Primaries, Promised, Room, RoomOfZone, ShardInZone};
        let has_zones = self.zones_alive > 1;
        match (order, rank) {
            (Order::Even, Rank::Primary) => &[Primaries, OfCluster, OfTenant, Promised, Number],
            (Order::Even, Rank::Replica) if has_zones => &[ShardInZone, OfCluster, OfTenant, Promised, Number],
            (Order::Even, Rank::Replica) => &[OfCluster, OfTenant, Promised, Number],
            (Order::MostRoom, _) if self.needs_new_zone() && has_zones => &[ShardInZone, RoomOfZone, Room, Number],
            (Order::MostRoom, _) => &[Room, Number],
        }
    }

    fn value(&self, criterion: Criterion, spot: &Spot<'_>, rooms: &BTreeMap<&str, u128>) -> u128 {
        match criterion {
            Criterion::ShardInZone => self.shard.zones.get(spot.zone).copied().unwrap_or_default(),
            Criterion::Primaries => spot.primaries,
            Criterion::OfCluster => spot.of_cluster,
            Criterion::OfTenant => spot.of_tenant,
            Criterion::Promised => (spot.promised_bytes << SHARE_BITS)
                .checked_div(spot.memory_bytes)
                .unwrap_or_default(),
            Criterion::RoomOfZone => u128::MAX - rooms.get(spot.zone).copied().unwrap_or_default(),
            Criterion::Room => u128::MAX - self.room(spot),
            Criterion::Number => spot.id.get().into(),
        }
    }
}

/// Shares of memory are compared in this many binary places.
const SHARE_BITS: u32 = 32;

impl Criterion {
    /// What somebody has whose value is the least: what stands after `has`.
    fn phrase(self, least: u128) -> String {
        let room = || u128::MAX - least;
        match self {
            Self::ShardInZone => format!("fewest members of the shard in its zone ({least})"),
            Self::Primaries => format!("fewest primaries of the cluster ({least})"),
            Self::OfCluster => format!("fewest members of the cluster ({least})"),
            Self::OfTenant => format!("fewest members of the tenant ({least})"),
            Self::Promised => format!("promised least memory ({} %)", percent(least)),
            Self::RoomOfZone => format!("a zone with most room (members: {})", room()),
            Self::Room => format!("most room (members: {})", room()),
            Self::Number => "the lowest number".to_owned(),
        }
    }
}

/// A share as percent, rounded.
fn percent(share: u128) -> u128 {
    (share * 100 + (1 << (SHARE_BITS - 1))) >> SHARE_BITS
}

impl<'a> Spot<'a> {
    fn of(node: &'a NodeRoom, ask: &Ask) -> Self {
        let of_cluster = || node.members.iter().filter(|member| member.cluster == ask.cluster);
        let of_tenant = node.members.iter().filter(|member| member.tenant == ask.tenant);
        Self {
            id: node.id,
            host: node.host,
            zone: &node.zone,
            // A shard has one member on a node at most.
            ports_free: node.ports_free(ask.shards).into(),
            memory_bytes: node.memory_bytes.into(),
            promised_bytes: node.promised_bytes,
            primaries: of_cluster().filter(|member| member.is_primary).count() as u128,
            of_cluster: of_cluster().count() as u128,
            of_tenant: of_tenant.count() as u128,
        }
    }
}

/// Why a node, step by step.
struct Reason {
    order: Order,
    /// Members of the shard in the zones that are left, if zones were looked at.
    in_zone: Option<u128>,
    nodes: usize,
    /// Where these nodes are.
    place: &'static str,
    steps: Vec<String>,
}

impl Reason {
    fn new(order: Order, group: &[(usize, &Spot<'_>)]) -> Self {
        Self {
            order,
            in_zone: None,
            nodes: group.len(),
            place: "with room",
            steps: Vec::new(),
        }
    }

    /// Only these are left: those in zones with fewest members of the shard.
    fn begin_in_zones(&mut self, fewest: u128, group: &[(usize, &Spot<'_>)]) {
        let zones: BTreeSet<_> = group.iter().map(|(_, spot)| spot.zone).collect();
        self.in_zone = Some(fewest);
        self.nodes = group.len();
        self.place = if zones.len() == 1 { "there" } else { "in such zones" };
    }

    fn add(&mut self, left: usize, phrase: &str) {
        self.steps.push(match left {
            1 => format!("this one has {phrase}"),
            _ => format!("{left} have {phrase}"),
        });
    }

    fn told_of(&self, spot: &Spot<'_>) -> String {
        let scarce = match self.order {
            Order::Even => "",
            Order::MostRoom => "room is scarce: ",
        };
        let zone = match self.in_zone {
            None => String::new(),
            Some(0) => format!("zone {} has no other member of the shard; ", spot.zone),
            Some(fewest) => format!(
                "no zone with room has fewer members of the shard than zone {} ({fewest}); ",
                spot.zone
            ),
        };
        let nodes = match (self.nodes, self.place) {
            (1, "there") => "this is the only node with room there".to_owned(),
            (1, _) => "this is the only node with room".to_owned(),
            (nodes, place) => format!("of {} {place} {}", count(nodes, "node"), self.steps.join("; of these ")),
        };
        format!("{scarce}{zone}{nodes}")
    }
}
