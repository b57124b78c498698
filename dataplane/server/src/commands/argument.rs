//! Arguments: numbers as Redis reads them, words that are repeated in an error, names of which there may be some.

use tenure_engine::{Args, CommandError};

use super::SessionError;

/// Names that one request asks for: of commands, settings, sections. Each is answered at length, and the same one may be
/// asked for again and again, so a request of a million would keep a worker, and its other tenants, for a minute.
const NAMES_MAX: usize = 1024;

/// These arguments, if they are not too many.
pub(super) fn names(args: Args<'_>) -> Result<Args<'_>, SessionError> {
    if args.len() > NAMES_MAX {
        return Err(SessionError::TooManyNames { names_max: NAMES_MAX });
    }
    Ok(args)
}

/// A whole number of 64 bits in its canonical spelling: no plus, no leading zero.
pub(super) fn integer(text: &[u8]) -> Result<i64, CommandError> {
    let text = std::str::from_utf8(text).map_err(|_| CommandError::NotAnInteger)?;
    let number: i64 = text.parse().map_err(|_| CommandError::NotAnInteger)?;
    if number.to_string() == text {
        Ok(number)
    } else {
        Err(CommandError::NotAnInteger)
    }
}

/// A word as an error repeats it: not longer than Redis would.
pub(super) fn shown(word: &[u8]) -> String {
    const BYTES_MAX: usize = 128;
    String::from_utf8_lossy(word.get(..BYTES_MAX).unwrap_or(word)).into_owned()
}

/// Whether a word is one of a syntax, in any case.
pub(super) fn is(word: &[u8], expected: &str) -> bool {
    word.eq_ignore_ascii_case(expected.as_bytes())
}

/// `yes` or `no`, `on` or `off`: whether it is the first.
pub(super) fn one_of(word: &[u8], yes: &str, no: &str) -> Result<bool, CommandError> {
    if is(word, yes) {
        Ok(true)
    } else if is(word, no) {
        Ok(false)
    } else {
        Err(CommandError::Syntax)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_request_asks_for_a_million_names() {
        let mut server = crate::commands::harness::Server::new();
        for command in ["COMMAND INFO", "COMMAND DOCS", "CONFIG GET", "INFO"] {
            let reply = server.run(&format!("{command}{}", " client".repeat(NAMES_MAX)));
            assert!(!reply.starts_with("(error)"), "{command}: {reply}");
            let line = format!("{command}{}", " client".repeat(NAMES_MAX + 1));
            let error = "(error) ERR a request may ask for 1024 names at once";
            assert_eq!(server.run(&line), error, "{command}");
        }
    }

    #[test]
    fn only_canonical_integers_are_read() {
        let cases: [(&[u8], Option<i64>); 9] = [
            (b"0", Some(0)),
            (b"-1", Some(-1)),
            (b"9223372036854775807", Some(i64::MAX)),
            (b"9223372036854775808", None),
            (b"+1", None),
            (b"01", None),
            (b"-0", None),
            (b"", None),
            (b"\xff", None),
        ];
        for (text, number) in cases {
            assert_eq!(integer(text).ok(), number, "{}", String::from_utf8_lossy(text));
        }
    }
}
