//! What a check found: where, what is wrong there, and what to do about it. A finding without a hint does not exist.

use std::fmt;

/// One thing to put right.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// A path from the repository's root, with `:line` when the line is known.
    pub(crate) at: String,
    /// What is wrong, with the values in it.
    pub(crate) problem: String,
    /// What to try first.
    pub(crate) hint: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  hint: {}", self.at, self.problem, self.hint)
    }
}
