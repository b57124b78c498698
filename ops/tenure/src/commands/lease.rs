//! `tenure lease`: who owns the shards, as the log has it.

mod list;

use clap::Subcommand;

use crate::failure::Failure;

#[derive(Subcommand)]
pub(crate) enum Lease {
    /// List the owner of each shard, and for how long the log has heard nothing of it.
    List(list::Arguments),
}

impl Lease {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(arguments) => list::run(&arguments),
        }
    }
}
