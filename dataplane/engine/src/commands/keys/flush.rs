//! FLUSHALL and FLUSHDB: everything goes. There is one database, so they are the same.
//! ASYNC and SYNC are accepted and change nothing: when the memory is freed is no part of what is logged.

use crate::command::{Arity, Call, Category, Command, Flags, Group, Spec};
use crate::{CommandError, Effect};

pub(super) const FLUSHALL: Command = command("flushall", "Removes all keys of all databases, of which there is one.");

pub(super) const FLUSHDB: Command = command("flushdb", "Removes all keys of the database.");

const fn command(name: &'static str, summary: &'static str) -> Command {
    Command {
        spec: Spec {
            name,
            arity: Arity::AtLeast(1),
            flags: Flags::WRITE.and(Flags::ALL_KEYS),
            keys: &[],
            categories: &[Category::Keyspace, Category::Dangerous],
            group: Group::Server,
            since: "1.0.0",
            summary,
            complexity: "O(N) with N keys.",
            tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        },
        run: flush,
        subcommands: &[],
    }
}

fn flush(call: &mut Call<'_>) -> Result<(), CommandError> {
    match (call.args.len(), call.args.get(1)) {
        (1, _) => {}
        (2, Some(how)) if how.eq_ignore_ascii_case(b"async") || how.eq_ignore_ascii_case(b"sync") => {}
        _ => return Err(CommandError::Syntax),
    }
    call.image.look_at_all();
    if !call.image.keyspace().is_empty() {
        call.image.write(Effect::Clear);
    }
    call.reply.ok();
    Ok(())
}
