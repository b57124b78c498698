//! How a value of the model lies in a column, and how it is read back.
//! Promises: what was written is read back as it was, or not at all.
//!
//! Numbers without a sign that need 64 bits (seeds, incarnations, processes, streams, epochs, node numbers, bytes) lie in
//! BIGINT with the same bits: 2^64 − 1 is stored as −1. So no order is asked of SQL for columns that may hold more than
//! 2^63 − 1; such lists are sorted here. Times and revisions do not reach that far.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tenure_control_model::{
    ApiKeyId, AuditId, ClusterId, EventId, FailoverId, Name, OperationId, PluginId, PluginVersion, Revision, ShardId,
    TenantKey,
};
use tenure_types::{Epoch, Incarnation, NodeId, StreamId, TenantId, WallTime};

use crate::sql::{Kind, Value};

/// What one column can hold.
pub(crate) trait Column: Sized {
    /// As which kind of value.
    const KIND: Kind;

    /// As it is stored.
    fn write(self) -> Value;

    /// As it was before it was stored; `None`: this never was one.
    fn read(value: Value) -> Option<Self>;
}

impl<T: Column> Column for Option<T> {
    const KIND: Kind = T::KIND;

    fn write(self) -> Value {
        match (self, T::KIND) {
            (Some(value), _) => value.write(),
            (None, Kind::Text) => Value::Text(None),
            (None, Kind::Number) => Value::Number(None),
            (None, Kind::Flag) => Value::Flag(None),
            (None, Kind::Bytes) => Value::Bytes(None),
        }
    }

    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Text(None) | Value::Number(None) | Value::Flag(None) | Value::Bytes(None) => Some(None),
            some @ (Value::Text(_) | Value::Number(_) | Value::Flag(_) | Value::Bytes(_)) => T::read(some).map(Some),
        }
    }
}

impl Column for String {
    const KIND: Kind = Kind::Text;

    fn write(self) -> Value {
        Value::Text(Some(self))
    }

    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Text(text) => text,
            Value::Number(_) | Value::Flag(_) | Value::Bytes(_) => None,
        }
    }
}

impl Column for &str {
    const KIND: Kind = Kind::Text;

    fn write(self) -> Value {
        self.to_owned().write()
    }

    /// A borrowed text is only written.
    fn read(_value: Value) -> Option<Self> {
        None
    }
}

impl Column for bool {
    const KIND: Kind = Kind::Flag;

    fn write(self) -> Value {
        Value::Flag(Some(self))
    }

    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Flag(flag) => flag,
            Value::Text(_) | Value::Number(_) | Value::Bytes(_) => None,
        }
    }
}

impl Column for u64 {
    const KIND: Kind = Kind::Number;

    fn write(self) -> Value {
        Value::Number(Some(self.cast_signed()))
    }

    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Number(number) => number.map(i64::cast_unsigned),
            Value::Text(_) | Value::Flag(_) | Value::Bytes(_) => None,
        }
    }
}

impl Column for Vec<u8> {
    const KIND: Kind = Kind::Bytes;

    fn write(self) -> Value {
        Value::Bytes(Some(self))
    }

    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => bytes,
            Value::Text(_) | Value::Number(_) | Value::Flag(_) => None,
        }
    }
}

/// Types that a number stands for.
macro_rules! number_columns {
    ($($type:ty: $to:expr, $from:expr;)*) => {$(
        impl Column for $type {
            const KIND: Kind = Kind::Number;

            fn write(self) -> Value {
                let to: fn(Self) -> u64 = $to;
                to(self).write()
            }

            fn read(value: Value) -> Option<Self> {
                let from: fn(u64) -> Option<Self> = $from;
                u64::read(value).and_then(from)
            }
        }
    )*};
}

number_columns! {
    u8: u64::from, |number| Self::try_from(number).ok();
    u16: u64::from, |number| Self::try_from(number).ok();
    u32: u64::from, |number| Self::try_from(number).ok();
    WallTime: Self::as_unix_millis, |number| Some(Self::from_unix_millis(number));
    Revision: Self::get, |number| Some(Self::new(number));
    Epoch: Self::get, |number| Some(Self::new(number));
    NodeId: Self::get, |number| Some(Self::new(number));
    TenantId: Self::get, |number| Some(Self::new(number));
    StreamId: Self::to_bits, |number| Some(Self::from_bits(number));
    Incarnation: Self::get, Self::new;
}

