//! The commands that work on data, one file per family.

mod hash;
mod keys;
mod sorted_set;
mod string;

use crate::command::Command;

/// All of them, subcommands within.
pub fn all() -> impl Iterator<Item = &'static Command> {
    [hash::COMMANDS, keys::COMMANDS, sorted_set::COMMANDS, string::COMMANDS]
        .into_iter()
        .flatten()
}
