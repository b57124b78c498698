//! Sizes of memory as people write them: `256mb`.
//! Promises: a unit is a power of 1024, as in the configuration of Redis.

use std::num::NonZeroU64;

/// The bytes in a text such as `256mb`, `1gb` or `1048576`.
pub(super) fn parse(text: &str) -> Result<NonZeroU64, String> {
    let lower = text.to_ascii_lowercase();
    let digits = lower.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let shift = match lower.get(digits.len()..) {
        Some("" | "b") => 0,
        Some("kb") => 10,
        Some("mb") => 20,
        Some("gb") => 30,
        Some(_) | None => return Err(format!("{text:?} is no size: expected one such as 256mb or 1gb")),
    };
    let number = digits.parse::<NonZeroU64>();
    let number = number.map_err(|_| format!("{text:?} is no size: expected one such as 256mb or 1gb"))?;
    let unit = NonZeroU64::MIN.saturating_mul(NonZeroU64::new(1 << shift).unwrap_or(NonZeroU64::MIN));
    number
        .checked_mul(unit)
        .ok_or_else(|| format!("{text:?} is more than any machine has"))
}

/// The shortest way to write a size that [`parse`] takes.
pub(super) fn text(bytes: u64) -> String {
    let units = [(30, "gb"), (20, "mb"), (10, "kb")];
    let unit = units
        .into_iter()
        .find(|(shift, _)| bytes != 0 && bytes.is_multiple_of(1 << shift));
    unit.map_or_else(
        || bytes.to_string(),
        |(shift, unit)| format!("{}{unit}", bytes >> shift),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_1024_and_are_written_back() {
        let cases = [
            ("1", 1, "1"),
            ("100b", 100, "100"),
            ("64KB", 64 << 10, "64kb"),
            ("256mb", 256 << 20, "256mb"),
            ("1024mb", 1 << 30, "1gb"),
            ("3GB", 3 << 30, "3gb"),
        ];
        for (size, bytes, shortest) in cases {
            assert_eq!(parse(size).map(NonZeroU64::get), Ok(bytes), "{size}");
            assert_eq!(text(bytes), shortest);
        }
    }

    #[test]
    fn other_text_is_refused() {
        for size in [
            "",
            "mb",
            "0",
            "0mb",
            "-1",
            "1.5gb",
            "1 mb",
            "1m",
            "1tb",
            "mb1",
            "17179869184gb",
            "1é",
        ] {
            assert!(parse(size).is_err(), "{size}");
        }
    }
}
