//! `ARCHITECTURE.md` as data: the map, the allowed edges, the pure packages, the one-door libraries.
//! Promises: a row that cannot be read is an error with its line, never skipped; a name that is not on the map is such
//! an error too. Leaves to `checks`: holding the rules against the tree. Touches no file; the text arrives as an argument.

mod block;
mod notation;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result, bail};

use crate::repo::Repo;
use block::Row;
pub(crate) use notation::Pattern;

/// Where the rules are written down.
pub(crate) const FILE: &str = "ARCHITECTURE.md";
/// The headings whose first `text` block is read here.
pub(crate) const MAP: &str = "The map";
pub(crate) const EDGES: &str = "Allowed edges";
pub(crate) const PURE: &str = "Pure packages";
pub(crate) const DOORS: &str = "One door";

/// The rules about the shape of the tree.
#[derive(Debug)]
pub(crate) struct Architecture {
    pub(crate) map: BTreeMap<Folder, State>,
    pub(crate) edges: Edges,
    pub(crate) purity: Purity,
    pub(crate) doors: Vec<Door>,
}

/// A folder of the map, from the root: `api/types`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Folder(String);

/// Whether a folder of the map is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It is in the tree, with real content.
    Built,
    /// It has its place, and nothing in it yet.
    Planned,
}

/// Who may depend on whom.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    /// Rows of plain form: for every kind of dependency.
    always: Vec<Edge>,
    /// Rows that begin with `tests:`: for dev-dependencies only.
    in_tests: Vec<Edge>,
    /// Rows that begin with `nothing`: closed to everyone outside, whatever another row says.
    closed: Vec<Pattern>,
}

/// `from → to`.
#[derive(Debug, PartialEq, Eq)]
struct Edge {
    from: Pattern,
    to: Pattern,
}

/// What a pure package never does.
#[derive(Debug, Default)]
pub(crate) struct Purity {
    packages: Vec<Pattern>,
    /// Crates that are nowhere below a pure package.
    pub(crate) never_see: Vec<String>,
    /// Paths of `std`, and macros (`env!`), that its source never names.
    pub(crate) never_name: Vec<String>,
    /// The crates from outside that it may depend on directly.
    pub(crate) may_use: Vec<String>,
}

/// A heavy library and the only packages that may depend on it.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) library: String,
    pub(crate) at: Vec<Pattern>,
}

impl Architecture {
    pub(crate) fn load(repo: &Repo) -> Result<Architecture> {
        Architecture::parse(&repo.read(FILE)?)
    }

    pub(crate) fn parse(markdown: &str) -> Result<Architecture> {
        let map = map(&block::under(markdown, MAP)?)?;
        Ok(Architecture {
            edges: edges(&block::under(markdown, EDGES)?, &map)?,
            purity: purity(&block::under(markdown, PURE)?, &map)?,
            doors: doors(&block::under(markdown, DOORS)?, &map)?,
            map,
        })
    }
}

