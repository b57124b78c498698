//! The plugins of what is wanted: their modules are put into the layout, and those that are not here are compiled or fetched.
//! Promises: a plugin that is not to be had, or not yet, holds up nothing: its cluster is hosted with the version of before, or
//! with commands that say so, and the reason is reported until it is had; that it is being compiled is no reason.

use std::collections::{BTreeMap, BTreeSet};

use tracing::{info, warn};

use super::Control;
use super::modules::{ModuleId, NoModule};
use crate::layout::Layout;
use crate::node::{ClusterName, Refused};

/// Modules that are not in the layout and may come to be.
#[derive(Debug, Default)]
pub(super) struct ToCome {
    /// May be on the disk.
    pub(super) uncompiled: BTreeSet<ModuleId>,
    /// Are to be fetched.
    pub(super) missing: BTreeSet<ModuleId>,
}

impl ToCome {
    pub(super) fn is_empty(&self) -> bool {
        self.uncompiled.is_empty() && self.missing.is_empty()
    }
}

impl Control {
    /// Puts the modules that are compiled into the layout.
    pub(super) async fn add_modules(&self, layout: &mut Layout, refused: &mut Vec<Refused>) -> ToCome {
        let mut to_come = ToCome::default();
        let mut named = BTreeSet::new();
        for cluster in &mut layout.clusters {
            let of = ClusterName::of(cluster);
            for plugin in &mut cluster.plugins {
                named.insert(plugin.sha256);
                let reason = match &self.modules {
                    None => "this node runs no plugins".to_owned(),
                    Some(modules) => match modules.get(plugin) {
                        Ok(module) => {
                            plugin.module = Some(module);
                            continue;
                        }
                        // That is no refusal: it is under way.
                        Err(NoModule::NotCompiled) => {
                            to_come.uncompiled.insert(plugin.sha256);
                            continue;
                        }
                        Err(why) => self.why_not(plugin.sha256, &why, &mut to_come),
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
        self.not_fetched().retain(|id, _| named.contains(id));
        if let Some(modules) = &self.modules {
            modules.name(named);
            // What ran before may still be needed, until all is here.
            if to_come.is_empty() {
                modules.forget().await;
            }
        }
        to_come
    }

    fn why_not(&self, id: ModuleId, why: &NoModule, to_come: &mut ToCome) -> String {
        if !matches!(why, NoModule::NotHere | NoModule::Unreadable { .. }) {
            return why.to_string();
        }
        to_come.missing.insert(id);
        match self.not_fetched().get(&id) {
            Some(reason) => format!("{why}: {reason}"),
            None => why.to_string(),
        }
    }

    /// Compiles those modules that are on the disk, one after the other.
    pub(super) async fn compile(&self, uncompiled: &BTreeSet<ModuleId>) {
        if let Some(modules) = &self.modules {
            for id in uncompiled {
                modules.compile(*id).await;
            }
        }
    }

    /// What was not on the disk may be by now, or may be read by now.
    pub(super) fn look_again(&self, missing: &BTreeSet<ModuleId>) {
        if let Some(modules) = &self.modules {
            modules.look_again(missing);
        }
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

    fn not_fetched(&self) -> std::sync::MutexGuard<'_, BTreeMap<ModuleId, String>> {
        // Nothing is half-way in it when somebody panics.
        self.not_fetched
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
