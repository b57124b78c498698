//! Reading TOML that people write.
//! Promises: a key or a value that is not known is an error, which names the line and the nearest one that is known.
//! Leaves to each file's own type: which keys there are.

use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow};
use serde::de::DeserializeOwned;

use crate::failure::{Failure, OrHint};

/// Reads a file. `where_to_look` ends the hint of an error that says nothing better.
pub(crate) fn read<T: DeserializeOwned>(path: &Path, where_to_look: &str) -> Result<T, Failure> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("could not read {}", path.display()))
        .or_hint(where_to_look)?;
    parse(&text, path, where_to_look)
}

/// Reads a text; `path` is where it came from.
pub(crate) fn parse<T: DeserializeOwned>(text: &str, path: &Path, where_to_look: &str) -> Result<T, Failure> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| line_of(text, span.start));
        let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
        let hint = hint(error.message()).unwrap_or_else(|| where_to_look.to_owned());
        Failure::new(anyhow!("{}{line}: {}", path.display(), error.message()), hint)
    })
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// What to try after one of serde's messages. They name, between backquotes, what was found and then what is known:
/// "unknown field `lisen`, expected one of `node`, `listen`". serde tells it in no other way.
fn hint(message: &str) -> Option<String> {
    let mut names = message.split('`').skip(1).step_by(2);
    if message.starts_with("unknown field") || message.starts_with("unknown variant") {
        let found = names.next()?;
        let known: Vec<&str> = names.collect();
        return Some(match nearest(found, &known) {
            Some(nearest) => format!("did you mean {nearest}?"),
            None => format!("known here: {}", known.join(", ")),
        });
    }
    if message.starts_with("missing field") {
        return Some(format!("add {}", names.next()?));
    }
    None
}

/// The word that was probably meant: one that was cut short, or else the one with the fewest slips, if they are few.
fn nearest<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    let found = &found.to_lowercase();
    let cut_short = known
        .iter()
        .find(|word| found.len() > 1 && word.starts_with(found.as_str()));
    let fewest = known.iter().min_by_key(|word| distance(found, word));
    let few = fewest.filter(|word| distance(found, word) <= found.len().max(word.len()) / 2);
    cut_short.or(few).copied()
}

/// How many letters must be put in, taken out or exchanged to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.chars().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (left, other) in other.iter().enumerate() {
            let exchanged = diagonal + usize::from(letter != *other);
            diagonal = row[left + 1];
            row[left + 1] = exchanged.min(diagonal + 1).min(row[left] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only the names matter")]
    struct Sample {
        listen: String,
        data_dir: Option<String>,
        profile: Option<Profile>,
        tls: Option<Tls>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only the names matter")]
    struct Tls {
        key: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Profile {
        Fast,
        Conservative,
    }

    #[test]
    fn an_error_names_the_line_and_what_to_try() {
        let cases = [
            (
                "listen = 'a'\ndatadir = 'b'",
                "line 2: unknown field `datadir`",
                "did you mean data_dir?",
            ),
            ("lisen = 'a'", "line 1: unknown field `lisen`", "did you mean listen?"),
            (
                "listen = 'a'\nx = 1",
                "line 2: unknown field `x`",
                "known here: listen, data_dir, profile, tls",
            ),
            (
                "listen = 'a'\n\n[tls]\nkeys = 'b'",
                "line 4: unknown field `keys`",
                "did you mean key?",
            ),
            (
                "listen = 'a'\nprofile = 'quick'",
                "line 2: unknown variant `quick`",
                "known here: fast, conservative",
            ),
            (
                "listen = 'a'\nprofile = 'fasst'",
                "line 2: unknown variant `fasst`",
                "did you mean fast?",
            ),
            ("data_dir = 'b'", "missing field `listen`", "add listen"),
            ("listen = 1", "line 1: invalid type", "look here"),
            ("listen =", "line 1: ", "look here"),
        ];
        for (text, problem, hint) in cases {
            let failure = parse::<Sample>(text, Path::new("a.toml"), "look here").unwrap_err();
            let said = failure.to_string();
            assert!(said.starts_with("error: a.toml") && said.contains(problem), "{said}");
            assert!(said.ends_with(&format!("\nhint: {hint}\n")), "{said}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let said = read::<Sample>(Path::new("/no/such.toml"), "write it first")
            .unwrap_err()
            .to_string();
        assert!(said.starts_with("error: could not read /no/such.toml: "), "{said}");
        assert!(said.ends_with("\nhint: write it first\n"), "{said}");
    }

    #[test]
    fn distance_counts_letters() {
        let cases = [
            ("", "", 0),
            ("", "abc", 3),
            ("listen", "lisen", 1),
            ("key", "kye", 2),
            ("tls", "dir", 3),
        ];
        for (one, other, letters) in cases {
            assert_eq!(distance(one, other), letters, "{one} {other}");
            assert_eq!(distance(other, one), letters, "{other} {one}");
        }
    }
}
