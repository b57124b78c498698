//! Numbers as Redis reads and writes them.
//! Promises: an integer is read only in its canonical spelling, as Redis does: no sign but a minus, no leading zero.

mod big;
mod float;

use crate::CommandError;

pub(crate) use float::Float;

/// A whole number of 64 bits in its canonical spelling.
pub(crate) fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 19 || (digits[0] == b'0' && text.len() > 1) {
        return None;
    }
    let mut value: i128 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i128::from(digit - b'0');
    }
    i64::try_from(if negative { -value } else { value }).ok()
}

/// An argument that must be a whole number.
pub(crate) fn integer(text: &[u8]) -> Result<i64, CommandError> {
    parse_i64(text).ok_or(CommandError::NotAnInteger)
}

/// The decimal digits of a number.
pub(crate) fn write_i64(number: i64) -> Vec<u8> {
    number.to_string().into_bytes()
}

/// An argument or a value that must be a number, with a fraction or without.
pub(crate) fn float(text: &[u8]) -> Result<Float, CommandError> {
    Float::parse(text).ok_or(CommandError::NotAFloat)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_integers_are_read() {
        let cases: [(&[u8], Option<i64>); 14] = [
            (b"0", Some(0)),
            (b"-1", Some(-1)),
            (b"9223372036854775807", Some(i64::MAX)),
            (b"-9223372036854775808", Some(i64::MIN)),
            (b"9223372036854775808", None),
            (b"-9223372036854775809", None),
            (b"99999999999999999999", None),
            (b"", None),
            (b"-", None),
            (b"-0", None),
            (b"01", None),
            (b"+1", None),
            (b" 1", None),
            (b"1.0", None),
        ];
        for (text, number) in cases {
            assert_eq!(parse_i64(text), number, "{}", String::from_utf8_lossy(text));
        }
    }
}
