//! A plugin that is attached to a cluster on this node, as all workers share it.
//! Promises: it lives as long as the node's newest layout names it and no longer: another version, and the same one attached
//! anew, are others, with a clean record.

use std::sync::Arc;

use tenure_plugin_abi::{Fault, Module};
use tenure_types::BootTime;

use super::health::Health;
use super::tally::{PluginStats, Tally};
use crate::layout::{ClusterLayout, PluginLayout};
use crate::node::ClusterName;

/// See the top of the file.
#[derive(Debug)]
pub(crate) struct Attached {
    pub(crate) cluster: ClusterName,
    pub(crate) layout: PluginLayout,
    pub(super) health: Health,
    pub(super) tally: Tally,
}

impl Attached {
    fn new(cluster: ClusterName, layout: PluginLayout) -> Self {
        Self {
            cluster,
            layout,
            health: Health::default(),
            tally: Tally::default(),
        }
    }

    /// Those of a cluster, with why one of them is not as it is to be. What did not change stays the same one. Of what is not
    /// ready, or does not start, the version of before stays.
    pub(crate) fn all(cluster: &ClusterLayout, before: &[Arc<Self>]) -> (Vec<Arc<Self>>, Vec<(String, Fault)>) {
        let (mut all, mut refused) = (Vec::new(), Vec::new());
        for layout in &cluster.plugins {
            if let Some(same) = before.iter().find(|attached| attached.layout == *layout) {
                all.push(Arc::clone(same));
                continue;
            }
            let mut new = Self::new(ClusterName::of(cluster), layout.clone());
            if let Err(fault) = new.warm_up() {
                refused.push((layout.name.clone(), fault));
                new.layout.module = None;
            }
            let named_so = |attached: &&Arc<Self>| attached.layout.name == layout.name;
            match before.iter().find(named_so) {
                Some(before) if new.module().is_none() => all.push(Arc::clone(before)),
                Some(_) | None => all.push(Arc::new(new)),
            }
        }
        (all, refused)
    }

    /// What runs. `None`: it is not ready on this node.
    pub(crate) fn module(&self) -> Option<&Arc<dyn Module>> {
        self.layout.module.as_ref()
    }

    /// Whether an instance can be had of it: tried before it takes the place of another version.
    fn warm_up(&self) -> Result<(), Fault> {
        match self.module() {
            Some(module) => module.instantiate().map(|_| ()),
            None => Ok(()),
        }
    }

    /// Why its commands are not run, for an operator. `None`: they are.
    pub(crate) fn quarantined(&self, now: BootTime) -> Option<String> {
        self.health.sentence(now)
    }

    pub(crate) fn stats(&self) -> PluginStats {
        self.tally.stats()
    }
}
