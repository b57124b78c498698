//! Scripts: text files with a command a line.
//!
//! ```text
//!   #flush                 at the top: both servers begin empty
//!   # text                 a comment
//!   GET "a b"              a command; see `words` for quotes
//!   #unordered             before a line: arrays, sets and maps in it may come in any order
//!   #same-type             before a line: only the kind of reply is compared
//!   #same-error-code       before a line: both are errors, and only their first word is compared
//!   #skip-resp3            before a line: it is run in RESP2 only
//!   #silent                before a line: no reply is waited for, as CLIENT REPLY makes it
//!   #client 2              from here on another connection; a script begins on 1
//! ```
//!
//! A connection is opened where it is first used, and anew after it was found closed. The scripts of this package hold
//! only commands of Redis 7.0, so that any later server can be the reference, but for texts that were changed since.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::words::words;

/// Commands to be run on two servers.
#[derive(Debug, Clone)]
pub struct Script {
    pub(crate) name: String,
    pub(crate) flush: bool,
    pub(crate) steps: Vec<Step>,
}

/// One command of a script.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
    pub(crate) args: Vec<Vec<u8>>,
    /// Which connection it is sent on.
    pub(crate) client: usize,
    pub(crate) rule: Rule,
    pub(crate) resp3: bool,
}

/// What must be the same of two replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Rule {
    /// Every byte.
    #[default]
    Exact,
    /// Every byte but for the order within arrays, sets and maps.
    Unordered,
    /// The kind of reply.
    SameType,
    /// That they are errors, and the first word.
    SameErrorCode,
    /// Nothing: none is waited for.
    Silent,
}

/// The directives that stand before the next command.
#[derive(Debug, Default)]
struct Pending {
    rule: Option<Rule>,
    skip_resp3: bool,
}

impl Script {
    /// Every script of this package, by name.
    pub fn all() -> Result<Vec<Self>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
        let mut scripts = Vec::new();
        for file in std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == "txt") {
                scripts.push(Self::read(&path)?);
            }
        }
        scripts.sort_by(|one, other| one.name.cmp(&other.name));
        ensure!(!scripts.is_empty(), "there are no scripts in {}", folder.display());
        Ok(scripts)
    }

    /// The script in a file, named after it.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Self::parse(&name, &text)
    }

    /// The script with this text.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let mut script = Self {
            name: name.to_owned(),
            flush: false,
            steps: Vec::new(),
        };
        let mut client = 1;
        let mut pending = Pending::default();
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            script
                .take_line(number, line.trim(), &mut client, &mut pending)
                .with_context(|| format!("{name}, line {number}"))?;
        }
        ensure!(
            pending.rule.is_none() && !pending.skip_resp3,
            "{name} ends with a directive for no command"
        );
        Ok(script)
    }

    /// How it is called in reports.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many commands it has.
    pub fn commands(&self) -> usize {
        self.steps.len()
    }

    fn take_line(&mut self, number: usize, line: &str, client: &mut usize, pending: &mut Pending) -> Result<()> {
        if line.is_empty() || line == "#" || line.starts_with("# ") {
            return Ok(());
        }
        let Some(directive) = line.strip_prefix('#') else {
            let pending = std::mem::take(pending);
            self.steps.push(Step {
                line: number,
                text: line.to_owned(),
                args: words(line)?,
                client: *client,
                rule: pending.rule.unwrap_or_default(),
                resp3: !pending.skip_resp3,
            });
            return Ok(());
        };
        match directive {
            "flush" => {
                ensure!(self.steps.is_empty(), "#flush stands at the top only");
                self.flush = true;
            }
            "unordered" => pending.set(Rule::Unordered)?,
            "same-type" => pending.set(Rule::SameType)?,
            "same-error-code" => pending.set(Rule::SameErrorCode)?,
            "silent" => pending.set(Rule::Silent)?,
            "skip-resp3" => pending.skip_resp3 = true,
            other => match other.strip_prefix("client ") {
                Some(which) => *client = which.trim().parse().context("#client takes a number")?,
                None => bail!("#{other} is no directive; a comment has a blank behind its #"),
            },
        }
        Ok(())
    }
}

impl Pending {
    fn set(&mut self, rule: Rule) -> Result<()> {
        ensure!(self.rule.is_none(), "a command has one directive on how to compare it");
        self.rule = Some(rule);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_holds_for_the_next_command_and_a_client_from_there_on() {
        let text = "#flush\n# about\n\nGET a\n#skip-resp3\n#unordered\nKEYS *\n#client 2\nGET b\n#client 1\nGET c\n";
        let script = Script::parse("s", text).unwrap();
        assert!(script.flush);
        let steps: Vec<_> = script
            .steps
            .iter()
            .map(|step| (step.line, step.client, step.rule, step.resp3))
            .collect();
        assert_eq!(
            steps,
            [
                (4, 1, Rule::Exact, true),
                (7, 1, Rule::Unordered, false),
                (9, 2, Rule::Exact, true),
                (11, 1, Rule::Exact, true),
            ]
        );
    }

    #[test]
    fn a_script_that_would_not_do_what_it_says_is_refused() {
        for text in [
            "#unorderd\nGET a",
            "GET a\n#flush",
            "#unordered\n#same-type\nGET a",
            "GET a\n#unordered",
            "#client two\nGET a",
            "GET \"a",
        ] {
            assert!(Script::parse("s", text).is_err(), "{text}");
        }
    }
}
