//! The table of commands: those of the engine, and those of sessions.
//! Promises: the one place where a name becomes a command; COMMAND, HELP and access control read the same specs.

use std::collections::HashMap;
use std::rc::Rc;

use tenure_engine::command::{Command, Spec, SpecOf};

use crate::commands::{self, SessionCommand};
use crate::plugin::PluginCommand;

/// A command of any kind.
#[derive(Debug, Clone)]
pub(crate) enum Registered {
    /// Works on data.
    Engine(&'static Command),
    /// Works on the connection, or tells of the server.
    Session(&'static SessionCommand),
    /// Works on data, and is a plugin's. In no table: each cluster has its own.
    Plugin(Rc<PluginCommand>),
}

impl Registered {
    #[inline]
    pub(crate) fn spec(&self) -> SpecOf<'_> {
        match self {
            Self::Engine(command) => command.spec,
            Self::Session(command) => command.spec,
            Self::Plugin(command) => command.spec(),
        }
    }

    /// Its name, to be kept.
    #[inline]
    pub(crate) fn name(&self) -> CommandName {
        match self {
            Self::Engine(command) => CommandName::Native(command.spec.name),
            Self::Session(command) => CommandName::Native(command.spec.name),
            Self::Plugin(command) => CommandName::Plugin(Rc::clone(command.name())),
        }
    }

    pub(crate) fn subcommands(&self) -> Vec<Self> {
        match self {
            Self::Engine(command) => command.subcommands.iter().map(Self::Engine).collect(),
            Self::Session(command) => command.subcommands.iter().map(Self::Session).collect(),
            Self::Plugin(_) => Vec::new(),
        }
    }

    fn subcommand(&self, lower_name: &[u8]) -> Option<Self> {
        let is_it = |spec: &Spec| {
            let (_, name) = spec.name.split_once('|').unwrap_or_default();
            name.as_bytes() == lower_name
        };
        match self {
            Self::Engine(command) => command
                .subcommands
                .iter()
                .find(|sub| is_it(&sub.spec))
                .map(Self::Engine),
            Self::Session(command) => command
                .subcommands
                .iter()
                .find(|sub| is_it(&sub.spec))
                .map(Self::Session),
            Self::Plugin(_) => None,
        }
    }
}

/// The name of a command, lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CommandName {
    Native(&'static str),
    Plugin(Rc<str>),
}

impl Default for CommandName {
    fn default() -> Self {
        Self::Native("")
    }
}

impl CommandName {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Native(name) => name,
            Self::Plugin(name) => name,
        }
    }
}

impl std::fmt::Display for CommandName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a request names.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    /// This command.
    Command(Registered),
    /// A command of two words whose second word is none.
    UnknownSubcommand(Registered),
    /// Nothing.
    Unknown,
}

/// Longest name of a command; longer words are none.
const NAME_BYTES_MAX: usize = 32;

/// All commands by name.
#[derive(Debug)]
pub(crate) struct Table {
    commands: HashMap<&'static [u8], Registered>,
    /// Those that only answer why they are refused, by their full name.
    refused: HashMap<&'static [u8], Registered>,
}

impl Table {
    pub(crate) fn new() -> Self {
        let named = |(spec, command): (&'static Spec, Registered)| (spec.name.as_bytes(), command);
        let engine = tenure_engine::commands::all().map(|command| (&command.spec, Registered::Engine(command)));
        let session = |command: &'static SessionCommand| (&command.spec, Registered::Session(command));
        Self {
            commands: engine.chain(commands::all().map(session)).map(named).collect(),
            refused: commands::refused().map(session).map(named).collect(),
        }
    }

    /// With commands that only tests of connections have.
    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        let mut table = Self::new();
        let more = commands::testing::COMMANDS.iter();
        table
            .commands
            .extend(more.map(|command| (command.spec.name.as_bytes(), Registered::Session(command))));
        table
    }

    /// All commands, without subcommands, by name.
    pub(crate) fn all(&self) -> Vec<Registered> {
        let mut all: Vec<_> = self.commands.values().cloned().collect();
        all.sort_by_key(Registered::name);
        all
    }

    /// All commands, each followed by its subcommands.
    pub(crate) fn with_subcommands(&self) -> Vec<Registered> {
        let with_subcommands = |command: Registered| {
            let subcommands = command.subcommands();
            std::iter::once(command).chain(subcommands)
        };
        self.all().into_iter().flat_map(with_subcommands).collect()
    }

    /// The specs of all commands, subcommands included.
    #[cfg(test)]
    pub(crate) fn specs(&self) -> Vec<&'static Spec> {
        let native = |command: Registered| match command {
            Registered::Engine(command) => Some(&command.spec),
            Registered::Session(command) => Some(&command.spec),
            Registered::Plugin(_) => None,
        };
        self.with_subcommands().into_iter().filter_map(native).collect()
    }

    /// Whether a command is listed: all are but those that are refused.
    pub(crate) fn lists(&self, command: &Registered) -> bool {
        !self.refused.contains_key(command.spec().name.as_bytes())
    }

    /// What a request's first words name, in any case.
    pub(crate) fn find(&self, first: &[u8], second: Option<&[u8]>) -> Found {
        let mut buffer = [0; NAME_BYTES_MAX];
        let name = lower(first, &mut buffer);
        let Some(command) = name.and_then(|name| self.commands.get(name)) else {
            let refused = name.and_then(|name| self.refused.get(name));
            return refused.cloned().map_or(Found::Unknown, Found::Command);
        };
        let has_subcommands = match command {
            Registered::Engine(command) => !command.subcommands.is_empty(),
            Registered::Session(command) => !command.subcommands.is_empty(),
            Registered::Plugin(_) => false,
        };
        match second {
            Some(second) if has_subcommands => {
                let subcommand = lower(second, &mut buffer).and_then(|name| command.subcommand(name));
                let subcommand = subcommand.or_else(|| self.refused_subcommand(command, second));
                subcommand.map_or_else(|| Found::UnknownSubcommand(command.clone()), Found::Command)
            }
            _ => Found::Command(command.clone()),
        }
    }

    fn refused_subcommand(&self, command: &Registered, second: &[u8]) -> Option<Registered> {
        let mut buffer = [0; NAME_BYTES_MAX];
        let full = [command.spec().name.as_bytes(), b"|", second].concat();
        self.refused.get(lower(&full, &mut buffer)?).cloned()
    }
}

fn lower<'b>(word: &[u8], buffer: &'b mut [u8; NAME_BYTES_MAX]) -> Option<&'b [u8]> {
    let name = buffer.get_mut(..word.len())?;
    name.copy_from_slice(word);
    name.make_ascii_lowercase();
    Some(name)
}
