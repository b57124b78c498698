//! The token of an API key: what stands after `Authorization: Bearer`.
//! Promises: it is written in one way only, and never shown by `Debug`. Leaves to the edge: the random bytes.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use tenure_control_model::ApiKeyId;

/// `tnr_<32 digits>_<64 digits>`, hexadecimal: which key it is, and its secret.
///
/// Whoever has it is the key. Only the hash of the secret is kept, so a token that is lost is lost.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    id: ApiKeyId,
    secret: [u8; 32],
}

/// Text that is no token. The text itself is not in it: it may be a secret with a slip of the pen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token: expected tnr_, 32 hexadecimal digits, _ and 64 hexadecimal digits")]
pub struct ParseTokenError;

impl Token {
    /// The token of the key `id`. The secret is 32 random bytes that nobody else was given.
    pub const fn mint(id: ApiKeyId, secret: [u8; 32]) -> Self {
        Self { id, secret }
    }

    /// Which key.
    pub const fn id(&self) -> ApiKeyId {
        self.id
    }

    /// What is kept of the secret. It is random, so that a slow hash would add nothing.
    pub fn secret_sha256(&self) -> [u8; 32] {
        Sha256::digest(self.secret).into()
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tnr_{:032x}_", self.id.get())?;
        self.secret.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Token {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token of {}", self.id)
    }
}

impl FromStr for Token {
    type Err = ParseTokenError;

    /// Takes only what `Display` writes.
    fn from_str(text: &str) -> Result<Self, ParseTokenError> {
        let halves = text.strip_prefix("tnr_").and_then(|rest| rest.split_once('_'));
        let (id, secret) = halves.ok_or(ParseTokenError)?;
        if [id, secret].iter().any(|digits| !digits.bytes().all(is_digit)) || id.len() != 32 {
            return Err(ParseTokenError);
        }
        let id = u128::from_str_radix(id, 16).map_err(|_| ParseTokenError)?;
        let bytes: Option<Vec<u8>> = secret.as_bytes().chunks(2).map(byte_of).collect();
        let secret = bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(ParseTokenError)?;
        Ok(Self::mint(ApiKeyId::new(id), secret))
    }
}

const fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn byte_of(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.len() == 2)?;
    u8::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_as_written_and_in_no_other_spelling() {
        let token = Token::mint(ApiKeyId::new(0xabc), [0x5f; 32]);
        let text = token.to_string();
        assert_eq!(text, format!("tnr_{:0>32}_{}", "abc", "5f".repeat(32)));
        assert_eq!(text.parse(), Ok(token));
        let uppercase = text.replace('a', "A");
        for other in ["", "tnr_", "tnr__", &text[1..], &text[..text.len() - 1], &uppercase] {
            assert_eq!(other.parse::<Token>(), Err(ParseTokenError), "{other}");
        }
        for more in [format!("{text}00"), text.replace("tnr_", "tnr_0"), format!("{text}_")] {
            assert_eq!(more.parse::<Token>(), Err(ParseTokenError), "{more}");
        }
    }

    #[test]
    fn a_token_shows_its_secret_to_nobody_who_debugs() {
        let token = Token::mint(ApiKeyId::new(1), [0x5f; 32]);
        assert!(!format!("{token:?}").contains("5f5f"));
    }
}
