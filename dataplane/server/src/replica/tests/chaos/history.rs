//! Whether what clients were told of one register is what one copy of it would have told.
//!
//! Every write has a value of its own, so the check takes no search (Gibbons and Korach, "Testing Shared Memories", 1997):
//! the write of a value and its reads are a cluster. A cluster in which something ended before something else of it began
//! holds the register at least from the first end to the last begin: its *forward zone*. No two forward zones overlap, and the
//! cluster of which all is under way at once (its *backward zone* is the time in which it all is) does not lie within one.

use std::collections::BTreeMap;
use std::fmt;

/// An instant, counted in steps of the test.
pub(super) type Step = u64;

/// The end of what may still take effect.
const NEVER: Step = Step::MAX;

/// The value of a register that nobody has written.
pub(super) const NONE: u64 = 0;

/// What became of the operations on one register.
#[derive(Debug, Default)]
pub(super) struct History(Vec<Operation>);

#[derive(Debug, Clone, Copy)]
struct Operation {
    is_write: bool,
    value: u64,
    begun: Step,
    ended: Step,
}

/// What is wrong with a history.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Illegal {
    values: (u64, u64),
    why: &'static str,
}

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "values {} and {}: {}", self.values.0, self.values.1, self.why)
    }
}

impl History {
    /// A write that was acknowledged, or that may take effect at any time (`ended` is `None`).
    pub(super) fn write(&mut self, value: u64, begun: Step, ended: Option<Step>) {
        self.0.push(Operation {
            is_write: true,
            value,
            begun,
            ended: ended.unwrap_or(NEVER),
        });
    }

    pub(super) fn read(&mut self, value: u64, begun: Step, ended: Step) {
        self.0.push(Operation {
            is_write: false,
            value,
            begun,
            ended,
        });
    }

    /// Looks for an order.
    pub(super) fn check(&self) -> Result<(), Illegal> {
        let mut clusters: BTreeMap<u64, Vec<Operation>> = BTreeMap::new();
        // Nobody has written it from the beginning on.
        clusters.entry(NONE).or_default().push(Operation {
            is_write: true,
            value: NONE,
            begun: 0,
            ended: 0,
        });
        for operation in &self.0 {
            clusters.entry(operation.value).or_default().push(*operation);
        }
        // What nobody was told of need not have taken effect.
        clusters.retain(|_, cluster| cluster.len() > 1 || cluster[0].ended != NEVER);
        let mut zones = Vec::new();
        for (value, cluster) in clusters {
            let illegal = |why| Illegal {
                values: (value, value),
                why,
            };
            let write = cluster.iter().find(|operation| operation.is_write);
            let write = write.ok_or_else(|| illegal("it was read, and never written"))?;
            if cluster.iter().any(|read| read.ended < write.begun) {
                return Err(illegal("it was read before it was written"));
            }
            let first_end = cluster.iter().map(|operation| operation.ended).min().unwrap();
            let last_begin = cluster.iter().map(|operation| operation.begun).max().unwrap();
            zones.push((value, first_end, last_begin));
        }
        for (at, one) in zones.iter().enumerate() {
            for other in &zones[at + 1..] {
                check_pair(*one, *other)?;
            }
        }
        Ok(())
    }
}

/// A value, the first end and the last begin of what is known of it.
type Zone = (u64, Step, Step);

fn check_pair(one: Zone, other: Zone) -> Result<(), Illegal> {
    let is_forward = |zone: Zone| zone.1 < zone.2;
    let illegal = |why| {
        Err(Illegal {
            values: (one.0, other.0),
            why,
        })
    };
    match (is_forward(one), is_forward(other)) {
        (true, true) if one.1 < other.2 && other.1 < one.2 => illegal("each was the newest while the other was"),
        (true, false) if one.1 < other.2 && other.1 < one.2 => illegal("the second lies within the first"),
        (false, true) if other.1 < one.2 && one.1 < other.2 => illegal("the first lies within the second"),
        _ => Ok(()),
    }
}

mod tests {
    use super::*;

    fn check(operations: &[(char, u64, Step, Step)]) -> bool {
        let mut history = History::default();
        for (kind, value, begun, ended) in operations {
            match kind {
                'w' => history.write(*value, *begun, (*ended != NEVER).then_some(*ended)),
                _ => history.read(*value, *begun, *ended),
            }
        }
        history.check().is_ok()
    }

    #[test]
    fn what_one_register_would_have_told_is_believed() {
        assert!(check(&[
            ('r', NONE, 1, 2),
            ('w', 1, 3, 4),
            ('r', 1, 5, 6),
            ('w', 2, 7, 8),
            ('r', 2, 9, 10)
        ]));
        assert!(
            check(&[('w', 1, 1, 9), ('r', NONE, 2, 3), ('r', 1, 4, 5)]),
            "it took effect in between"
        );
        assert!(
            check(&[('w', 1, 1, NEVER), ('r', NONE, 2, 3), ('r', NONE, 8, 9)]),
            "it never did"
        );
        assert!(
            check(&[('w', 1, 1, NEVER), ('r', NONE, 2, 3), ('r', 1, 8, 9)]),
            "it did late"
        );
        assert!(check(&[('w', 1, 1, 9), ('w', 2, 2, 8), ('r', 1, 10, 11)]));
    }

    #[test]
    fn what_no_register_would_have_told_is_not() {
        assert!(!check(&[('w', 1, 1, 2), ('r', NONE, 3, 4)]), "a write was lost");
        assert!(
            !check(&[('w', 1, 1, 2), ('w', 2, 3, 4), ('r', 1, 5, 6)]),
            "a read was stale"
        );
        assert!(
            !check(&[('w', 1, 1, NEVER), ('r', 1, 2, 3), ('r', NONE, 4, 5)]),
            "a read went back"
        );
        assert!(!check(&[('r', 1, 1, 2), ('w', 1, 3, 4)]), "a read saw the future");
        assert!(!check(&[('r', 7, 1, 2)]), "nobody wrote it");
        assert!(!check(&[
            ('w', 1, 1, 2),
            ('w', 2, 3, 4),
            ('r', 2, 5, 6),
            ('r', 1, 7, 8),
            ('r', 2, 9, 10)
        ]));
    }
}
