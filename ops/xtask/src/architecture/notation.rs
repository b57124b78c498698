//! The notation for sets of folders: `api/types`, `ops/*`, `log-quorum/{log, protocol}`, `everything`, and lists of these.

use std::fmt;

use anyhow::{Result, bail};

use super::Folder;

/// A set of folders of the map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// `everything`
    Everything,
    /// `plane/*`
    Plane(String),
    /// `plane/package`
    One(Folder),
}

impl Pattern {
    pub(crate) fn covers(&self, folder: &Folder) -> bool {
        match self {
            Pattern::Everything => true,
            Pattern::Plane(plane) => folder
                .as_str()
                .split_once('/')
                .is_some_and(|(parent, _)| parent == plane),
            Pattern::One(one) => one == folder,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pattern::Everything => f.write_str("everything"),
            Pattern::Plane(plane) => write!(f, "{plane}/*"),
            Pattern::One(folder) => folder.fmt(f),
        }
    }
}

/// Reads a list of patterns, with commas between them.
pub(super) fn patterns(list: &str) -> Result<Vec<Pattern>> {
    let mut patterns = Vec::new();
    for item in items(list) {
        match item.split_once('{') {
            None => patterns.push(pattern(item)?),
            Some((plane, names)) => {
                let Some(names) = names.strip_suffix('}') else {
                    bail!("`{item}` does not end with its brace")
                };
                for name in names.split(',') {
                    patterns.push(pattern(&format!("{plane}{}", name.trim()))?);
                }
            }
        }
    }
    Ok(patterns)
}

/// Splits at the commas that stand outside braces.
fn items(list: &str) -> Vec<&str> {
    let mut depth = 0;
    let outside = |letter: char| {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    };
    list.split(outside).map(str::trim).collect()
}

fn pattern(word: &str) -> Result<Pattern> {
    let named = |name: &str| {
        !name.is_empty()
            && name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
    };
    match word.split_once('/') {
        None if word == "everything" => Ok(Pattern::Everything),
        Some((plane, "*")) if named(plane) => Ok(Pattern::Plane(plane.to_owned())),
        Some((plane, package)) if named(plane) && named(package) => Ok(Pattern::One(Folder::new(word))),
        _ => bail!("`{word}` is not `plane/package`, `plane/*`, `plane/{{a, b}}` or `everything`"),
    }
}
