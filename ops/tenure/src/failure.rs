//! Why a command failed, as the person at the terminal reads it.
//! Promises: no failure without a hint; there is no other way to make one.

use std::fmt;
use std::process::ExitCode;

/// The hint of an error that no operator can do anything about.
pub(crate) const DEFECT: &str = "this is a defect of tenure: please report it with the log of this process";

/// An error with its causes, and what to try.
#[derive(Debug)]
pub(crate) struct Failure {
    error: anyhow::Error,
    hint: String,
    exit: Exit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// The command could not do what it says.
    Failed,
    /// The command line asks for something that makes no sense.
    Usage,
}

impl Failure {
    /// The command could not do what it says.
    pub(crate) fn new(error: impl Into<anyhow::Error>, hint: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            hint: hint.into(),
            exit: Exit::Failed,
        }
    }

    /// The command line asks for something that makes no sense.
    pub(crate) fn usage(error: impl Into<anyhow::Error>, hint: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            ..Self::new(error, hint)
        }
    }

    /// What the process ends with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self.exit {
            Exit::Failed => ExitCode::FAILURE,
            Exit::Usage => ExitCode::from(2),
        }
    }
}

impl fmt::Display for Failure {
    /// As the end of the process's output: with all causes, and a line end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {:#}\nhint: {}", self.error, self.hint)
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
}
