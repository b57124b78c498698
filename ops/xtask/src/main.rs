//! `cargo xtask`: the checks, fixes and generated code of this repository, from one place and on any machine with a Rust
//! toolchain.
//! Promises: `verify` writes nothing but the target folder; `fix` rewrites only what a tool can rewrite without thought;
//! `gen` writes only the files that say at their top that it does.
//! Leaves to others: what the rules are. The map, the edges and the purity rules are read from `ARCHITECTURE.md`.

mod architecture;
mod checks;
mod command;
mod finding;
mod fix;
mod generate;
mod repo;
mod verify;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Checks, fixes and generated code of this repository.",
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every check; write nothing but the target folder. Exit code 1 when one failed.
    Verify(verify::Options),
    /// Rewrite what a tool can put right: formatting and machine-applicable clippy suggestions.
    Fix,
    /// Write the Rust code that is generated from the `.proto` files. Commit it with them.
    Gen,
}

fn main() -> anyhow::Result<ExitCode> {
    let repo = repo::Repo::open()?;
    match Cli::parse().task {
        Task::Verify(options) => Ok(verify::run(&repo, &options)),
        Task::Fix => fix::run(&repo).map(|()| ExitCode::SUCCESS),
        Task::Gen => generate::run(&repo).map(|()| ExitCode::SUCCESS),
    }
}
