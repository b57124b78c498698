//! The binary `tenure`: every process of the platform, and the commands of its operators.
//! Promises: exit code 0 when a command did what it says, 1 when it failed, 2 when the command line was wrong; an error
//! goes to stderr, with its causes, and ends with a hint. Leaves to `commands`: everything else.

mod bootstrap_file;
mod commands;
mod failure;
mod logging;
mod machine_clock;
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

/// A self-hosted, multi-tenant, durable platform that speaks the Redis protocol.
#[derive(Parser)]
#[command(name = "tenure", version, disable_help_subcommand = true)]
struct Cli {
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
