//! Scores of sorted sets: numbers of 64 bits with a fraction, infinite ones included, and no NaN.
//! Promises: texts are read and written as Redis 7.0 does, with 17 significant digits. What is stored is read back bit by
//! bit. Differs from Redis: hexadecimal numbers are not read.
//!
//! ```text
//!   stored = one byte: 9 and above are whole numbers from 0 on; below, so many high bytes of the bits follow, and the
//!            others are zero
//! ```

use std::cmp::Ordering;

/// Significant digits of a text.
const DIGITS: i32 = 17;
/// The first of the bytes that stand for a whole number; those before it are numbers of bytes.
const WHOLE: u8 = 9;
/// The largest whole number that Redis keeps as one in a small sorted set.
const WHOLE_MAX: f64 = 4_611_686_018_427_387_904.0;

/// A score, or the weight that scores are multiplied by. As in Redis, zero is equal to what it is with a minus.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score(f64);

impl Eq for Score {}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        // Only NaN has no order, and it is no score.
        self.0.partial_cmp(&other.0).unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Score {
    /// What is no number on either side of zero.
    pub const ZERO: Self = Self(0.0);
    /// A weight that changes nothing.
    pub const ONE: Self = Self(1.0);

    /// `None`: it is NaN.
    pub fn new(number: f64) -> Option<Self> {
        (!number.is_nan()).then_some(Self(number))
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// The sum. `None`: it is infinity less infinity.
    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        Self::new(self.0 + other.0)
    }

    /// The product; zero times infinity is zero.
    pub(crate) fn times(self, weight: Self) -> Self {
        Self::new(self.0 * weight.0).unwrap_or(Self::ZERO)
    }

    /// Zero without its sign, anything else as it is.
    pub(crate) fn without_sign_of_zero(self) -> Self {
        Self(self.0 + 0.0)
    }

    /// Reads all of an argument: decimal digits with a point and an exponent or without, or `inf`. What is too large for
    /// a number that is finite, or too small for one that is not zero, is refused.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
        let is_exact_zero = || {
            let mut digits = text.iter().take_while(|byte| !byte.eq_ignore_ascii_case(&b'e'));
            !digits.any(|byte| matches!(byte, b'1'..=b'9'))
        };
        let is_written_infinite = || !text.iter().any(u8::is_ascii_digit);
        let in_range = match number {
            0.0 => is_exact_zero(),
            number if number.is_infinite() => is_written_infinite(),
            _ => true,
        };
        Self::new(number).filter(|_| in_range)
    }

    /// As C's `printf` writes it by `%.17g`.
    pub(crate) fn to_text(self) -> String {
        if self.0.is_infinite() {
            return if self.0 > 0.0 { "inf" } else { "-inf" }.to_owned();
        }
        let scientific = format!("{:.*e}", DIGITS.unsigned_abs() as usize - 1, self.0);
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let sign = if mantissa.starts_with('-') { "-" } else { "" };
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        let digits = digits.trim_end_matches('0');
        let places = exponent.unsigned_abs() as usize;
        match exponent {
            -4..0 => format!("{sign}0.{}{digits}", "0".repeat(places - 1)),
            0..DIGITS => {
                let padded = format!("{digits:0<width$}", width = places + 1);
                format!("{sign}{}", with_point(&padded, places + 1))
            }
            _ => {
                let exponent_sign = if exponent < 0 { '-' } else { '+' };
                format!("{sign}{}e{exponent_sign}{places:02}", with_point(digits, 1))
            }
        }
    }

    /// As Redis writes it into a small sorted set, where ZSCAN shows it: a whole number has all its digits.
    pub(crate) fn to_packed_text(self) -> String {
        if self.0.abs() <= WHOLE_MAX && self.0.fract() == 0.0 {
            return format!("{:.0}", self.without_sign_of_zero().0);
        }
        self.to_text()
    }

    /// Adds it as it is stored.
    pub(crate) fn put(self, out: &mut Vec<u8>) {
        let bits = self.0.to_bits();
        // The cast cuts what is no small whole number to one; its bits then differ.
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "what does not fit differs below"
        )]
        let whole = self.0 as u8;
        if whole <= u8::MAX - WHOLE && f64::from(whole).to_bits() == bits {
            out.push(WHOLE + whole);
            return;
        }
        let bytes = bits.to_be_bytes();
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        out.push(used.to_le_bytes()[0]);
        out.extend_from_slice(&bytes[..used]);
    }

    /// Bytes of a stored score that begins with this one.
    pub(crate) fn stored_bytes(first: u8) -> usize {
        if first < WHOLE { 1 + usize::from(first) } else { 1 }
    }

    /// Reads a stored score that is all of these bytes. `None`: they are none, or NaN.
    pub(crate) fn read(stored: &[u8]) -> Option<Self> {
        let (first, behind) = stored.split_first()?;
        if let Some(whole) = first.checked_sub(WHOLE) {
            return behind.is_empty().then_some(Self(f64::from(whole)));
        }
        let mut bytes = [0; 8];
        bytes.get_mut(..behind.len())?.copy_from_slice(behind);
        Self::new(f64::from_bits(u64::from_be_bytes(bytes))).filter(|_| behind.len() == usize::from(*first))
    }
}

