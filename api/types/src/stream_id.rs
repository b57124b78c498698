//! The name of a stream, which says where it lives.
//! Promises: whoever knows a stream's id knows its log group, without asking anyone. So nothing is looked up on the way
//! of a write, and no call can reach the wrong group. Leaves to the control plane: choosing the group, and never
//! handing out a number of a group twice.

use std::fmt;
use std::str::FromStr;

use crate::GroupId;

/// One stream: the ordered records of one shard. It stays in its group for life, and its id is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    group: GroupId,
    number: u32,
}

impl StreamId {
    /// Stream `number` of `group`.
    pub const fn new(group: GroupId, number: u32) -> Self {
        Self { group, number }
    }

    /// The group that carries it.
    pub const fn group(self) -> GroupId {
        self.group
    }

    /// Which of the group's streams it is.
    pub const fn number(self) -> u32 {
        self.number
    }

    /// Both as one number, for encodings: the group in the upper half.
    pub const fn to_bits(self) -> u64 {
        (self.group.get() as u64) << 32 | self.number as u64
    }

    /// The id that [`to_bits`](Self::to_bits) gave.
    #[allow(clippy::cast_possible_truncation, reason = "each half is taken on purpose")]
    pub const fn from_bits(bits: u64) -> Self {
        Self::new(GroupId::new((bits >> 32) as u32), bits as u32)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stream-{}-{}", self.group.get(), self.number)
    }
}

/// Text that is not the id of a stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a stream id: expected stream-<group>-<number>, such as stream-0-17")]
pub struct ParseStreamIdError {
    /// The text as it came.
    pub text: String,
}

impl FromStr for StreamId {
    type Err = ParseStreamIdError;

    /// Takes only what [`Display`](fmt::Display) writes: two spellings of one id would compare as two.
    fn from_str(text: &str) -> Result<Self, ParseStreamIdError> {
        let halves = text.strip_prefix("stream-").and_then(|rest| rest.split_once('-'));
        let read = halves.and_then(|(group, number)| {
            let group = GroupId::new(group.parse().ok()?);
            Some(Self::new(group, number.parse().ok()?))
        });
        read.filter(|id| id.to_string() == text)
            .ok_or_else(|| ParseStreamIdError { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: [(u32, u32, &str, u64); 3] = [
        (0, 17, "stream-0-17", 17),
        (7, 0, "stream-7-0", 7 << 32),
        (u32::MAX, u32::MAX, "stream-4294967295-4294967295", u64::MAX),
    ];

    #[test]
    fn a_stream_id_is_read_back_as_written() {
        for (group, number, text, bits) in CASES {
            let id = StreamId::new(GroupId::new(group), number);
            assert_eq!((id.to_string().as_str(), id.to_bits()), (text, bits));
            assert_eq!(text.parse(), Ok(id));
            assert_eq!(StreamId::from_bits(bits), id);
            assert_eq!((id.group().get(), id.number()), (group, number));
        }
    }

    #[test]
    fn other_text_and_other_spellings_are_refused() {
        let refused = [
            "",
            "17",
            "stream-17",
            "stream-0-",
            "stream-0-017",
            "stream-+0-17",
            "stream-0-17 ",
            "node-0-17",
        ];
        for text in refused.into_iter().chain(["stream-0-4294967296"]) {
            let error = text.parse::<StreamId>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("{text:?} is not a stream id: expected stream-<group>-<number>, such as stream-0-17")
            );
        }
    }
}
