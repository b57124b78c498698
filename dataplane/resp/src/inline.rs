//! A request as a line of words, as a person types it.
//! Promises: the words that Redis makes of such a line: blanks between them, double quotes with escapes, single quotes
//! with one.

use std::ops::Range;

/// Splits a line. The words go behind each other into `out`, their places into `parts`. `None`: quotes that do not close,
/// or not at the end of a word.
pub(crate) fn words(line: &[u8], out: &mut Vec<u8>, parts: &mut Vec<Range<usize>>) -> Option<()> {
    let mut rest = line;
    loop {
        while let [first, behind @ ..] = rest
            && is_blank(*first)
        {
            rest = behind;
        }
        if rest.is_empty() {
            return Some(());
        }
        let start = out.len();
        rest = word(rest, out)?;
        parts.push(start..out.len());
    }
}

/// Reads one word; what follows it.
fn word<'l>(mut rest: &'l [u8], out: &mut Vec<u8>) -> Option<&'l [u8]> {
    loop {
        match rest {
            [] => return Some(rest),
            [first, ..] if is_blank(*first) => return Some(rest),
            [b'"', behind @ ..] => return closed(double_quoted(behind, out)?),
            [b'\'', behind @ ..] => return closed(single_quoted(behind, out)?),
            [byte, behind @ ..] => {
                out.push(*byte);
                rest = behind;
            }
        }
    }
}

/// A closing quote ends the word.
fn closed(rest: &[u8]) -> Option<&[u8]> {
    rest.first().is_none_or(|byte| is_blank(*byte)).then_some(rest)
}

fn double_quoted<'l>(mut rest: &'l [u8], out: &mut Vec<u8>) -> Option<&'l [u8]> {
    loop {
        match rest {
            [] => return None,
            [b'"', behind @ ..] => return Some(behind),
            [b'\\', b'x', high, low, behind @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(digit(*high) << 4 | digit(*low));
                rest = behind;
            }
            [b'\\', byte, behind @ ..] => {
                out.push(match byte {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                rest = behind;
            }
            [byte, behind @ ..] => {
                out.push(*byte);
                rest = behind;
            }
        }
    }
}

fn single_quoted<'l>(mut rest: &'l [u8], out: &mut Vec<u8>) -> Option<&'l [u8]> {
    loop {
        match rest {
            [] => return None,
            [b'\\', b'\'', behind @ ..] => {
                out.push(b'\'');
                rest = behind;
            }
            [b'\'', behind @ ..] => return Some(behind),
            [byte, behind @ ..] => {
                out.push(*byte);
                rest = behind;
            }
        }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c | 0)
}

fn digit(hex: u8) -> u8 {
    match hex {
        b'0'..=b'9' => hex - b'0',
        b'a'..=b'f' => hex - b'a' + 10,
        other => other.wrapping_sub(b'A').wrapping_add(10),
    }
}
