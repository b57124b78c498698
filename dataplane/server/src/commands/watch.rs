//! WATCH: ties the next EXEC to keys that nobody changes until then.

use tenure_engine::command::{Access, Arity, Category, Flags, Group, KeySpec, Spec};

use super::{SessionCall, SessionCommand, SessionError, Then};
use crate::replica::Watch;

pub(super) const COMMAND: SessionCommand = SessionCommand {
    spec: Spec {
        name: "watch",
        arity: Arity::AtLeast(2),
        flags: Flags::NOSCRIPT
            .and(Flags::LOADING)
            .and(Flags::STALE)
            .and(Flags::FAST)
            .and(Flags::ALLOW_BUSY),
        keys: &[KeySpec::range(1, -1, 1, Access::Read, &[])],
        categories: &[Category::Transaction],
        group: Group::Transactions,
        since: "2.2.0",
        summary: "Watches keys: if one of them changes before EXEC, nothing of the transaction is run.",
        complexity: "O(1) for each key",
        tips: &[],
    },
    run: watch,
    subcommands: &[],
};

fn watch(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    if call.session.transaction.is_some() {
        return Err(SessionError::WatchInsideMulti);
    }
    let watch = call.session.watch.get_or_insert_with(|| Watch::on(call.replica));
    for key in call.args.from(1).iter() {
        call.turn.watch(key, watch)?;
    }
    call.reply.ok();
    Ok(Then::GoOn)
}
