//! The plugins of a cluster on one worker: their commands by name, and the instances that run them.
//! Promises: what is detached is dropped here at once, with its instance, and is kept by nobody else; a plugin that did not
//! change keeps its instance, whatever else does. Of each plugin one instance: calls of a worker come one after the other.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use tenure_plugin_abi::{Failure, Fault, Instance};
use tenure_types::BootTime;
use tracing::{debug, error, warn};

use super::lines::Lines;
use super::{Attached, CallHost, Natives, PluginCommand, PluginError};

/// Longest name of a command.
const NAME_BYTES_MAX: usize = tenure_plugin_abi::COMMAND_NAME_BYTES_MAX;

/// See the top of the file. Shared by the replicas of the cluster that live on one worker.
#[derive(Debug)]
pub(crate) struct Plugins {
    natives: Rc<Natives>,
    current: RefCell<Current>,
}

#[derive(Debug, Default)]
struct Current {
    commands: BTreeMap<Rc<str>, Rc<PluginCommand>>,
    running: Vec<Rc<Running>>,
    /// Those that are to be here, and are not ready.
    awaited: Vec<Arc<Attached>>,
}

/// What a name is that no native command has.
#[derive(Debug)]
pub(crate) enum FoundPlugin {
    Command(Rc<PluginCommand>),
    NotReady { name: String },
}

impl Plugins {
    pub(crate) fn new(natives: Rc<Natives>, attached: &[Arc<Attached>]) -> Rc<Self> {
        let plugins = Self {
            natives,
            current: RefCell::default(),
        };
        plugins.take(attached);
        Rc::new(plugins)
    }

    /// Those of a cluster that no node attached.
    #[cfg(test)]
    pub(crate) fn of(cluster: &crate::layout::ClusterLayout) -> Rc<Self> {
        Self::new(Rc::new(Natives::new()), &Attached::all(cluster, &[]).0)
    }

    /// From now on these are attached.
    pub(crate) fn take(&self, attached: &[Arc<Attached>]) {
        let mut next = Current::default();
        for attached in attached {
            if attached.module().is_none() {
                next.awaited.push(Arc::clone(attached));
                continue;
            }
            let before = self.current.borrow();
            let same = before
                .running
                .iter()
                .find(|running| Arc::ptr_eq(&running.attached, attached));
            let running = same.cloned().unwrap_or_else(|| Running::new(attached, &self.natives));
            next.running.push(running);
        }
        for running in &next.running {
            let Some(module) = running.attached.module() else {
                continue;
            };
            let commands = PluginCommand::all(module.manifest(), running);
            next.commands
                .extend(commands.map(|command| (Rc::clone(command.name()), Rc::new(command))));
        }
        // Instances may be large: not while something is borrowed.
        drop(self.current.replace(next));
    }

    /// What this name is, in any case.
    pub(crate) fn find(&self, name: &[u8]) -> Option<FoundPlugin> {
        let current = self.current.borrow();
        if current.commands.is_empty() && current.awaited.is_empty() {
            return None;
        }
        let mut buffer = [0; NAME_BYTES_MAX];
        let lower = buffer.get_mut(..name.len())?;
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        let lower = std::str::from_utf8(lower).ok()?;
        if let Some(command) = current.commands.get(lower) {
            return Some(FoundPlugin::Command(Rc::clone(command)));
        }
        let (plugin, _) = lower.split_once('.')?;
        let awaited = current.awaited.iter().find(|attached| attached.layout.name == plugin)?;
        let name = awaited.layout.name.clone();
        Some(FoundPlugin::NotReady { name })
    }

    /// All commands, by name.
    pub(crate) fn commands(&self) -> Vec<Rc<PluginCommand>> {
        self.current.borrow().commands.values().cloned().collect()
    }

    /// The plugins that run: name and version.
    pub(crate) fn list(&self) -> Vec<(String, String)> {
        let current = self.current.borrow();
        let layouts = current.running.iter().map(|running| &running.attached.layout);
        layouts
            .map(|layout| (layout.name.clone(), layout.version.clone()))
            .collect()
    }
}

/// A plugin that runs on this worker.
pub(crate) struct Running {
    pub(super) attached: Arc<Attached>,
    pub(super) lines: Lines,
    natives: Rc<Natives>,
    /// `None`: there is none, or it is being called.
    instance: Cell<Option<Box<dyn Instance>>>,
    /// Of the instance, as it was last noted.
    memory_bytes: Cell<usize>,
    /// What the next call works with. `None`: it is in use, or there was no call yet.
    host: Cell<Option<Box<CallHost>>>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("attached", &self.attached)
            .finish_non_exhaustive()
    }
}

