//! Numbers with fractions, as INCRBYFLOAT adds them.
//! Promises: sums and their digits are those of Redis on x86-64, which adds in the `long double` there: a mantissa of 64
//! bits, each step rounded to the nearest, ties to even. In `f64` a tenth and two tenths would make
//! 0.30000000000000004. Nothing here depends on the processor, as `long double` does.
//! Differs from Redis: hexadecimal numbers are not read, and the largest of those that round to zero are not refused.

use super::big::Big;

/// Bytes of the longest text that is read.
const TEXT_BYTES_MAX: usize = 5 << 10;
/// Digits behind the point; more are rounded away.
const FRACTION_DIGITS: usize = 17;
/// One, in units of the last of them.
const FRACTION_ONE: u128 = 100_000_000_000_000_000;
/// `mantissa << exponent` is infinite above this exponent.
const EXPONENT_MAX: i32 = 16_383 - 63;
/// What has more digits before the point than this is infinite.
const POWER_OF_TEN_MAX: i64 = 4_933;
/// What is below 10 to this power is zero to a `long double`, though it was not written as such: Redis refuses it.
const POWER_OF_TEN_MIN: i64 = -4_950;
/// What is below 10 to this power changes no digit of a sum, and is read as zero.
const POWER_OF_TEN_SEEN: i64 = -60;

/// A number with a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Float {
    /// `mantissa` times two to the `exponent`. The highest bit of the mantissa is set, or the number is zero.
    Finite {
        negative: bool,
        mantissa: u64,
        exponent: i32,
    },
    /// May be written, but no sum of it can.
    Infinite,
}

impl Float {
    /// Reads decimal digits, with a point and an exponent or without, or `inf`. Nothing may stand around it.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        if text.len() >= TEXT_BYTES_MAX {
            return None;
        }
        let (negative, text) = match text {
            [b'-', text @ ..] => (true, text),
            [b'+', text @ ..] => (false, text),
            text => (false, text),
        };
        if text.eq_ignore_ascii_case(b"inf") || text.eq_ignore_ascii_case(b"infinity") {
            return Some(Self::Infinite);
        }
        let decimal = Decimal::parse(text)?;
        let (mantissa, exponent) = decimal.in_binary()?;
        Self::finite(negative, mantissa, exponent)
    }

    /// The sum, unless it is infinite.
    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        let (a, b) = (self.parts()?, other.parts()?);
        let (large, small) = if b.1 == 0 || (a.1 != 0 && a.2 >= b.2) {
            (a, b)
        } else {
            (b, a)
        };
        // Both have one bit of room above and 63 below; what is lost still further below only tells which way to round.
        let (large_bits, small_bits) = (u128::from(large.1) << 63, u128::from(small.1) << 63);
        let distance = if small.1 == 0 { 0 } else { large.2.abs_diff(small.2) };
        let kept = small_bits.checked_shr(distance).unwrap_or(0);
        let lost = kept.checked_shl(distance).unwrap_or(0) != small_bits;
        let small_bits = kept | u128::from(lost);
        let (negative, sum) = if large.0 == small.0 {
            (large.0, large_bits + small_bits)
        } else if large_bits >= small_bits {
            (large.0, large_bits - small_bits)
        } else {
            (small.0, small_bits - large_bits)
        };
        let (mantissa, exponent) = rounded(sum, large.2 - 63);
        Self::finite(negative, mantissa, exponent)
    }

    /// Decimal digits without an exponent, and without zeros at the end of a fraction.
    pub(crate) fn to_text(self) -> Vec<u8> {
        let Self::Finite {
            negative,
            mantissa,
            exponent,
        } = self
        else {
            return b"inf".to_vec();
        };
        let (whole, fraction) = match u32::try_from(exponent) {
            Ok(exponent) => (Big::from(mantissa).shifted(exponent).into_decimal(), 0),
            Err(_) => {
                let (whole, fraction) = split_at_point(mantissa, exponent.unsigned_abs());
                (whole.to_string(), fraction)
            }
        };
        let digits = format!("{whole}.{fraction:0FRACTION_DIGITS$}");
        let digits = digits.trim_end_matches('0').trim_end_matches('.');
        let sign = if negative && digits != "0" { "-" } else { "" };
        format!("{sign}{digits}").into_bytes()
    }

    fn finite(negative: bool, mantissa: u64, exponent: i32) -> Option<Self> {
        (exponent <= EXPONENT_MAX).then_some(Self::Finite {
            negative,
            mantissa,
            exponent,
        })
    }

    fn parts(self) -> Option<(bool, u64, i32)> {
        match self {
            Self::Finite {
                negative,
                mantissa,
                exponent,
            } => Some((negative, mantissa, exponent)),
            Self::Infinite => None,
        }
    }
}

