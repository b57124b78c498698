//! `tenure node`: the data nodes.

mod list;
mod show;

use clap::Subcommand;

use crate::failure::Failure;

#[derive(Subcommand)]
pub(crate) enum Node {
    /// List data nodes.
    List(list::Arguments),
    /// Show a data node and what it hosts.
    Show(show::Arguments),
}

impl Node {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(arguments) => list::run(&arguments),
            Self::Show(arguments) => show::run(&arguments),
        }
    }
}

/// Whether its session lives, in a word.
fn alive(alive: bool) -> &'static str {
    if alive { "yes" } else { "NO" }
}
