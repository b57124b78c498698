//! What a comparison found.

use std::fmt;

/// Which version of the protocol a script was run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// RESP2, without HELLO.
    Resp2,
    /// RESP3, after HELLO 3.
    Resp3,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resp2 => "RESP2",
            Self::Resp3 => "RESP3",
        })
    }
}

/// A command that the two servers answered differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The script's name.
    pub script: String,
    /// The line in it, from 1.
    pub line: usize,
    /// The command as it stands there.
    pub command: String,
    /// What was spoken.
    pub protocol: Protocol,
    /// Our reply, readable.
    pub ours: String,
    /// The reference's reply, readable.
    pub reference: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            script,
            line,
            command,
            protocol,
            ours,
            reference,
        } = self;
        writeln!(f, "{script}.txt:{line} ({protocol}) {command}")?;
        writeln!(f, "  ours:      {ours}")?;
        write!(f, "  reference: {reference}")
    }
}

/// Differences, and how much was compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// How many commands were run on both, each protocol counted.
    pub compared: usize,
    /// Where they differed, in the order of the script.
    pub differences: Vec<Difference>,
}

impl Report {
    /// Whether there is no difference.
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty()
    }

    /// Adds what another script found.
    pub fn add(&mut self, other: Self) {
        self.compared += other.compared;
        self.differences.extend(other.differences);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in &self.differences {
            writeln!(f, "{difference}")?;
        }
        write!(f, "{} of {} replies differ", self.differences.len(), self.compared)
    }
}
