//! DEL and UNLINK.
//! Both free the memory within the turn: keys are removed by an effect, and an effect that is applied later on one node
//! than on another would be none.

use super::ADD_UP_SHARDS;
use crate::command::{Access, Arity, Call, Category, Command, Flags, Group, KeySpec, Spec};
use crate::{CommandError, Effect};

const REMOVE_ALL: &[KeySpec] = &[KeySpec::range(1, -1, 1, Access::Remove, &["delete"])];

pub(super) const DEL: Command = Command {
    spec: Spec {
        name: "del",
        arity: Arity::AtLeast(2),
        flags: Flags::WRITE,
        keys: REMOVE_ALL,
        categories: &[Category::Keyspace],
        group: Group::Generic,
        since: "1.0.0",
        summary: "Removes keys and tells how many were there.",
        complexity: "O(N) with N keys, and O(M) for each that holds M elements.",
        tips: ADD_UP_SHARDS,
    },
    run: remove,
    subcommands: &[],
};

pub(super) const UNLINK: Command = Command {
    spec: Spec {
        name: "unlink",
        arity: Arity::AtLeast(2),
        flags: Flags::WRITE.and(Flags::FAST),
        keys: REMOVE_ALL,
        categories: &[Category::Keyspace],
        group: Group::Generic,
        since: "4.0.0",
        summary: "Removes keys and tells how many were there; here the same as DEL.",
        complexity: "O(N) with N keys, and O(M) for each that holds M elements.",
        tips: ADD_UP_SHARDS,
    },
    run: remove,
    subcommands: &[],
};

fn remove(call: &mut Call<'_>) -> Result<(), CommandError> {
    let keys = call.args.from(1);
    // 1. Everything that can fail: afterwards none of the keys is expired.
    for key in keys.iter() {
        call.image.peek(key)?;
    }
    // 2. Changes. A key that is named twice is there once.
    let mut removed = 0;
    for key in keys.iter() {
        if call.image.peek(key)?.is_some() {
            call.image.write(Effect::Remove { key });
            removed += 1;
        }
    }
    call.reply.integer(removed);
    Ok(())
}