/// Types that are written in one way only.
macro_rules! text_columns {
    ($($type:ty),* $(,)?) => {$(
        impl Column for $type {
            const KIND: Kind = Kind::Text;

            fn write(self) -> Value {
                self.to_string().write()
            }

            fn read(value: Value) -> Option<Self> {
                String::read(value)?.parse().ok()
            }
        }
    )*};
}

text_columns! {
    ApiKeyId, AuditId, ClusterId, EventId, FailoverId, IpAddr, Name, OperationId, PluginId, PluginVersion, ShardId,
    SocketAddr, TenantKey,
}

/// Enums whose variants carry nothing: each is one word, which a CHECK of the schema names too.
macro_rules! word_columns {
    ($($type:ident { $($variant:ident => $word:literal),* $(,)? })*) => {$(
        impl $crate::column::Column for $type {
            const KIND: $crate::sql::Kind = $crate::sql::Kind::Text;

            fn write(self) -> $crate::sql::Value {
                let word = match self {
                    $(Self::$variant => $word,)*
                };
                word.write()
            }

            fn read(value: $crate::sql::Value) -> Option<Self> {
                match <String as $crate::column::Column>::read(value)?.as_str() {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    )*};
}
pub(crate) use word_columns;

/// A SHA-256, as hexadecimal digits.
impl Column for [u8; 32] {
    const KIND: Kind = Kind::Text;

    fn write(self) -> Value {
        let digits = self.iter().fold(String::with_capacity(64), |mut digits, byte| {
            let _ = write!(digits, "{byte:02x}");
            digits
        });
        digits.write()
    }

    fn read(value: Value) -> Option<Self> {
        let digits = String::read(value)?;
        let pairs = digits.as_bytes().chunks(2);
        let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let bytes: Vec<u8> = pairs.map(byte).collect::<Option<_>>()?;
        bytes.try_into().ok()
    }
}

/// Which shape a list lies in. A change of a list's items that older ones do not fit takes the next.
const FORMAT: u32 = 1;

/// A list in one column, as JSON: `{"format":1,"items":[…]}`.
pub(crate) struct List<T>(pub(crate) Vec<T>);

#[derive(Serialize, Deserialize)]
struct Stored<T> {
    format: u32,
    items: Vec<T>,
}

impl<T: Serialize + DeserializeOwned> Column for List<T> {
    const KIND: Kind = Kind::Text;

    fn write(self) -> Value {
        let stored = Stored {
            format: FORMAT,
            items: self.0,
        };
        // Items are structs of numbers and texts, for which JSON has a form. NULL would be refused by the schema.
        Value::Text(serde_json::to_string(&stored).ok())
    }

    fn read(value: Value) -> Option<Self> {
        let stored: Stored<T> = serde_json::from_str(&String::read(value)?).ok()?;
        (stored.format == FORMAT).then_some(Self(stored.items))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_of_a_number_is_kept() {
        for number in [0, 1, u64::MAX >> 1, 1 << 63, u64::MAX] {
            assert_eq!(u64::read(number.write()), Some(number));
        }
        assert_eq!(u64::MAX.write(), Value::Number(Some(-1)));
    }

    #[test]
    fn what_a_column_cannot_hold_is_nothing() {
        assert_eq!(u16::read(65_536_u64.write()), None);
        assert_eq!(Incarnation::read(0_u64.write()), None);
        assert_eq!(NodeId::read(Value::Number(None)), None);
        assert_eq!(Name::read("Shop".write()), None);
        assert_eq!(<[u8; 32]>::read("00".write()), None);
        assert_eq!(<[u8; 32]>::read("é".repeat(32).write()), None);
        for text in ["", "[]", r#"{"format":2,"items":[1]}"#, r#"{"format":1,"items":["a"]}"#] {
            assert!(List::<u64>::read(text.write()).is_none(), "{text}");
        }
    }

    #[test]
    fn hashes_and_lists_are_stored_in_this_form() {
        let mut hash = [0; 32];
        (hash[0], hash[31]) = (0xab, 0x01);
        let digits = format!("ab{}01", "00".repeat(30));
        assert_eq!(hash.write(), digits.as_str().write());
        assert_eq!(<[u8; 32]>::read(digits.write()), Some(hash));
        assert_eq!(
            List(vec![1_u64, u64::MAX]).write(),
            r#"{"format":1,"items":[1,18446744073709551615]}"#.write()
        );
    }
}
