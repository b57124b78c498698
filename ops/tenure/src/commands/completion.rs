//! `tenure completion`: what a shell needs to complete our commands.

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::Shell;

use crate::failure::Failure;
use crate::output;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The shell. For bash: `source <(tenure completion bash)`.
    #[arg(value_name = "SHELL")]
    shell: ShellName,
}

/// The shells that are asked for.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ShellName {
    Bash,
    Zsh,
    Fish,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    output::print(&String::from_utf8_lossy(&script(arguments.shell)))
}

fn script(shell: ShellName) -> Vec<u8> {
    let shell = match shell {
        ShellName::Bash => Shell::Bash,
        ShellName::Zsh => Shell::Zsh,
        ShellName::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut crate::Cli::command(), "tenure", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_learns_of_the_commands() {
        for shell in ShellName::value_variants() {
            let script = String::from_utf8(script(*shell)).unwrap();
            assert!(
                script.contains("failover") && script.contains("token-file"),
                "{shell:?}"
            );
        }
    }
}
