//! Ids of resources: a prefix that says of what, and a number that sorts by age.
//! Promises: an id of one kind is never taken for one of another. Leaves to the edge: drawing the numbers (UUID version 7).

use std::fmt;
use std::str::FromStr;

/// Text that is no id of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id of this kind: expected {prefix}_ and 32 hexadecimal digits")]
pub struct ParseIdError {
    /// The text.
    pub text: String,
    /// How it should begin.
    pub prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// The id with this number.
            pub const fn new(number: u128) -> Self {
                Self(number)
            }

            /// Its number.
            pub const fn get(self) -> u128 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{:032x}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            /// Takes only what `Display` writes: two spellings of one id would compare as two.
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let digits = text.strip_prefix(concat!($prefix, "_"));
                let number = digits.and_then(|digits| u128::from_str_radix(digits, 16).ok());
                number
                    .map(Self)
                    .filter(|id| id.to_string() == text)
                    .ok_or_else(|| ParseIdError { text: text.to_owned(), prefix: $prefix })
            }
        }
    };
}

id! {
    /// A tenant.
    TenantKey, "ten"
}
id! {
    /// A cluster.
    ClusterId, "clu"
}
id! {
    /// A shard of a cluster.
    ShardId, "shd"
}
id! {
    /// A version of a plugin.
    PluginId, "plg"
}
id! {
    /// An operation.
    OperationId, "op"
}
id! {
    /// An event.
    EventId, "evt"
}
id! {
    /// An API key: the part of it that is no secret.
    ApiKeyId, "key"
}
id! {
    /// An attempt to give a shard another owner.
    FailoverId, "fov"
}
id! {
    /// A row of the audit log.
    AuditId, "aud"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_as_written_and_in_no_other_spelling() {
        let id = ClusterId::new(0x0192_0000_0000_7000_8000_0000_0000_00af);
        let text = "clu_01920000000070008000000000 0000af".replace(' ', "");
        assert_eq!(id.to_string(), text);
        assert_eq!(text.parse(), Ok(id));
        for other in [
            "",
            "clu_",
            "clu_AF",
            "ten_019200000000700080000000000000af",
            "clu_1",
            &text.to_uppercase(),
        ] {
            assert!(other.parse::<ClusterId>().is_err(), "{other}");
        }
    }
}
