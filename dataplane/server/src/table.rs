//! The table of commands: those of the engine, and those of sessions.
//! Promises: the one place where a name becomes a command; COMMAND, HELP and access control read the same specs.

use std::collections::HashMap;

use tenure_engine::command::{Command, Spec};

use crate::commands::{self, SessionCommand};

/// A command of either kind.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Registered {
    /// Works on data.
    Engine(&'static Command),
    /// Works on the connection, or tells of the server.
    Session(&'static SessionCommand),
}

impl Registered {
    pub(crate) fn spec(self) -> &'static Spec {
        match self {
            Self::Engine(command) => &command.spec,
            Self::Session(command) => &command.spec,
        }
    }

    pub(crate) fn subcommands(self) -> Vec<Self> {
        match self {
            Self::Engine(command) => command.subcommands.iter().map(Self::Engine).collect(),
            Self::Session(command) => command.subcommands.iter().map(Self::Session).collect(),
        }
    }

    fn subcommand(self, lower_name: &[u8]) -> Option<Self> {
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
        }
    }
}

/// What a request names.
#[derive(Debug, Clone, Copy)]
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
        let engine = tenure_engine::commands::all().map(Registered::Engine);
        let session = commands::all().map(Registered::Session);
        let named = |command: Registered| (command.spec().name.as_bytes(), command);
        Self {
            commands: engine.chain(session).map(named).collect(),
            refused: commands::refused().map(Registered::Session).map(named).collect(),
        }
    }

    /// With commands that only tests of connections have.
    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        let mut table = Self::new();
        let more = commands::testing::COMMANDS.iter().map(Registered::Session);
        table
            .commands
            .extend(more.map(|command| (command.spec().name.as_bytes(), command)));
        table
    }

    /// All commands, without subcommands, by name.
    pub(crate) fn all(&self) -> Vec<Registered> {
        let mut all: Vec<_> = self.commands.values().copied().collect();
        all.sort_by_key(|command| command.spec().name);
        all
    }

    /// The specs of all commands, each followed by those of its subcommands.
    pub(crate) fn specs(&self) -> Vec<&'static Spec> {
        let with_subcommands = |command: Registered| std::iter::once(command).chain(command.subcommands());
        let all = self.all().into_iter().flat_map(with_subcommands);
        all.map(Registered::spec).collect()
    }

    /// Whether a command is listed: all are but those that are refused.
    pub(crate) fn lists(&self, command: Registered) -> bool {
        !self.refused.contains_key(command.spec().name.as_bytes())
    }

    /// What a request's first words name, in any case.
    pub(crate) fn find(&self, first: &[u8], second: Option<&[u8]>) -> Found {
        let mut buffer = [0; NAME_BYTES_MAX];
        let name = lower(first, &mut buffer);
        let Some(command) = name.and_then(|name| self.commands.get(name)).copied() else {
            let refused = name.and_then(|name| self.refused.get(name));
            return refused.copied().map_or(Found::Unknown, Found::Command);
        };
        let has_subcommands = match command {
            Registered::Engine(command) => !command.subcommands.is_empty(),
            Registered::Session(command) => !command.subcommands.is_empty(),
        };
        match second {
            Some(second) if has_subcommands => {
                let subcommand = lower(second, &mut buffer).and_then(|name| command.subcommand(name));
                let subcommand = subcommand.or_else(|| self.refused_subcommand(command, second));
                subcommand.map_or(Found::UnknownSubcommand(command), Found::Command)
            }
            _ => Found::Command(command),
        }
    }

    fn refused_subcommand(&self, command: Registered, second: &[u8]) -> Option<Registered> {
        let mut buffer = [0; NAME_BYTES_MAX];
        let full = [command.spec().name.as_bytes(), b"|", second].concat();
        self.refused.get(lower(&full, &mut buffer)?).copied()
    }
}

fn lower<'b>(word: &[u8], buffer: &'b mut [u8; NAME_BYTES_MAX]) -> Option<&'b [u8]> {
    let name = buffer.get_mut(..word.len())?;
    name.copy_from_slice(word);
    name.make_ascii_lowercase();
    Some(name)
}
