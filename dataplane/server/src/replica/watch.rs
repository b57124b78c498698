//! WATCH: who wants to know whether a key changed.
//! Promises: whoever watches a key learns of every change of it from then on; two keys that share a position share their
//! changes, so a transaction may be refused without need, and never runs against one.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use tenure_engine::{Lookups, Position};

use super::Replica;

/// All that is watched in one shard.
#[derive(Debug, Default)]
pub(super) struct Watches {
    keys: BTreeMap<Position, Vec<Rc<Cell<bool>>>>,
}

impl Watches {
    /// Any key may have changed.
    pub(super) fn touch_all(&self) {
        self.keys.values().flatten().for_each(|flag| flag.set(true));
    }

    /// These keys were changed.
    pub(super) fn touch(&self, written: &Lookups) {
        if self.keys.is_empty() {
            return;
        }
        if written.all {
            return self.touch_all();
        }
        let watched = written.keys.iter().filter_map(|key| self.keys.get(key));
        watched.flatten().for_each(|flag| flag.set(true));
    }
}

/// The keys that one session watches. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    table: Rc<RefCell<Watches>>,
    keys: Lookups,
    touched: Rc<Cell<bool>>,
}

impl Watch {
    /// Watches nothing yet.
    pub(crate) fn on(replica: &Replica) -> Self {
        Self {
            table: Rc::clone(&replica.watches),
            keys: Lookups::default(),
            touched: Rc::default(),
        }
    }

    /// How many keys.
    pub(crate) fn len(&self) -> usize {
        self.keys.keys.len()
    }

    /// Whether one of them changed since it is watched.
    pub(crate) fn is_touched(&self) -> bool {
        self.touched.get()
    }

    /// The keys.
    pub(super) fn keys(&self) -> &Lookups {
        &self.keys
    }

    pub(super) fn add(&mut self, key: Position) {
        let flags = &mut self.table.borrow_mut().keys;
        let flags = flags.entry(key).or_default();
        if !flags.iter().any(|flag| Rc::ptr_eq(flag, &self.touched)) {
            flags.push(Rc::clone(&self.touched));
            self.keys.keys.push(key);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut table = self.table.borrow_mut();
        for key in &self.keys.keys {
            if let Some(flags) = table.keys.get_mut(key) {
                flags.retain(|flag| !Rc::ptr_eq(flag, &self.touched));
                if flags.is_empty() {
                    table.keys.remove(key);
                }
            }
        }
    }
}
