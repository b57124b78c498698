//! A command of a plugin, as the table of commands knows it.
//! Promises: it looks like a native one to whoever asks for its spec, owns its texts, and keeps nothing of the plugin alive.

use std::rc::{Rc, Weak};

use tenure_engine::command::{Access, Arity, Flags, Group, KeySpec, SpecOf};
use tenure_plugin_abi::{CommandManifest, Flag, KeyAccess, KeyManifest, Manifest};

use super::{PluginError, Running};

/// See the top of the file.
#[derive(Debug)]
pub(crate) struct PluginCommand {
    /// Lower case.
    name: Rc<str>,
    arity: Arity,
    flags: Flags,
    keys: Vec<KeySpec>,
    since: String,
    summary: String,
    complexity: String,
    /// The plugin's name.
    plugin_name: Rc<str>,
    /// By which the guest knows it.
    number: usize,
    plugin: Weak<Running>,
}

impl PluginCommand {
    /// All commands of a plugin.
    pub(super) fn all(manifest: &Manifest, plugin: &Rc<Running>) -> impl Iterator<Item = Self> {
        let plugin_name: Rc<str> = manifest.name.as_str().into();
        let numbered = manifest.commands.iter().enumerate();
        numbered.map(move |(number, command)| Self {
            name: command.name.to_ascii_lowercase().into(),
            arity: arity(command),
            flags: flags(command),
            keys: command.keys.iter().map(key_spec).collect(),
            since: manifest.version.clone(),
            summary: command.summary.clone(),
            complexity: command.complexity.clone(),
            plugin_name: Rc::clone(&plugin_name),
            number,
            plugin: Rc::downgrade(plugin),
        })
    }

    #[inline]
    pub(crate) fn spec(&self) -> SpecOf<'_> {
        SpecOf {
            name: &self.name,
            arity: self.arity,
            flags: self.flags,
            keys: &self.keys,
            categories: &[],
            group: Group::Module,
            since: &self.since,
            summary: &self.summary,
            complexity: &self.complexity,
            tips: &[],
        }
    }

    pub(crate) fn name(&self) -> &Rc<str> {
        &self.name
    }

    pub(crate) fn plugin_name(&self) -> &str {
        &self.plugin_name
    }

    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// Who runs it, if it is attached still.
    pub(crate) fn plugin(&self) -> Result<Rc<Running>, PluginError> {
        self.plugin.upgrade().ok_or_else(|| PluginError::Gone {
            name: self.plugin_name.as_ref().to_owned(),
        })
    }
}

fn arity(command: &CommandManifest) -> Arity {
    let arguments = usize::try_from(command.arity.unsigned_abs()).unwrap_or(usize::MAX);
    if command.arity < 0 {
        Arity::AtLeast(arguments)
    } else {
        Arity::Exactly(arguments)
    }
}

fn flags(command: &CommandManifest) -> Flags {
    let flag = |flag: &Flag| match flag {
        Flag::Write => Flags::WRITE,
        Flag::Readonly => Flags::READONLY,
        Flag::Denyoom => Flags::DENYOOM,
        Flag::Fast => Flags::FAST,
    };
    command.flags.iter().map(flag).fold(Flags::NONE, Flags::and)
}

fn key_spec(key: &KeyManifest) -> KeySpec {
    let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let (access, flags): (_, &'static [&'static str]) = match key.access {
        KeyAccess::Read => (Access::Read, &["access"]),
        KeyAccess::ReadWrite => (Access::ReadWrite, &["access", "update"]),
        KeyAccess::Overwrite => (Access::Overwrite, &["update"]),
        KeyAccess::Remove => (Access::Remove, &["delete"]),
    };
    KeySpec::range(number(key.begin), key.last, number(key.step), access, flags)
}
