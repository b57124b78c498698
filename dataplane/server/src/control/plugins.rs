//! The plugins of what is wanted: their modules are put into the layout, and those that are not here are fetched.
//! Promises: a plugin that cannot be had holds up nothing: its cluster is hosted with the version of before, or with commands
//! that say so, and the reason is reported until it is had.

use std::collections::{BTreeMap, BTreeSet};

use tracing::{info, warn};

use super::Control;
use super::modules::{ModuleId, NoModule};
use crate::layout::Layout;
use crate::node::{ClusterName, Refused};

impl Control {
    /// Puts the modules that are here into the layout. Those that are to be fetched.
    pub(super) async fn add_modules(&self, layout: &mut Layout, refused: &mut Vec<Refused>) -> BTreeSet<ModuleId> {
        let mut missing = BTreeSet::new();
        let mut named = BTreeSet::new();
        for cluster in &mut layout.clusters {
            let of = ClusterName::of(cluster);
            for plugin in &mut cluster.plugins {
                named.insert(plugin.sha256);
                let reason = match &self.modules {
                    None => "this node runs no plugins".to_owned(),
                    Some(modules) => match modules.get(plugin).await {
                        Ok(module) => {
                            plugin.module = Some(module);
                            continue;
                        }
                        Err(NoModule::NotHere) => {
                            missing.insert(plugin.sha256);
                            self.why_missing(plugin.sha256)
                        }
                        Err(error) => error.to_string(),
                    },
                };
                refused.push(Refused {
                    cluster: of.clone(),
                    stream: None,
                    plugin: Some(plugin.name.clone()),
                    reason,
                });
            }
        }
        self.not_fetched().retain(|id, _| missing.contains(id));
        // What ran before may still be needed, until all is here.
        if missing.is_empty()
            && let Some(modules) = &self.modules
        {
            modules.forget_all_but(named).await;
        }
        missing
    }

    /// Fetches what is missing, one after the other. Whether anything came.
    pub(super) async fn fetch(&self, missing: &BTreeSet<ModuleId>) -> bool {
        let source = self.source.borrow().clone();
        let (Some(modules), Some(source)) = (&self.modules, source) else {
            return false;
        };
        let mut has_come = false;
        for id in missing {
            let failure = match source.fetch(*id).await {
                Ok(bytes) => match modules.keep(*id, bytes).await {
                    Ok(()) => None,
                    Err(error) => Some(crate::replica::error_chain(&error)),
                },
                Err(error) => Some(error.to_string()),
            };
            match failure {
                None => {
                    info!("fetched the module of a plugin");
                    has_come = true;
                }
                Some(reason) => {
                    warn!(reason, "the module of a plugin cannot be fetched");
                    let mut not_fetched = self.not_fetched();
                    not_fetched.insert(*id, reason);
                }
            }
        }
        has_come
    }

    fn why_missing(&self, id: ModuleId) -> String {
        let reason = self.not_fetched().get(&id).cloned();
        match reason {
            Some(reason) => format!("{}: {reason}", NoModule::NotHere),
            None => NoModule::NotHere.to_string(),
        }
    }

    fn not_fetched(&self) -> std::sync::MutexGuard<'_, BTreeMap<ModuleId, String>> {
        // Nothing is half-way in it when somebody panics.
        self.not_fetched
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
