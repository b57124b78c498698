//! `tenure cluster`: clusters of a tenant.

mod connect;
mod create;
mod delete;
mod failover;
mod list;
mod password;
mod picture;
mod show;

use clap::Subcommand;

use crate::failure::Failure;

#[derive(Subcommand)]
pub(crate) enum Cluster {
    /// Make a cluster.
    Create(create::Arguments),
    /// List the clusters of a tenant.
    List(list::Arguments),
    /// Show a cluster: what was asked for, whether it works and why, where each shard is.
    Show(show::Arguments),
    /// Delete a cluster and all data in it.
    Delete(delete::Arguments),
    /// Make another replica of a shard its primary. No write that was acknowledged is lost.
    Failover(failover::Arguments),
    /// Open redis-cli or valkey-cli on a cluster.
    Connect(connect::Arguments),
}

impl Cluster {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(arguments) => create::run(arguments),
            Self::List(arguments) => list::run(&arguments),
            Self::Show(arguments) => show::run(&arguments),
            Self::Delete(arguments) => delete::run(&arguments),
            Self::Failover(arguments) => failover::run(arguments),
            Self::Connect(arguments) => connect::run(&arguments),
        }
    }
}
