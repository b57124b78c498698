//! Values of the layout file that are more than a number or a name.
//! Promises: one spelling each; an error says what was expected, and never shows a secret.

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use tenure_server::SlotRange;
use tenure_types::StreamId;

/// A user without a password: spelled out, for a line that was forgotten must not open a cluster.
const NO_PASSWORD: &str = "none";

/// 64 bits of hexadecimal.
pub(super) struct Seed(pub(super) u64);

/// SHA-256 of a password.
pub(super) struct Password(pub(super) Option<[u8; 32]>);

/// `0-8191`, or one slot alone.
#[derive(Debug)]
pub(super) struct Slots(pub(super) SlotRange);

/// `stream-0-1`.
#[derive(Debug)]
pub(super) struct Stream(pub(super) StreamId);

/// Neither is shown by an error or a log.
macro_rules! secret {
    ($name:ident) => {
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}
secret!(Seed);
secret!(Password);

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = from_hex(&text).ok_or_else(|| D::Error::custom("expected a seed of 16 hexadecimal digits"))?;
        Ok(Self(u64::from_be_bytes(bytes)))
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == NO_PASSWORD {
            return Ok(Self(None));
        }
        let wrong = || {
            D::Error::custom("expected the SHA-256 of a password, 64 hexadecimal digits, or \"none\" for no password")
        };
        from_hex(&text).map(|hash| Self(Some(hash))).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for Slots {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (first, last) = text.split_once('-').unwrap_or((&text, &text));
        match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) => Ok(Self(SlotRange { first, last })),
            _ => Err(D::Error::custom(format_args!(
                "{text:?} is no range of slots: expected such as \"0-8191\""
            ))),
        }
    }
}

impl<'de> Deserialize<'de> for Stream {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

/// Exactly N bytes.
fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| u8::try_from(digit.to_digit(16)?).ok())
        .collect();
    let digits = digits.filter(|digits| digits.len() == 2 * N)?;
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair.iter().fold(0, |byte, digit| byte << 4 | digit);
    }
    Some(bytes)
}
