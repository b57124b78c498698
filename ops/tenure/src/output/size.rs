//! Sizes of memory: `256MiB`.
//! Promises: a unit is a power of 1024, whether it is written `MiB`, `mb` or `M`; what is written here reads back as it was
//! when it is a whole number of a unit.

const UNITS: [(u32, &str); 5] = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB"), (0, "B")];

/// The bytes in a text such as `256MiB`, `1gb` or `1048576`.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    let digits = lower.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let shift = match lower.get(digits.len()..) {
        Some("" | "b") => Some(0),
        Some("k" | "kb" | "kib") => Some(10),
        Some("m" | "mb" | "mib") => Some(20),
        Some("g" | "gb" | "gib") => Some(30),
        Some("t" | "tb" | "tib") => Some(40),
        Some(_) | None => None,
    };
    let unknown = || format!("{text:?} is no size: expected one such as 256MiB or 1GiB");
    let number: u64 = digits.parse().map_err(|_| unknown())?;
    let unit = 1_u64 << shift.ok_or_else(unknown)?;
    let bytes = number.checked_mul(unit);
    bytes.filter(|bytes| *bytes > 0).ok_or_else(unknown)
}

/// With one decimal in the largest unit of which there is one: `1.5GiB`. The decimal is left out when it is 0.
pub(crate) fn text(bytes: u64) -> String {
    let unit = UNITS.into_iter().find(|(shift, _)| bytes >> shift > 0);
    let (shift, unit) = unit.unwrap_or((0, "B"));
    let whole = bytes >> shift;
    let rest = bytes - (whole << shift);
    // Below 10: the rest is less than the unit. In 128 bit nothing overflows.
    let tenth = (u128::from(rest) * 10) >> shift;
    if tenth == 0 {
        format!("{whole}{unit}")
    } else {
        format!("{whole}.{tenth}{unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_1024() {
        for (written, bytes, shown) in [
            ("1", 1, "1B"),
            ("100b", 100, "100B"),
            ("64KB", 64 << 10, "64KiB"),
            ("256MiB", 256 << 20, "256MiB"),
            ("256mb", 256 << 20, "256MiB"),
            ("1536m", 1536 << 20, "1.5GiB"),
            ("1024GiB", 1 << 40, "1TiB"),
            ("1999", 1999, "1.9KiB"),
        ] {
            assert_eq!(parse(written), Ok(bytes), "{written}");
            assert_eq!(text(bytes), shown);
        }
        assert_eq!(text(0), "0B");
        assert_eq!(text(u64::MAX), "16777215.9TiB");
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "mb", "0", "-1", "1.5gb", "1 mb", "1pb", "mb1", "99999999999t", "1é"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
