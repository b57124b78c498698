//! `tenure event`: what happened.

mod list;

use clap::Subcommand;

use crate::failure::Failure;

#[derive(Subcommand)]
pub(crate) enum Event {
    /// List events.
    List(list::Arguments),
}

impl Event {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(arguments) => list::run(&arguments),
        }
    }
}
