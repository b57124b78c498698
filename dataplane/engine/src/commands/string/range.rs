//! Parts of strings, by the places of their bytes.

use super::READ;
use super::limits::STRING_BYTES_MAX;
use crate::command::{Access, Arity, Call, Category, Command, Flags, Group, KeySpec, Spec};
use crate::{CommandError, Effect, number};

pub(super) const APPEND: Command = Command {
    spec: Spec {
        name: "append",
        arity: Arity::Exactly(3),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[KeySpec::one(1, Access::ReadWrite, &["insert"])],
        categories: &[Category::String],
        group: Group::String,
        since: "2.0.0",
        summary: "Puts bytes behind a string, or begins one, and tells its length.",
        complexity: "O(1) in the long run: the string's memory grows by doubling.",
        tips: &[],
    },
    run: append,
    subcommands: &[],
};

fn append(call: &mut Call<'_>) -> Result<(), CommandError> {
    let (key, suffix) = (&call.args[1], &call.args[2]);
    let old = call.image.string(key)?.map(<[u8]>::len);
    let length = checked_length(old.unwrap_or(0) as u64, suffix)?;
    // Nothing behind nothing is an empty string, and that is a change.
    if old.is_none() || !suffix.is_empty() {
        call.image.write(Effect::Append { key, suffix });
    }
    call.reply.integer(length as i64);
    Ok(())
}

pub(super) const SETRANGE: Command = Command {
    spec: Spec {
        name: "setrange",
        arity: Arity::Exactly(4),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[KeySpec::one(1, Access::ReadWrite, &["update"])],
        categories: &[Category::String],
        group: Group::String,
        since: "2.2.0",
        summary: "Overwrites part of a string from a place on, with zero bytes before it if the string is shorter.",
        complexity: "O(1) for a short part of a string that is long enough; else O(M), M being the bytes written.",
        tips: &[],
    },
    run: setrange,
    subcommands: &[],
};

fn setrange(call: &mut Call<'_>) -> Result<(), CommandError> {
    let (key, bytes) = (&call.args[1], &call.args[3]);
    let offset = u64::try_from(number::integer(&call.args[2])?).map_err(|_| CommandError::OffsetOutOfRange)?;
    let old = call.image.string(key)?.map_or(0, <[u8]>::len) as u64;
    if bytes.is_empty() {
        call.reply.integer(old as i64);
        return Ok(());
    }
    let end = checked_length(offset, bytes)?;
    call.image.write(Effect::SetRange { key, offset, bytes });
    call.reply.integer(old.max(end) as i64);
    Ok(())
}

/// Where these bytes end that begin here, if a string may be so long.
fn checked_length(offset: u64, bytes: &[u8]) -> Result<u64, CommandError> {
    let end = offset.checked_add(bytes.len() as u64);
    end.filter(|end| *end <= STRING_BYTES_MAX)
        .ok_or(CommandError::StringTooLong)
}

pub(super) const GETRANGE: Command = Command {
    spec: Spec {
        name: "getrange",
        arity: Arity::Exactly(4),
        flags: Flags::READONLY,
        keys: READ,
        categories: &[Category::String],
        group: Group::String,
        since: "2.4.0",
        summary: "Reads part of a string, from one place to another, both included; negative places count from its end.",
        complexity: "O(N), N being the bytes read.",
        tips: &[],
    },
    run: getrange,
    subcommands: &[],
};

pub(super) const SUBSTR: Command = Command {
    spec: Spec {
        name: "substr",
        arity: Arity::Exactly(4),
        flags: Flags::READONLY,
        keys: READ,
        categories: &[Category::String],
        group: Group::String,
        since: "1.0.0",
        summary: "The old name of GETRANGE.",
        complexity: "O(N), N being the bytes read.",
        tips: &[],
    },
    run: getrange,
    subcommands: &[],
};

fn getrange(call: &mut Call<'_>) -> Result<(), CommandError> {
    let (first, last) = (number::integer(&call.args[2])?, number::integer(&call.args[3])?);
    let bytes = call.image.string(&call.args[1])?.unwrap_or_default();
    call.reply.bulk(part(bytes, first, last));
    Ok(())
}

/// From one place to another, both included. A place before the first byte means the first, one behind the last means
/// the last. Nothing if the places are in the wrong order.
fn part(bytes: &[u8], first: i64, last: i64) -> &[u8] {
    // `-9 -10` of a short string are in the wrong order, though both mean its first byte.
    if first < 0 && last < 0 && first > last {
        return &[];
    }
    let from = place(bytes.len(), first);
    let behind = place(bytes.len(), last).saturating_add(1).min(bytes.len());
    bytes.get(from..behind).unwrap_or_default()
}

fn place(length: usize, place: i64) -> usize {
    let distance = usize::try_from(place.unsigned_abs()).unwrap_or(usize::MAX);
    if place < 0 {
        length.saturating_sub(distance)
    } else {
        distance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GETRANGE of redis 7.0.15 answers the same.
    #[test]
    fn a_range_is_clamped_to_the_string() {
        let cases: [(i64, i64, &[u8]); 16] = [
            (0, 3, b"This"),
            (0, -1, b"This is a string"),
            (-3, -1, b"ing"),
            (5, 3, b""),
            (5, 5000, b"is a string"),
            (-5000, 10_000, b"This is a string"),
            (16, 20, b""),
            (15, 15, b"g"),
            (-16, -16, b"T"),
            (-17, -17, b"T"),
            (-20, -18, b"T"),
            (-18, -20, b""),
            (0, -100, b"T"),
            (1, -100, b""),
            (i64::MIN, i64::MAX, b"This is a string"),
            (i64::MAX, i64::MIN, b""),
        ];
        for (first, last, expected) in cases {
            assert_eq!(part(b"This is a string", first, last), expected, "{first} {last}");
            assert_eq!(part(b"", first, last), b"", "{first} {last}");
        }
    }
}
