//! Numbers with a fraction as Redis 7.0 writes them: as C's `printf` does by `%.17g`.
//! The engine has the same of its own, for scores that it writes into strings: neither of the two may use the other.

/// Significant digits.
const DIGITS: i32 = 17;

/// The text.
pub(crate) fn text(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{:.*e}", DIGITS.unsigned_abs() as usize - 1, number);
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

/// A point behind so many digits, if there are more.
fn with_point(digits: &str, whole: usize) -> String {
    match digits.split_at_checked(whole) {
        Some((whole, fraction)) if !fraction.is_empty() => format!("{whole}.{fraction}"),
        _ => digits.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ZSCORE` of redis 7.0.15 says the same.
    #[test]
    fn numbers_have_up_to_17_digits_and_an_exponent_where_they_are_very_large_or_small() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (120.0, "120"),
            (0.1, "0.10000000000000001"),
            (-3.3, "-3.2999999999999998"),
            (0.0001, "0.0001"),
            (0.00001, "1.0000000000000001e-05"),
            (12_345_678_901_234_568.0, "12345678901234568"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (1e100, "1e+100"),
            (-123_456_789_012_345_680_000.0, "-1.2345678901234568e+20"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "4.9406564584124654e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ];
        for (number, expected) in cases {
            assert_eq!(text(number), expected);
        }
    }
}
