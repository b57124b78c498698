//! The words of a line: separated by blanks, or in double quotes with escapes.
//! Promises: a line that could be read in two ways is an error.

use anyhow::{Result, bail, ensure};

/// The words of a line. Within quotes: `\n`, `\r`, `\t`, `\\`, `\"` and `\xNN`.
pub(crate) fn words(line: &str) -> Result<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line.as_bytes();
    loop {
        rest = rest.trim_ascii_start();
        match rest {
            [] => return Ok(words),
            [b'"', inner @ ..] => {
                let (word, behind) = quoted(inner)?;
                ensure!(
                    behind.first().is_none_or(u8::is_ascii_whitespace),
                    "a quoted word ends before a blank"
                );
                words.push(word);
                rest = behind;
            }
            bare => {
                let length = bare.iter().position(u8::is_ascii_whitespace).unwrap_or(bare.len());
                let (word, behind) = bare.split_at(length);
                ensure!(!word.contains(&b'"'), "a quote within a word: quote all of it");
                words.push(word.to_vec());
                rest = behind;
            }
        }
    }
}

/// A word whose opening quote was read, and what follows its closing one.
fn quoted(mut rest: &[u8]) -> Result<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    loop {
        let (byte, behind) = match rest {
            [b'"', behind @ ..] => return Ok((word, behind)),
            [b'\\', b'n', behind @ ..] => (b'\n', behind),
            [b'\\', b'r', behind @ ..] => (b'\r', behind),
            [b'\\', b't', behind @ ..] => (b'\t', behind),
            [b'\\', same @ (b'\\' | b'"'), behind @ ..] => (*same, behind),
            [b'\\', b'x', high, low, behind @ ..] => (hex(*high, *low)?, behind),
            [b'\\', ..] => bail!("a backslash before what is no escape"),
            [byte, behind @ ..] => (*byte, behind),
            [] => bail!("a quote that is never closed"),
        };
        word.push(byte);
        rest = behind;
    }
}

fn hex(high: u8, low: u8) -> Result<u8> {
    let digits = [high, low];
    Ok(u8::from_str_radix(std::str::from_utf8(&digits)?, 16)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_separate_and_quotes_hold_together() {
        let read = words(r#"SET  "a b" "\x00\xfF\r\n\t\\\"" "" x\y"#).unwrap();
        let expected: [&[u8]; 5] = [b"SET", b"a b", b"\x00\xff\r\n\t\\\"", b"", b"x\\y"];
        assert_eq!(read, expected);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for line in [
            r#"a"b"#,
            r#""a"#,
            r#""a"b"#,
            r#""\q""#,
            r#""\x0""#,
            r#""\xzz""#,
            r#""\"#,
        ] {
            assert!(words(line).is_err(), "{line}");
        }
    }
}