impl Running {
    fn new(attached: &Arc<Attached>, natives: &Rc<Natives>) -> Rc<Self> {
        let running = Rc::new(Self {
            attached: Arc::clone(attached),
            lines: Lines::default(),
            natives: Rc::clone(natives),
            instance: Cell::new(None),
            memory_bytes: Cell::new(0),
            host: Cell::new(None),
        });
        match running.instantiate() {
            Ok(instance) => running.keep(instance),
            // The next call tries again, and says why it cannot be.
            Err(fault) => warn!(plugin = attached.layout.name, %fault, "no instance of a plugin yet"),
        }
        running
    }

    /// Whether it may run now.
    pub(crate) fn check(&self, now: BootTime) -> Result<(), PluginError> {
        match self.attached.health.quarantine(now) {
            None => Ok(()),
            Some((left, fault)) => Err(PluginError::Quarantined {
                name: self.name(),
                seconds: left.as_secs().max(1),
                fault,
            }),
        }
    }

    /// What a call works with.
    pub(crate) fn take_host(self: &Rc<Self>) -> Box<CallHost> {
        self.host
            .take()
            .unwrap_or_else(|| Box::new(CallHost::new(self, &self.natives)))
    }

    /// The call is over.
    pub(crate) fn give_back(&self, host: Box<CallHost>) {
        self.host.set(Some(host));
    }

    /// Runs the command of this number, and counts what it took of the time that `boot` tells. Without a host what the call
    /// worked on is lost.
    pub(crate) fn call(
        &self,
        number: usize,
        host: Box<CallHost>,
        boot: impl Fn() -> BootTime,
    ) -> (Option<Box<CallHost>>, Result<(), PluginError>) {
        let mut instance = match self.instance.take().map_or_else(|| self.instantiate(), Ok) {
            Ok(instance) => instance,
            Err(fault) => return (Some(host), Err(self.note_fault(boot(), fault))),
        };
        let begun_at = boot();
        let (host, outcome) = instance.call(number, host);
        let ended_at = boot();
        self.attached.tally.note_call(ended_at.elapsed_since(begun_at));
        let host = host.into_any().downcast::<CallHost>().ok();
        let outcome = match outcome {
            Err(Failure::Fault(fault)) => {
                self.note_memory(0);
                return (host, Err(self.note_fault(ended_at, fault)));
            }
            Err(Failure::Refused { message }) => {
                self.attached.tally.note_refusal();
                Err(PluginError::Refused { message })
            }
            Ok(()) => Ok(()),
        };
        self.keep(instance);
        (host, outcome)
    }

    /// A call asked for more than it may, whatever the guest made of that: it counts as one that broke.
    pub(crate) fn note_excess(&self, now: BootTime, excess: Fault) {
        self.note_fault(now, excess);
    }

    pub(crate) fn name(&self) -> String {
        self.attached.layout.name.clone()
    }

    fn instantiate(&self) -> Result<Box<dyn Instance>, Fault> {
        match self.attached.module() {
            Some(module) => module.instantiate(),
            None => Err(Fault::NoRoom),
        }
    }

    fn keep(&self, instance: Box<dyn Instance>) {
        self.note_memory(instance.memory_bytes());
        self.instance.set(Some(instance));
    }

    fn note_memory(&self, bytes: usize) {
        self.attached.tally.note_memory(self.memory_bytes.replace(bytes), bytes);
    }

    fn note_fault(&self, now: BootTime, fault: Fault) -> PluginError {
        let Attached { cluster, layout, .. } = &*self.attached;
        let (tenant, cluster, plugin, version) = (cluster.tenant.get(), &cluster.name, &layout.name, &layout.version);
        self.attached.tally.note_fault(&fault);
        if let Fault::NoRoom = fault {
            // As long as it lasts every call says so, and no quarantine bounds it.
            debug!(tenant, cluster, plugin, version, "no room for a call of a plugin");
        } else {
            warn!(tenant, cluster, plugin, version, %fault, "a call of a plugin failed");
        }
        if let Some(length) = self.attached.health.note(now, &fault) {
            let seconds = length.as_secs();
            error!(tenant, cluster, plugin, version, seconds, %fault, "a plugin failed too often and does not run");
        }
        PluginError::Failed {
            name: layout.name.clone(),
            version: layout.version.clone(),
            fault,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.note_memory(0);
    }
}
