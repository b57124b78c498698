//! Deleting a string that is known: how a lock is let go by the one who holds it.

use crate::command::{Access, Arity, Call, Category, Command, Flags, Group, KeySpec, Spec};
use crate::{CommandError, Effect};

/// Of Valkey; Redis has no such command, so `since` is a version of Valkey.
pub(super) const DELIFEQ: Command = Command {
    spec: Spec {
        name: "delifeq",
        arity: Arity::Exactly(3),
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[KeySpec::one(1, Access::Remove, &["delete"])],
        categories: &[Category::String],
        group: Group::String,
        since: "9.0.0",
        summary: "Deletes a string if it is this one.",
        complexity: "O(1)",
        tips: &[],
    },
    run: delifeq,
    subcommands: &[],
};

fn delifeq(call: &mut Call<'_>) -> Result<(), CommandError> {
    let (key, comparison) = (&call.args[1], &call.args[2]);
    let equal = call.image.string(key)? == Some(comparison);
    if equal {
        call.image.write(Effect::Remove { key });
    }
    call.reply.integer(i64::from(equal));
    Ok(())
}