/// The 64 highest bits of a number, rounded, and the exponent that goes with them.
fn rounded(bits: u128, exponent: i32) -> (u64, i32) {
    if bits == 0 {
        return (0, 0);
    }
    let shift = bits.leading_zeros();
    let normal = bits << shift;
    let rest = normal & u128::from(u64::MAX);
    let exponent = exponent - shift.cast_signed() + 64;
    round_up_if(upper_half(normal), exponent, rest.cmp(&(1 << 63)))
}

/// A mantissa whose rest compares so with half of its last bit.
fn round_up_if(mantissa: u64, exponent: i32, rest_to_half: std::cmp::Ordering) -> (u64, i32) {
    let up = rest_to_half.is_gt() || (rest_to_half.is_eq() && mantissa % 2 == 1);
    match mantissa.checked_add(u64::from(up)) {
        Some(mantissa) => (mantissa, exponent),
        None => (1 << 63, exponent + 1),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "64 bits are left")]
fn upper_half(bits: u128) -> u64 {
    (bits >> 64) as u64
}

/// What stands before the point and the [`FRACTION_DIGITS`] behind it, of `mantissa >> shift`. The shift is not zero.
fn split_at_point(mantissa: u64, shift: u32) -> (u64, u128) {
    let whole = mantissa.checked_shr(shift).unwrap_or(0);
    let fraction = mantissa - whole.checked_shl(shift).unwrap_or(0);
    let scaled = u128::from(fraction) * FRACTION_ONE;
    let digits = scaled.checked_shr(shift).unwrap_or(0);
    // Scaled, it has 121 bits at most: where nothing can be shifted by so much, it is less than a half.
    let rest = scaled - digits.checked_shl(shift).unwrap_or(0);
    let half = 1_u128.checked_shl(shift - 1).unwrap_or(u128::MAX);
    let digits = digits + u128::from(rest > half || (rest == half && digits % 2 == 1));
    (whole + u64::from(digits == FRACTION_ONE), digits % FRACTION_ONE)
}

/// `digits` times ten to the `exponent`.
struct Decimal {
    /// Without zeros in front.
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    fn parse(text: &[u8]) -> Option<Self> {
        let (number, exponent) = match text.iter().position(|byte| byte.eq_ignore_ascii_case(&b'e')) {
            Some(at) => (&text[..at], parse_exponent(&text[at + 1..])?),
            None => (text, 0),
        };
        let (whole, fraction) = match number.iter().position(|byte| *byte == b'.') {
            Some(at) => (&number[..at], &number[at + 1..]),
            None => (number, &number[..0]),
        };
        let all = || whole.iter().chain(fraction);
        if all().next().is_none() || !all().all(u8::is_ascii_digit) {
            return None;
        }
        Some(Self {
            digits: all().copied().skip_while(|digit| *digit == b'0').collect(),
            exponent: exponent.saturating_sub(fraction.len() as i64),
        })
    }

    /// The nearest mantissa and its exponent. `None`: it is past the range.
    fn in_binary(&self) -> Option<(u64, i32)> {
        let power = self.exponent.saturating_add(self.digits.len() as i64);
        if self.digits.is_empty() {
            return Some((0, 0));
        }
        if !(POWER_OF_TEN_MIN..=POWER_OF_TEN_MAX).contains(&power) {
            return None;
        }
        if power < POWER_OF_TEN_SEEN {
            return Some((0, 0));
        }
        let mut number = Big::from_decimal(&self.digits);
        let mut divisor = Big::from(1);
        let tens = u32::try_from(self.exponent.unsigned_abs()).ok()?;
        if self.exponent < 0 {
            divisor.multiply_by_ten(tens);
        } else {
            number.multiply_by_ten(tens);
        }
        Some(divide(number, divisor))
    }
}

fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |sum: i64, digit: &u8| sum.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
    let exponent = digits.iter().fold(0, add);
    Some(if negative { -exponent } else { exponent })
}

/// The nearest mantissa of a quotient, and its exponent. Neither number is zero.
fn divide(mut number: Big, mut divisor: Big) -> (u64, i32) {
    let (bits, divisor_bits) = (number.bits(), divisor.bits());
    number = number.shifted(divisor_bits.saturating_sub(bits));
    divisor = divisor.shifted(bits.saturating_sub(divisor_bits));
    // Between these two stand as many bits as the quotient is away from 1 to 2.
    let mut exponent = bits.cast_signed() - divisor_bits.cast_signed();
    if number < divisor {
        number = number.shifted(1);
        exponent -= 1;
    }
    let mut mantissa = 0;
    for _ in 0..64 {
        mantissa <<= 1;
        if number >= divisor {
            number.subtract(&divisor);
            mantissa |= 1;
        }
        number = number.shifted(1);
    }
    // The rest was doubled, so its half is the divisor.
    round_up_if(mantissa, exponent - 63, number.cmp(&divisor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(a: &str, b: &str) -> Option<String> {
        let sum = Float::parse(a.as_bytes())?.plus(Float::parse(b.as_bytes())?)?;
        Some(String::from_utf8(sum.to_text()).unwrap())
    }

    /// INCRBYFLOAT of redis 7.0.15 on x86-64 says the same.
    #[test]
    fn sums_are_those_of_redis() {
        let cases = [
            ("10.5", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("3.0e3", "1", "3001"),
            ("0.1", "0.2", "0.3"),
            ("1", "-1.1", "-0.1"),
            ("-0.1", "1000", "999.90000000000000002"),
            ("5000.1", "0.1", "5000.20000000000000018"),
            ("17179869184", "1.5", "17179869185.5"),
            ("1e30", "1", "1000000000000000000024696061952"),
            ("1e-20", "0", "0"),
            ("-1e-20", "0", "0"),
            ("-0", "0", "0"),
            (".5", "5.", "5.5"),
            ("+1", "1E+2", "101"),
            // Halves go to the even neighbour, of the last bit and of the last digit.
            ("18446744073709551617", "0", "18446744073709551616"),
            ("18446744073709551619", "0", "18446744073709551620"),
            ("0.000003814697265625", "0", "0.00000381469726562"),
            ("0.000011444091796875", "0", "0.00001144409179688"),
            // More than half by a bit that has no room beside the larger number.
            (
                "18446744073709551616",
                "1.00000000000000000010842021724855044",
                "18446744073709551618",
            ),
        ];
        for (a, b, expected) in cases {
            assert_eq!(sum(a, b).as_deref(), Some(expected), "{a} + {b}");
            assert_eq!(sum(b, a).as_deref(), Some(expected), "{b} + {a}");
        }
    }

    #[test]
    fn what_is_no_number_is_not_read() {
        let texts = [
            "", " 1", "1 ", "nan", "abc", ".", "-", "1e", "1e+", "e5", "1_000", "1.2.3", "0x", "1e5000", "1e-5000",
            "--1", "infin",
        ];
        for text in texts {
            assert_eq!(Float::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Float::parse(&[b'1'; TEXT_BYTES_MAX]), None);
    }

    #[test]
    fn a_sum_with_an_infinite_number_is_none() {
        for text in ["inf", "-inf", "Infinity", "+INF"] {
            assert_eq!(Float::parse(text.as_bytes()), Some(Float::Infinite), "{text}");
            assert_eq!(sum(text, "1"), None, "{text}");
        }
        assert_eq!(sum("1.1e4932", "1.1e4932"), None);
        assert!(sum("1.1e4932", "-1.1e4932").is_some());
    }
}
