//! HSCAN: the fields of a hash in pieces.
//! Leaves to [`Hash::scan`]: that no field which stays is missed or seen twice.

use super::READ;
use crate::command::{Arity, Call, Category, Command, Flags, Group, Spec};
use crate::number::integer;
use crate::{Args, CommandError, Hash, glob};

pub(super) const HSCAN: Command = Command {
    spec: Spec {
        name: "hscan",
        arity: Arity::AtLeast(3),
        flags: Flags::READONLY,
        keys: READ,
        categories: &[Category::Hash],
        group: Group::Hash,
        since: "2.8.0",
        summary: "Goes through the fields in pieces, each beginning at the cursor that the last one gave.",
        complexity: "O(1) for a piece, O(fields of the hash) for all",
        tips: &["nondeterministic_output"],
    },
    run: hscan,
    subcommands: &[],
};

/// How much a piece is about if it is not said.
const COUNT: usize = 10;

fn hscan(call: &mut Call<'_>) -> Result<(), CommandError> {
    let cursor = parse_cursor(&call.args[2])?;
    let Some(hash) = call.image.hash(&call.args[1])? else {
        // Redis does not read the options of a scan that has nothing to go through.
        call.reply.array(2);
        call.reply.bulk(b"0");
        call.reply.array(0);
        return Ok(());
    };
    let options = Options::parse(call.args.from(3), true)?;
    let (next, found) = options.look(hash, cursor);
    call.reply.array(2);
    call.reply.bulk(next.to_string().as_bytes());
    call.reply.array(if options.values { found * 2 } else { found });
    // The second time through the piece, as the number of matches stands before them.
    hash.scan(cursor, options.count, |field, value| {
        if options.matches(field) {
            call.reply.bulk(field);
            if options.values {
                call.reply.bulk(value);
            }
        }
    });
    Ok(())
}

/// As `strtoul` reads it: a sign may stand before it, and nothing at all is 0.
pub(in crate::commands) fn parse_cursor(text: &[u8]) -> Result<u64, CommandError> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        [] => return Ok(0),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(CommandError::InvalidCursor);
    }
    let digits = std::str::from_utf8(digits).map_err(|_| CommandError::InvalidCursor)?;
    let number: u64 = digits.parse().map_err(|_| CommandError::InvalidCursor)?;
    Ok(if negative { number.wrapping_neg() } else { number })
}

/// The words behind a cursor.
pub(in crate::commands) struct Options<'a> {
    pub(in crate::commands) count: usize,
    pattern: Option<&'a [u8]>,
    values: bool,
}

impl<'a> Options<'a> {
    /// `may_omit_values`: NOVALUES is known.
    pub(in crate::commands) fn parse(args: Args<'a>, may_omit_values: bool) -> Result<Self, CommandError> {
        let mut options = Self {
            count: COUNT,
            pattern: None,
            values: true,
        };
        let mut args = args.iter();
        while let Some(word) = args.next() {
            if may_omit_values && word.eq_ignore_ascii_case(b"novalues") {
                options.values = false;
                continue;
            }
            let value = args.next().ok_or(CommandError::Syntax)?;
            if word.eq_ignore_ascii_case(b"match") {
                options.pattern = Some(value);
            } else if word.eq_ignore_ascii_case(b"count") {
                let count = usize::try_from(integer(value)?).ok().filter(|count| *count > 0);
                options.count = count.ok_or(CommandError::Syntax)?;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(options)
    }

    /// Where the next piece begins, and how many fields of this one match.
    fn look(&self, hash: &Hash, cursor: u64) -> (u64, usize) {
        let mut found = 0;
        let next = hash.scan(cursor, self.count, |field, _| found += usize::from(self.matches(field)));
        (next, found)
    }

    pub(in crate::commands) fn matches(&self, field: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, field))
    }
}
