//! ZSCAN: the elements of a sorted set in pieces.
//! Leaves to [`SortedSet::scan`]: that no member which stays is missed or seen twice.

use super::{SPEC, command};
use crate::command::{Arity, Call, Command, Spec};
use crate::commands::hash::scan::{Options, parse_cursor};
use crate::{CommandError, Score, SortedSet};

pub(super) const ZSCAN: Command = command(
    Spec {
        name: "zscan",
        arity: Arity::AtLeast(3),
        since: "2.8.0",
        summary: "Goes through the elements in pieces, each beginning at the cursor that the last one gave.",
        complexity: "O(1) for a piece, O(members of the sorted set) for all",
        tips: &["nondeterministic_output"],
        ..SPEC
    },
    zscan,
);

fn zscan(call: &mut Call<'_>) -> Result<(), CommandError> {
    let cursor = parse_cursor(&call.args[2])?;
    let Some(set) = call.image.sorted_set(&call.args[1])? else {
        // Redis does not read the options of a scan that has nothing to go through.
        call.reply.array(2);
        call.reply.bulk(b"0");
        call.reply.array(0);
        return Ok(());
    };
    let options = Options::parse(call.args.from(3), false)?;
    let mut found = 0;
    let next = set.scan(cursor, options.count, |_, member| {
        found += usize::from(options.matches(member))
    });
    call.reply.array(2);
    call.reply.bulk(next.to_string().as_bytes());
    call.reply.array(found * 2);
    // The second time through the piece, as the number of matches stands before them.
    set.scan(cursor, options.count, |score, member| {
        if options.matches(member) {
            call.reply.bulk(member);
            call.reply.bulk(shown(set, score).as_bytes());
        }
    });
    Ok(())
}

/// The score, as text in both protocols.
fn shown(set: &SortedSet, score: Score) -> String {
    if set.is_packed() {
        score.to_packed_text()
    } else {
        score.to_text()
    }
}