/// A point behind so many digits, if there are more.
fn with_point(digits: &str, whole: usize) -> String {
    match digits.split_at_checked(whole) {
        Some((whole, fraction)) if !fraction.is_empty() => format!("{whole}.{fraction}"),
        _ => digits.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    /// `ZADD` and `ZSCORE` of redis 7.0.15 say the same.
    #[test]
    fn texts_are_read_and_written_as_redis_does() {
        let cases = [
            ("0", Some("0")),
            ("-0", Some("-0")),
            ("+1", Some("1")),
            ("1.", Some("1")),
            (".5", Some("0.5")),
            ("0.1", Some("0.10000000000000001")),
            ("-3.14", Some("-3.1400000000000001")),
            ("0.0001", Some("0.0001")),
            ("0.00001", Some("1.0000000000000001e-05")),
            ("12345678901234567", Some("12345678901234568")),
            ("1e16", Some("10000000000000000")),
            ("1e17", Some("1e+17")),
            ("1E100", Some("1e+100")),
            ("123456789012345678901", Some("1.2345678901234568e+20")),
            ("1.7976931348623157e308", Some("1.7976931348623157e+308")),
            ("4.9e-324", Some("4.9406564584124654e-324")),
            ("Inf", Some("inf")),
            ("-infinity", Some("-inf")),
            ("1e309", None),
            ("1e-400", None),
            ("0e-400", Some("0")),
            ("nan", None),
            ("", None),
            (" 1", None),
            ("1 ", None),
            (".", None),
            ("1e", None),
            ("abc", None),
        ];
        for (text, written) in cases {
            let score = Score::parse(text.as_bytes());
            assert_eq!(score.map(Score::to_text).as_deref(), written, "{text:?}");
        }
    }

    #[test]
    fn a_stored_score_is_read_back_bit_by_bit_and_is_small_where_it_can_be() {
        let cases = [
            (0.0, 1),
            (1.0, 1),
            (246.0, 1),
            (247.0, 4),
            (-0.0, 2),
            (-1.0, 3),
            (0.5, 3),
            (0.1, 9),
            (f64::INFINITY, 3),
            (f64::NEG_INFINITY, 3),
            (f64::MAX, 9),
            (5e-324, 9),
        ];
        for (number, bytes) in cases {
            let mut stored = Vec::new();
            Score(number).put(&mut stored);
            assert_eq!(stored.len(), bytes, "{number}");
            assert_eq!(Score::stored_bytes(stored[0]), bytes, "{number}");
            assert_eq!(Score::read(&stored).unwrap().get().to_bits(), number.to_bits());
        }
        assert_eq!(Score::read(&[2, 0x7f, 0xf8]), None, "NaN");
        assert_eq!(Score::read(&[2, 0x7f]), None, "cut");
        assert_eq!(Score::read(&[]), None);
    }
}
