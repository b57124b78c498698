//! Which quorum a log node belongs to.
//! Promises: an id is written in one way only, and what is written can be read back. Leaves to the caller: drawing it.

use std::fmt;
use std::str::FromStr;

/// One log quorum, told from every other one by 16 random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuorumId(u128);

impl QuorumId {
    /// The id with this value, which the caller draws at random.
    pub const fn new(random: u128) -> Self {
        Self(random)
    }

    /// The value, for encodings.
    pub const fn get(self) -> u128 {
        self.0
    }
}

impl fmt::Display for QuorumId {
    /// 32 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for QuorumId {
    type Err = ParseQuorumIdError;

    fn from_str(text: &str) -> Result<Self, ParseQuorumIdError> {
        let refused = || ParseQuorumIdError { text: text.to_owned() };
        let id = Self(u128::from_str_radix(text, 16).map_err(|_| refused())?);
        // Two spellings of one id would compare as two.
        if id.to_string() == text { Ok(id) } else { Err(refused()) }
    }
}

/// Text that is not the id of a quorum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a quorum id: expected 32 hexadecimal digits in lower case")]
pub struct ParseQuorumIdError {
    /// The text as it came.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quorum_id_is_read_back_as_written_and_in_no_other_spelling() {
        let id = QuorumId::new(0xab);
        assert_eq!(id.to_string(), "000000000000000000000000000000ab");
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in [
            "",
            "ab",
            "000000000000000000000000000000AB",
            "+00000000000000000000000000000ab",
        ] {
            assert!(text.parse::<QuorumId>().is_err(), "{text}");
        }
    }
}
