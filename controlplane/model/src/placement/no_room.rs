//! Why something could not be placed: a sentence with numbers.

use std::fmt;

/// There is no room. Displayed as a sentence for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRoom {
    /// Which shard of a new cluster found none, from 1, and of how many. `None`: one more member of a shard found none.
    pub shard: Option<(u16, u16)>,
    /// How many nodes that needs: one for each member that is to be placed.
    pub nodes_needed: usize,
    /// In how many zones without other members these have to be; 0: wherever they are.
    pub zones_needed: usize,
    /// What each is promised.
    pub memory_bytes: u64,
    /// Nodes with room, that the shard is not on already.
    pub nodes_with_room: usize,
    /// Their zones that have no other member.
    pub zones_with_room: usize,
    /// All nodes.
    pub nodes: usize,
    /// Of these, not alive.
    pub dead: usize,
    /// Alive, and cordoned.
    pub cordoned: usize,
    /// Open, and barred from the shard: it is there, is leaving, or was lost there.
    pub barred: usize,
    /// Open, and with too little memory left.
    pub without_memory: usize,
    /// Open, and with enough memory and no free port.
    pub without_port: usize,
    /// Whether members could be placed if those of a shard may share a zone.
    pub fits_if_zones_are_shared: bool,
}

impl std::error::Error for NoRoom {}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let needed = count(self.nodes_needed, "node");
        let memory = size(self.memory_bytes);
        let zones = self.in_zones(self.zones_needed);
        match self.shard {
            Some((shard, shards)) => write!(f, "shard {shard} of {shards}")?,
            None => f.write_str("one more member of a shard")?,
        }
        write!(f, " needs {needed} with {memory} and a free port{zones}; ")?;
        match self.nodes_with_room {
            0 => f.write_str("none has that")?,
            nodes => {
                let verb = if nodes == 1 { "has" } else { "have" };
                let zones = self.in_zones(self.zones_with_room);
                write!(f, "{}{zones} {verb} that", count(nodes, "node"))?;
            }
        }
        let others = self.others();
        if !others.is_empty() {
            write!(f, "; of {} {}", count(self.nodes, "node"), others.join(", "))?;
        }
        if self.fits_if_zones_are_shared {
            f.write_str("; there is room if members of a shard may share a zone")?;
        }
        Ok(())
    }
}

impl NoRoom {
    fn in_zones(&self, zones: usize) -> String {
        match (self.zones_needed, self.shard) {
            (0, _) => String::new(),
            (_, Some(_)) => format!(" in {}", count(zones, "zone")),
            (_, None) => format!(" in {} without a member", count(zones, "zone")),
        }
    }

    /// The nodes without room, by what they lack.
    fn others(&self) -> Vec<String> {
        let has = |nodes: usize| if nodes == 1 { "has" } else { "have" };
        let is = |nodes: usize| if nodes == 1 { "is" } else { "are" };
        let lacks = [
            (self.dead, is(self.dead), "not alive"),
            (self.cordoned, is(self.cordoned), "cordoned"),
            (self.barred, is(self.barred), "barred from the shard"),
            (self.without_memory, has(self.without_memory), "too little memory left"),
            (self.without_port, has(self.without_port), "no free port"),
        ];
        let some = lacks.into_iter().filter(|(nodes, ..)| *nodes > 0);
        some.map(|(nodes, verb, lack)| format!("{nodes} {verb} {lack}"))
            .collect()
    }
}

/// `1 node`, `2 nodes`.
pub(super) fn count(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// In the largest unit that makes it a whole number.
fn size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let whole = units
        .into_iter()
        .find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit));
    match whole {
        Some((unit, name)) => format!("{} {name}", bytes / unit),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: NoRoom = NoRoom {
        shard: Some((3, 4)),
        nodes_needed: 3,
        zones_needed: 3,
        memory_bytes: 256 << 20,
        nodes_with_room: 2,
        zones_with_room: 2,
        nodes: 2,
        dead: 0,
        cordoned: 0,
        barred: 0,
        without_memory: 0,
        without_port: 0,
        fits_if_zones_are_shared: false,
    };

    #[test]
    fn it_says_what_is_needed_and_what_there_is() {
        let cases = [
            (
                NONE,
                "shard 3 of 4 needs 3 nodes with 256 MiB and a free port in 3 zones; 2 nodes in 2 zones have that",
            ),
            (
                NoRoom {
                    zones_needed: 0,
                    nodes_with_room: 1,
                    nodes: 8,
                    dead: 1,
                    cordoned: 2,
                    without_memory: 3,
                    without_port: 1,
                    ..NONE
                },
                "shard 3 of 4 needs 3 nodes with 256 MiB and a free port; 1 node has that; of 8 nodes 1 is not alive, \
                 2 are cordoned, 3 have too little memory left, 1 has no free port",
            ),
            (
                NoRoom {
                    shard: None,
                    nodes_needed: 1,
                    zones_needed: 1,
                    zones_with_room: 0,
                    nodes: 3,
                    barred: 1,
                    fits_if_zones_are_shared: true,
                    ..NONE
                },
                "one more member of a shard needs 1 node with 256 MiB and a free port in 1 zone without a member; 2 nodes in 0 zones \
                 without a member have that; of 3 nodes 1 is barred from the shard; there is room if members of a shard \
                 may share a zone",
            ),
        ];
        for (no_room, sentence) in cases {
            assert_eq!(no_room.to_string(), sentence);
        }
    }

    #[test]
    fn it_says_so_if_no_node_has_room() {
        let none = NoRoom {
            nodes_with_room: 0,
            zones_with_room: 0,
            dead: 2,
            ..NONE
        };
        let sentence = "shard 3 of 4 needs 3 nodes with 256 MiB and a free port in 3 zones; none has that; of 2 nodes 2 are \
                        not alive";
        assert_eq!(none.to_string(), sentence);
    }

    #[test]
    fn sizes_are_told_in_whole_units() {
        let cases = [
            (0, "0 bytes"),
            (1, "1 bytes"),
            (1 << 10, "1 KiB"),
            ((1 << 20) + (1 << 10), "1025 KiB"),
            (3 << 30, "3 GiB"),
            ((1 << 30) + 1, "1073741825 bytes"),
        ];
        for (bytes, told) in cases {
            assert_eq!(size(bytes), told);
        }
    }
}
