//! Names that people give: they stand in paths, in files and in certificates.
//! Promises: a [`Name`] needs no quoting anywhere.

use std::fmt;
use std::str::FromStr;

/// The longest name: a label of DNS.
const LENGTH_MAX: usize = 63;

/// 1 to 63 small letters, digits and dashes; a letter first, no dash last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// Text that is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a name: 1 to 63 small letters, digits and dashes, a letter first and no dash last")]
pub struct NameError {
    /// The text.
    pub text: String,
}

impl Name {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_name = text.bytes().all(letters)
            && text.len() <= LENGTH_MAX
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && !text.ends_with('-');
        if is_name {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError { text: text.to_owned() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_needs_no_quoting_anywhere() {
        for good in ["a", "shop", "shop-2", "a".repeat(63).as_str()] {
            assert_eq!(good.parse::<Name>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "Shop",
            "2shop",
            "-a",
            "a-",
            "a b",
            "a/b",
            "ä",
            "a.b",
            "a".repeat(64).as_str(),
        ] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }
}
