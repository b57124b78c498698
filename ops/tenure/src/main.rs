//! The binary `tenure`: every process of the platform, and the commands of its operators.
//! Promises: exit code 0 when a command did what it says, 2 when the command line was wrong, others as `failure` lists them;
//! an error goes to stderr, with its causes, and ends with a hint. Leaves to `commands`: everything else.

mod api_client;
mod bootstrap_file;
mod commands;
mod failure;
mod logging;
mod machine_clock;
mod metrics_port;
mod output;
mod parent;
mod ready_line;
mod reroute;
mod settings;
mod stop_signals;
mod tls_files;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::commands::Command;

/// The engine lays out and counts keys by the size classes of this one (see `keyspace::memory` there).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A self-hosted, multi-tenant, durable platform that speaks the Redis protocol.
#[derive(Parser)]
#[command(name = "tenure", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    match cli.command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody is left to tell when stderr is closed.
            let _ = write!(std::io::stderr(), "{failure}");
            failure.exit_code()
        }
    }
}

/// Help that was asked for, or a command line that is wrong.
fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let _ = write!(std::io::stderr(), "{}", with_hint(&error.render().to_string()));
    ExitCode::from(2)
}

/// clap's words, with its last line in the shape that all our errors have.
fn with_hint(text: &str) -> String {
    let text = text.trim_end();
    let text = text.strip_suffix("For more information, try '--help'.").unwrap_or(text);
    format!("{}\n\nhint: see --help of this command\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    /// The commands that do something, with their whole names. Those that people do not see are no business of theirs.
    fn leaves(command: &clap::Command, name: &str) -> Vec<String> {
        let below: Vec<_> = command.get_subcommands().filter(|below| !below.is_hide_set()).collect();
        if below.is_empty() {
            return vec![name.to_owned()];
        }
        let below = below.into_iter();
        below
            .flat_map(|command| leaves(command, &format!("{name} {}", command.get_name())))
            .collect()
    }

    #[test]
    fn every_command_is_on_the_page() {
        let page = include_str!("../../docs/cli.md");
        let rows = page
            .lines()
            .filter_map(|line| line.strip_prefix("| `tenure ")?.split('`').next());
        let rows: Vec<String> = rows.map(|row| format!("tenure {row}")).collect();
        let commands = leaves(&Cli::command(), "tenure");
        let names = |row: &str, command: &str| {
            let rest = row.strip_prefix(command);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        for command in &commands {
            let named = rows.iter().filter(|row| names(row, command)).count();
            assert_eq!(named, 1, "ops/docs/cli.md has {named} rows for `{command}`");
        }
        for row in &rows {
            let known = commands.iter().any(|command| names(row, command));
            assert!(known, "ops/docs/cli.md has `{row}`, and there is no such command");
        }
    }

    #[test]
    fn what_is_secret_is_no_flag() {
        fn flags(command: &clap::Command) -> Vec<String> {
            let own = command.get_arguments().filter_map(|argument| argument.get_long());
            let own = own.map(str::to_owned);
            own.chain(command.get_subcommands().flat_map(flags)).collect()
        }
        for flag in flags(&Cli::command()) {
            assert!(!matches!(flag.as_str(), "token" | "password" | "secret"), "--{flag}");
        }
    }

    #[test]
    fn a_wrong_command_line_ends_with_a_hint() {
        for line in [&["tenure"][..], &["tenure", "servr"], &["tenure", "server", "log"]] {
            let error = Cli::try_parse_from(line).err().unwrap();
            let said = with_hint(&error.render().to_string());
            assert!(said.ends_with("\nhint: see --help of this command\n"), "{said}");
            assert!(!said.contains("For more information"), "{said}");
        }
    }
}
