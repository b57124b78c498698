//! Child processes: shown before they run, with our own stdin, stdout and stderr, and an error when they fail.

use std::ffi::OsStr;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::repo::Repo;

/// A `cargo` command in the repository's root, its arguments with spaces between them. It is the cargo that runs us, so
/// the toolchain is the same.
pub(crate) fn cargo(repo: &Repo, arguments: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(repo.root()).args(arguments.split_whitespace());
    command
}

/// Shows the command, runs it to its end, and turns a failure into an error.
pub(crate) fn run(mut command: Command) -> Result<()> {
    let line = shown(&command);
    println!("$ {line}");
    let status = command.status().with_context(|| format!("could not start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(())
}

/// Runs the command to its end without showing it and returns what it printed; its errors go to our stderr.
pub(crate) fn output(mut command: Command) -> Result<String> {
    let line = shown(&command);
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("could not start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` ended with {}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` printed something that is not UTF-8"))
}

/// Whether a program of this name can be found, as a shell would find it.
pub(crate) fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// The command as one would type it: what was set in its environment, the program without its folder, the arguments.
fn shown(command: &Command) -> String {
    let environment = command
        .get_envs()
        .filter_map(|(name, value)| value.map(|value| format!("{}='{}'", name.display(), value.display())));
    let program = std::path::Path::new(command.get_program())
        .file_name()
        .unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    environment
        .chain(words.map(|word: &OsStr| word.display().to_string()))
        .collect::<Vec<_>>()
        .join(" ")
}
