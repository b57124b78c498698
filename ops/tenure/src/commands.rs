//! The subcommands, one file each.

mod dev;
mod log_bootstrap;
mod server_data;
mod server_log;

use clap::Subcommand;

use crate::failure::Failure;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a whole platform on this machine until SIGINT or SIGTERM: log nodes, data nodes, one cluster. Prints how to
    /// reach it, and then the line `ready`.
    Dev(dev::Arguments),
    /// Run a process of the platform.
    #[command(subcommand)]
    Server(Server),
    /// Work on a log quorum.
    #[command(subcommand)]
    Log(Log),
}

#[derive(Subcommand)]
pub(crate) enum Server {
    /// Run a log node until SIGINT or SIGTERM. Prints the line `ready` on stdout when it serves; logs go to stderr.
    Log(server_log::Arguments),
    /// Run a data node until SIGINT or SIGTERM. Prints the line `ready` on stdout when every primary of it serves; logs
    /// go to stderr.
    Data(server_data::Arguments),
}

#[derive(Subcommand)]
pub(crate) enum Log {
    /// Write the file by which a new log quorum begins. Give every member the same file.
    Bootstrap(log_bootstrap::Arguments),
}

impl Command {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Dev(arguments) => dev::run(&arguments),
            Self::Server(Server::Log(arguments)) => server_log::run(&arguments),
            Self::Server(Server::Data(arguments)) => server_data::run(&arguments),
            Self::Log(Log::Bootstrap(arguments)) => log_bootstrap::run(arguments),
        }
    }
}
