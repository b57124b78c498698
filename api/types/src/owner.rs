//! Who writes to a stream: a node, and which of its lives.
//! Promises: two lives of one node never compare as equal, as long as the caller draws incarnations at random.
//! Leaves to the caller: the drawing. Never touches randomness itself.

use std::fmt;
use std::num::NonZeroU64;

use crate::NodeId;

/// One life of a shard's image on a node: drawn at random at process start and at every reload of the image.
///
/// A node that restarts must not be taken for what it was before: it has lost the records it had not yet seen
/// confirmed. So every Append, Renew and Release carries this number and the log compares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(NonZeroU64);

impl Incarnation {
    /// The incarnation with this value; `None` for 0, which is what a forgotten field would hold.
    pub const fn new(random: u64) -> Option<Self> {
        match NonZeroU64::new(random) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// The value, for encodings.
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for Incarnation {
    /// Sixteen hexadecimal digits: it is a random value, nobody counts with it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Who a fence makes the writer of a stream: a node in one of its lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// The data node.
    pub node: NodeId,
    /// Which of its lives.
    pub incarnation: Incarnation,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.node, self.incarnation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_no_incarnation() {
        assert_eq!(Incarnation::new(0), None);
        assert_eq!(Incarnation::new(7).map(Incarnation::get), Some(7));
    }

    #[test]
    fn an_owner_is_written_with_node_and_life() {
        let owner = Owner {
            node: NodeId::new(3),
            incarnation: Incarnation::new(0xbeef).unwrap(),
        };
        assert_eq!(owner.to_string(), "node-3/000000000000beef");
    }
}