impl Folder {
    pub(crate) fn new(path: &str) -> Folder {
        Folder(path.to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Edges {
    /// Whether the code of `from` may use `to`.
    pub(crate) fn allow(&self, from: &Folder, to: &Folder) -> bool {
        !self.is_closed(from, to) && self.always.iter().any(|edge| edge.covers(from, to))
    }

    /// Whether the tests of `from` may use `to` beyond what its code may.
    pub(crate) fn allow_in_tests(&self, from: &Folder, to: &Folder) -> bool {
        !self.is_closed(from, to) && self.in_tests.iter().any(|edge| edge.covers(from, to))
    }

    /// Whether `to` is closed to everyone outside, and `from` is outside.
    pub(crate) fn is_closed(&self, from: &Folder, to: &Folder) -> bool {
        self.closed
            .iter()
            .any(|closed| closed.covers(to) && !closed.covers(from))
    }
}

impl Edge {
    fn covers(&self, from: &Folder, to: &Folder) -> bool {
        self.from.covers(from) && self.to.covers(to)
    }
}

impl Purity {
    pub(crate) fn covers(&self, folder: &Folder) -> bool {
        self.packages.iter().any(|pattern| pattern.covers(folder))
    }
}

/// `folder  state  what it is`
fn map(rows: &[Row]) -> Result<BTreeMap<Folder, State>> {
    let mut map = BTreeMap::new();
    for row in rows {
        let mut words = row.text.split_whitespace();
        let (folder, state) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let state = match state {
            "built" => State::Built,
            "planned" => State::Planned,
            other => bail!(
                "{FILE}:{}: the state of {folder} is `{other}`, neither `built` nor `planned`",
                row.line
            ),
        };
        if words.next().is_none() {
            bail!("{FILE}:{}: {folder} does not say what it is", row.line);
        }
        if map.insert(Folder::new(folder), state).is_some() {
            bail!("{FILE}:{}: {folder} is on the map twice", row.line);
        }
    }
    Ok(map)
}

/// `a → b, c`, a chain `a → b → c`, `tests: a → b`, `nothing → a`
fn edges(rows: &[Row], map: &BTreeMap<Folder, State>) -> Result<Edges> {
    let mut edges = Edges::default();
    for row in rows {
        let (in_tests, text) = match row.text.strip_prefix("tests:") {
            Some(rest) => (true, rest),
            None => (false, row.text.as_str()),
        };
        let Some((first, rest)) = text.split_once('→') else {
            bail!("{FILE}:{}: `{}` has no `→`", row.line, row.text);
        };
        if first.trim() == "nothing" {
            edges.closed.extend(patterns(rest, row, map)?);
            continue;
        }
        let stages = text
            .split('→')
            .map(|stage| patterns(stage, row, map))
            .collect::<Result<Vec<_>>>()?;
        let into = if in_tests {
            &mut edges.in_tests
        } else {
            &mut edges.always
        };
        for (at, from) in stages.iter().enumerate() {
            for to in stages.iter().skip(at + 1).flatten() {
                into.extend(from.iter().map(|from| Edge {
                    from: from.clone(),
                    to: to.clone(),
                }));
            }
        }
    }
    Ok(edges)
}

/// `packages: …`, `may use: …`, `never see: …`, `never name: …`; a key may come again and adds to what it has
fn purity(rows: &[Row], map: &BTreeMap<Folder, State>) -> Result<Purity> {
    let mut purity = Purity::default();
    for row in rows {
        match row.text.split_once(':') {
            Some(("packages", list)) => purity.packages.extend(patterns(list, row, map)?),
            Some(("may use", list)) => purity.may_use.extend(words(list)),
            Some(("never see", list)) => purity.never_see.extend(words(list)),
            Some(("never name", list)) => purity.never_name.extend(words(list)),
            _ => bail!(
                "{FILE}:{}: `{}` begins with none of `packages:`, `may use:`, `never see:`, `never name:`",
                row.line,
                row.text
            ),
        }
    }
    Ok(purity)
}

/// `library → a, b`
fn doors(rows: &[Row], map: &BTreeMap<Folder, State>) -> Result<Vec<Door>> {
    let door = |row: &Row| {
        let (library, at) = row
            .text
            .split_once('→')
            .with_context(|| format!("{FILE}:{}: `{}` has no `→`", row.line, row.text))?;
        Ok(Door {
            library: library.trim().to_owned(),
            at: patterns(at, row, map)?,
        })
    };
    rows.iter().map(door).collect()
}

/// The patterns of a list; each must cover a folder of the map, so that a misspelt one is found.
fn patterns(list: &str, row: &Row, map: &BTreeMap<Folder, State>) -> Result<Vec<Pattern>> {
    let patterns = notation::patterns(list).with_context(|| format!("{FILE}:{}", row.line))?;
    for pattern in &patterns {
        if !map.keys().any(|folder| pattern.covers(folder)) {
            bail!("{FILE}:{}: `{pattern}` names no folder of the map", row.line);
        }
    }
    Ok(patterns)
}

fn words(list: &str) -> impl Iterator<Item = String> {
    list.split(',')
        .map(|word| word.trim().to_owned())
        .filter(|word| !word.is_empty())
}
