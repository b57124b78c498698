//! What commands over the API print: a table for people, or the API's own JSON for programs.
//! Promises: stdout has what was asked for and nothing else, one JSON document on one line with `json`; nothing is cut off;
//! a byte that a terminal would obey is not printed. A reader that has gone away is no error.

use std::fmt;
use std::io::{self, Write};

use anyhow::Context;
use clap::ValueEnum;
use serde::Serialize;

use crate::failure::{DEFECT, Failure, OrHint};

pub(crate) mod size;

/// For whom it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Output {
    /// People: columns, which may change with any version.
    #[default]
    Table,
    /// Programs: one JSON document, which only ever gains fields.
    Json,
}

impl Output {
    /// Prints one of the two.
    pub(crate) fn show(self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        match self {
            Self::Table => print(&text()),
            Self::Json => print(&(json(value)? + "\n")),
        }
    }
}

/// As one line. What a terminal would obey is escaped, and reads back as it was.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    let written = serde_json::to_string(value);
    let written = written.context("could not write the answer as JSON").or_hint(DEFECT)?;
    // All of it stands in strings, and none is above U+FFFF.
    let escaped = |letter: char| format!("\\u{:04x}", u32::from(letter));
    let mut safe = String::with_capacity(written.len());
    for letter in written.chars() {
        if is_obeyed(letter) {
            safe += &escaped(letter);
        } else {
            safe.push(letter);
        }
    }
    Ok(safe)
}

/// On stdout.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // `| head` has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written
            .context("could not write to stdout")
            .or_hint("check where the output goes: the command itself is done"),
    }
}

/// Tells the person at the terminal, if there is one.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{}", printable(line));
}

/// Columns, as wide as what is in them.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    indent: usize,
}

impl Table {
    /// With a first row that names the columns.
    pub(crate) fn new(head: &[&str]) -> Self {
        let mut table = Self::bare();
        table.push(head);
        table
    }

    /// Without one.
    pub(crate) fn bare() -> Self {
        Self {
            rows: Vec::new(),
            indent: 0,
        }
    }

    /// The same, further to the right.
    pub(crate) fn indented(self) -> Self {
        Self { indent: 2, ..self }
    }

    /// One more row.
    pub(crate) fn push<T: AsRef<str>>(&mut self, cells: &[T]) {
        self.rows
            .push(cells.iter().map(|cell| printable(cell.as_ref())).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for row in &self.rows {
            let mut line = " ".repeat(self.indent);
            for (cell, width) in row.iter().zip(&widths) {
                line += &format!("{cell:width$}  ");
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// What a terminal shows and does not obey, on one line.
pub(crate) fn printable(text: &str) -> String {
    let letter = |letter: char| if is_obeyed(letter) { ' ' } else { letter };
    text.chars().map(letter).collect()
}

/// The same on as many lines as it has.
pub(crate) fn printable_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(printable).collect();
    lines.join("\n")
}

/// Control characters, and those that turn the order in which others are shown, so that they read as something else.
fn is_obeyed(letter: char) -> bool {
    let turns =
        matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}');
    turns || letter.is_control()
}

/// A value, or a dash.
pub(crate) fn or_dash(value: Option<&str>) -> &str {
    value.unwrap_or("-")
}

/// The word that the API has for a value, such as `CREATING`.
pub(crate) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_nothing_is_cut_off() {
        let long = "x".repeat(300);
        let mut table = Table::new(&["NAME", "STATE", "WHY"]);
        table.push(&["é", "ACTIVE", ""]);
        table.push(&["shop-with-a-name", "-", &long]);
        assert_eq!(
            table.to_string(),
            format!("NAME              STATE   WHY\né                 ACTIVE\nshop-with-a-name  -       {long}\n")
        );
    }

    #[test]
    fn a_terminal_obeys_nothing_that_a_server_says() {
        let mut table = Table::bare().indented();
        table.push(&["a\x1b[2J\nb", "\u{9b}c"]);
        assert_eq!(table.to_string(), "  a [2J b   c\n");
        for turns in [
            "\u{202a}", "\u{202e}", "\u{2066}", "\u{2069}", "\u{200e}", "\u{200f}", "\u{61c}",
        ] {
            assert_eq!(printable(&format!("a{turns}b")), "a b", "{turns:?}");
        }
        assert_eq!(printable("é\u{2065}→\u{5d0}"), "é\u{2065}→\u{5d0}");
        assert_eq!(printable_lines("a\r\nb\x1b\n"), "a \nb \n");
    }

    #[test]
    fn a_terminal_obeys_no_json_and_a_program_reads_what_was_said() {
        let said = "a\x1b[2J\n\u{7f}\u{80}\u{9b}\u{9f}\u{a0}é\u{202e}\\u0041\u{1f600}";
        let written = json(&[said]).unwrap();
        assert!(!written.contains(is_obeyed), "{written:?}");
        assert!(written.contains("\\u009b") && written.contains('é'), "{written}");
        let read: Vec<String> = serde_json::from_str(&written).unwrap();
        assert_eq!(read, [said]);
    }

    #[test]
    fn words_are_those_of_the_api() {
        assert_eq!(word(&tenure_admin::ClusterState::Creating), "CREATING");
        assert_eq!(word(&tenure_admin::Role::Viewer), "viewer");
    }
}
