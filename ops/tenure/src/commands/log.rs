//! `tenure log`: the log quorum.

mod show;
mod verify;

use clap::Subcommand;

use super::log_bootstrap;
use crate::failure::Failure;

#[derive(Subcommand)]
pub(crate) enum Log {
    /// Write the file by which a new log quorum begins. Give every member the same file.
    Bootstrap(log_bootstrap::Arguments),
    /// Show the log groups: who leads each, who votes in it, how far it is.
    Show(show::Arguments),
    /// Have all streams of the log read, and their checksums checked.
    Verify(verify::Arguments),
}

impl Log {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Bootstrap(arguments) => log_bootstrap::run(arguments),
            Self::Show(arguments) => show::run(&arguments),
            Self::Verify(arguments) => verify::run(&arguments),
        }
    }
}
