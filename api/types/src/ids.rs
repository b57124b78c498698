//! Names of things that live long: tenants, log groups, nodes.
//! Promises: an id is written in one way only (`tenant-17`), and what is written can be read back.
//! Leaves to the control plane: handing out numbers, and never handing out one twice.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

/// Defines one id: a number, its written form `<prefix>-<number>`, and the way back from text.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident($number:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($number);

        impl $name {
            /// The id with this number.
            pub const fn new(number: $number) -> Self {
                Self(number)
            }

            /// The number alone, for encodings.
            pub const fn get(self) -> $number {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "-{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                number_after($prefix, text).map(Self)
            }
        }
    };
}

id! {
    /// One customer: the owner of clusters, users, plugins and keys.
    TenantId(u64), "tenant"
}
id! {
    /// One log group: a Raft group of the log quorum that carries many streams.
    GroupId(u32), "group"
}
id! {
    /// One process of the platform with a disk or a memory image of its own: a log node or a data node.
    NodeId(u64), "node"
}

/// Text that is not an id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseIdError {
    /// The text names something else, or nothing.
    #[error("{text:?} is not a {kind} id: expected {kind}-<number>, such as {kind}-17")]
    Prefix {
        /// The text as it came.
        text: String,
        /// What was expected: `tenant`, `group` or `node`.
        kind: &'static str,
    },
    /// The part after the dash is no number, or one too large for this id.
    #[error("{text:?} is not a {kind} id: {number:?} is not a number it can have")]
    Number {
        /// The text as it came.
        text: String,
        /// What was expected: `tenant`, `group` or `node`.
        kind: &'static str,
        /// The part that was read as a number.
        number: String,
        /// Why it is none.
        source: ParseIntError,
    },
    /// The number is written as we never write it (`017`, `+17`). Two spellings of one id would compare as two.
    #[error("{text:?} is not a {kind} id: write it {kind}-{number}")]
    Spelling {
        /// The text as it came.
        text: String,
        /// What was expected: `tenant`, `group` or `node`.
        kind: &'static str,
        /// The number as it must be written.
        number: String,
    },
}

fn number_after<N>(kind: &'static str, text: &str) -> Result<N, ParseIdError>
where
    N: FromStr<Err = ParseIntError> + fmt::Display,
{
    let written = text.strip_prefix(kind).and_then(|rest| rest.strip_prefix('-'));
    let written = written.ok_or_else(|| ParseIdError::Prefix {
        text: text.to_owned(),
        kind,
    })?;
    let number: N = written.parse().map_err(|source| ParseIdError::Number {
        text: text.to_owned(),
        kind,
        number: written.to_owned(),
        source,
    })?;
    if number.to_string() == written {
        Ok(number)
    } else {
        Err(ParseIdError::Spelling {
            text: text.to_owned(),
            kind,
            number: number.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back_as_written() {
        for number in [0, 17, u64::MAX] {
            assert_eq!(TenantId::new(number).to_string().parse(), Ok(TenantId::new(number)));
            assert_eq!(NodeId::new(number).to_string().parse(), Ok(NodeId::new(number)));
        }
        assert_eq!(GroupId::new(u32::MAX).to_string().parse(), Ok(GroupId::new(u32::MAX)));
        assert_eq!(TenantId::new(17).to_string(), "tenant-17");
    }

    #[test]
    fn a_refused_id_says_what_was_expected() {
        let cases = [
            (
                "17",
                r#""17" is not a tenant id: expected tenant-<number>, such as tenant-17"#,
            ),
            (
                "",
                r#""" is not a tenant id: expected tenant-<number>, such as tenant-17"#,
            ),
            (
                "node-17",
                r#""node-17" is not a tenant id: expected tenant-<number>, such as tenant-17"#,
            ),
            (
                "tenants-17",
                r#""tenants-17" is not a tenant id: expected tenant-<number>, such as tenant-17"#,
            ),
            (
                "tenant-",
                r#""tenant-" is not a tenant id: "" is not a number it can have"#,
            ),
            (
                "tenant--1",
                r#""tenant--1" is not a tenant id: "-1" is not a number it can have"#,
            ),
            (
                "tenant-1 ",
                r#""tenant-1 " is not a tenant id: "1 " is not a number it can have"#,
            ),
            ("tenant-017", r#""tenant-017" is not a tenant id: write it tenant-17"#),
            ("tenant-+17", r#""tenant-+17" is not a tenant id: write it tenant-17"#),
        ];
        for (text, sentence) in cases {
            assert_eq!(text.parse::<TenantId>().unwrap_err().to_string(), sentence);
        }
    }

    #[test]
    fn a_number_too_large_for_its_id_is_refused() {
        assert!("group-4294967296".parse::<GroupId>().is_err());
        assert!("tenant-18446744073709551616".parse::<TenantId>().is_err());
    }
}
