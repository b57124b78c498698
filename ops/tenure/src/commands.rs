//! The subcommands, one file each.

mod api_key;
mod cluster;
mod completion;
mod confirm;
mod dev;
mod event;
mod lease;
mod log;
mod log_bootstrap;
mod node;
mod operation;
mod plugin;
mod plugin_check;
mod server_control;
mod server_data;
mod server_log;
mod tenant;

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
    /// Work on clusters.
    #[command(subcommand)]
    Cluster(cluster::Cluster),
    /// Work on plugins: commands that tenants add to their clusters.
    #[command(subcommand)]
    Plugin(plugin::Plugin),
    /// Work on tenants, who own clusters.
    #[command(subcommand)]
    Tenant(tenant::Tenant),
    /// Work on API keys.
    #[command(subcommand)]
    ApiKey(api_key::ApiKey),
    /// Look at what takes a while, and wait for it.
    #[command(subcommand)]
    Operation(operation::Operation),
    /// Look at what happened.
    #[command(subcommand)]
    Event(event::Event),
    /// Look at the data nodes.
    #[command(subcommand)]
    Node(node::Node),
    /// Work on a log quorum.
    #[command(subcommand)]
    Log(log::Log),
    /// Look at who owns the shards.
    #[command(subcommand)]
    Lease(lease::Lease),
    /// Look at the module on stdin, for the control plane.
    #[command(hide = true)]
    PluginCheck(plugin_check::Arguments),
    /// Print what a shell needs to complete these commands.
    Completion(completion::Arguments),
}

#[derive(Subcommand)]
pub(crate) enum Server {
    /// Run a log node until SIGINT or SIGTERM. Prints the line `ready` on stdout when it serves; logs go to stderr.
    Log(server_log::Arguments),
    /// Run a data node until SIGINT or SIGTERM. Prints the line `ready` on stdout when every primary of it serves; logs
    /// go to stderr.
    Data(server_data::Arguments),
    /// Run a control plane until SIGINT or SIGTERM. Prints the line `ready` on stdout when it serves; logs go to stderr.
    Control(server_control::Arguments),
}

impl Command {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Dev(arguments) => dev::run(&arguments),
            Self::Server(Server::Log(arguments)) => server_log::run(&arguments),
            Self::Server(Server::Data(arguments)) => server_data::run(&arguments),
            Self::Server(Server::Control(arguments)) => server_control::run(&arguments),
            Self::Cluster(command) => command.run(),
            Self::Plugin(command) => command.run(),
            Self::PluginCheck(arguments) => plugin_check::run(&arguments),
            Self::Tenant(command) => command.run(),
            Self::ApiKey(command) => command.run(),
            Self::Operation(command) => command.run(),
            Self::Event(command) => command.run(),
            Self::Node(command) => command.run(),
            Self::Log(command) => command.run(),
            Self::Lease(command) => command.run(),
            Self::Completion(arguments) => completion::run(&arguments),
        }
    }
}
