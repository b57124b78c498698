//! `tenure operation`: what takes a while.

pub(crate) mod follow;
mod list;
mod show;
mod wait;

use clap::Subcommand;
use tenure_admin::Operation as Body;

use self::follow::Waiting;
use crate::api_client::ApiClient;
use crate::failure::Failure;
use crate::output::say;

#[derive(Subcommand)]
pub(crate) enum Operation {
    /// List operations.
    List(list::Arguments),
    /// Show an operation and its steps.
    Show(show::Arguments),
    /// Wait until an operation is over. Exit code 1 if it fails, 6 if that takes longer than the timeout.
    Wait(wait::Arguments),
}

impl Operation {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(arguments) => list::run(&arguments),
            Self::Show(arguments) => show::run(&arguments),
            Self::Wait(arguments) => wait::run(&arguments),
        }
    }
}

/// Shows an operation that a command began: when it is over, if that is to be waited for.
pub(crate) fn begun(client: &ApiClient, operation: Body, waiting: &Waiting) -> Result<(), Failure> {
    if !waiting.wait {
        say_how_to_wait(&operation);
        return client.output.show(&operation, || show::text(&operation));
    }
    let operation = follow::to_its_end(client, operation, waiting.timeout.timeout)?;
    let shown = client.output.show(&operation, || show::text(&operation));
    follow::outcome(&operation).and(shown)
}

/// Tells that what was begun goes on.
pub(crate) fn say_how_to_wait(operation: &Body) {
    say(&format!(
        "it goes on; to wait for it: tenure operation wait {}",
        operation.id
    ));
}
