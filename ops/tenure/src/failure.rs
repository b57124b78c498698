//! Why a command failed, as the person at the terminal reads it.
//! Promises: no failure without a hint; there is no other way to make one. A byte that a terminal would obey is not shown,
//! whoever said it.

use std::fmt;
use std::process::ExitCode;

use crate::output::printable_lines;

/// The hint of an error that no operator can do anything about.
pub(crate) const DEFECT: &str = "this is a defect of tenure: please report it with the log of this process";

/// An error with its causes, and what to try.
#[derive(Debug)]
pub(crate) struct Failure {
    error: anyhow::Error,
    notes: Vec<String>,
    hint: String,
    exit: Exit,
    document: Option<String>,
}

/// What the process ends with, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The command could not do what it says.
    Failed = 1,
    /// The command line asks for something that makes no sense.
    Usage = 2,
    /// What it names is not there.
    NotFound = 3,
    /// The control plane does not know the key, or the key may not do this.
    Auth = 4,
    /// What is there is in the way.
    Conflict = 5,
    /// It was waited for, and goes on.
    TimedOut = 6,
}

impl Failure {
    /// The command could not do what it says.
    pub(crate) fn new(error: impl Into<anyhow::Error>, hint: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            notes: Vec::new(),
            hint: hint.into(),
            exit: Exit::Failed,
            document: None,
        }
    }

    /// The command line asks for something that makes no sense.
    pub(crate) fn usage(error: impl Into<anyhow::Error>, hint: impl Into<String>) -> Self {
        Self::new(error, hint).exiting(Exit::Usage)
    }

    /// The same with another exit code.
    pub(crate) fn exiting(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    /// The same with one more line between the error and its hint.
    pub(crate) fn noting(mut self, line: impl Into<String>) -> Self {
        self.notes.push(line.into());
        self
    }

    /// The same, told to a program: this one line stands for all that people would read.
    pub(crate) fn told_as(self, document: String) -> Self {
        Self {
            document: Some(document),
            ..self
        }
    }

    /// What went wrong with all causes, for a line about it in something that goes on.
    pub(crate) fn why(&self) -> String {
        format!("{:#}", self.error)
    }

    /// What the process ends with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit as u8)
    }

    #[cfg(test)]
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Failure {
    /// As the end of the process's output: with all causes, and a line end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(document) = &self.document {
            return writeln!(f, "{document}");
        }
        writeln!(f, "error: {}", printable_lines(&self.why()))?;
        for note in &self.notes {
            writeln!(f, "{}", printable_lines(note))?;
        }
        writeln!(f, "hint: {}", printable_lines(&self.hint))
    }
}

/// Adds the hint to an error that has none.
pub(crate) trait OrHint<T> {
    /// The value, or a failure with this hint.
    fn or_hint(self, hint: impl Into<String>) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrHint<T> for Result<T, E> {
    fn or_hint(self, hint: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(error, hint))
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn a_failure_shows_all_causes_and_ends_with_its_hint() {
        let outcome: anyhow::Result<()> = Err(anyhow!("no such file")).context("could not read a.toml");
        let failure = outcome.or_hint("write it first").unwrap_err();
        assert_eq!(
            failure.to_string(),
            "error: could not read a.toml: no such file\nhint: write it first\n"
        );
    }

    #[test]
    fn a_terminal_obeys_no_failure() {
        let failure = Failure::new(anyhow!("a\x1b[2J\n  b\u{202e}"), "\u{9b}c").noting("d\r");
        assert_eq!(failure.to_string(), "error: a [2J\n  b \nd \nhint:  c\n");
    }

    #[test]
    fn notes_stand_between_the_error_and_its_hint_and_a_document_instead_of_all() {
        let failure = Failure::new(anyhow!("refused"), "ask").noting("  /name: too long");
        assert_eq!(failure.to_string(), "error: refused\n  /name: too long\nhint: ask\n");
        assert_eq!(failure.told_as("{}".to_owned()).to_string(), "{}\n");
    }
}
