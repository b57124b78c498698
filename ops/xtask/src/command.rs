//! Child processes: shown before they run, with our own stdin, stdout and stderr, and an error when they fail.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Output, Stdio};

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
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("could not start `{line}`"))?;
    text_of(output, &line)
}

/// Hands the command a text, runs it to its end without showing it, and returns what it made of the text.
pub(crate) fn filter(mut command: Command, text: &str) -> Result<String> {
    let line = shown(&command);
    let starting = || format!("could not start `{line}`");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(starting)?;
    let mut stdin = child.stdin.take().with_context(starting)?;
    // Written from a thread of its own: a program that answers before it has read everything would wait for us to read.
    let output = std::thread::scope(|scope| {
        // A program that does not read to its end says why on stderr, and ends with a failure.
        scope.spawn(move || stdin.write_all(text.as_bytes()));
        child.wait_with_output()
    });
    text_of(output.with_context(|| format!("could not read from `{line}`"))?, &line)
}

/// Whether a program of this name can be found, as a shell would find it.
pub(crate) fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn text_of(output: Output, line: &str) -> Result<String> {
    if !output.status.success() {
        bail!("`{line}` ended with {}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` printed something that is not UTF-8"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_may_answer_before_it_has_read_everything() {
        let more_than_a_pipe_holds = "line\n".repeat(1 << 16);

        let echoed = filter(Command::new("cat"), &more_than_a_pipe_holds).unwrap();

        assert!(echoed == more_than_a_pipe_holds);
    }

    #[test]
    fn a_filter_that_fails_is_an_error() {
        let refusal = filter(Command::new("false"), "text").unwrap_err().to_string();

        assert!(refusal.starts_with("`false` ended with exit status: 1"), "{refusal}");
    }
}
