//! DISCARD: drops what was queued.

use tenure_engine::command::{Arity, Category, Flags, Group, Spec};

use super::{SessionCall, SessionCommand, SessionError, Then};

pub(super) const COMMAND: SessionCommand = SessionCommand {
    spec: Spec {
        name: "discard",
        arity: Arity::Exactly(1),
        flags: Flags::NOSCRIPT
            .and(Flags::LOADING)
            .and(Flags::STALE)
            .and(Flags::FAST)
            .and(Flags::ALLOW_BUSY),
        keys: &[],
        categories: &[Category::Transaction],
        group: Group::Transactions,
        since: "2.0.0",
        summary: "Drops the commands that were queued since MULTI, and watches no key any more.",
        complexity: "O(N), for N queued commands",
        tips: &[],
    },
    run: discard,
    subcommands: &[],
};

fn discard(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    if call.session.transaction.take().is_none() {
        return Err(SessionError::DiscardWithoutMulti);
    }
    call.session.watch = None;
    call.reply.ok();
    Ok(Then::GoOn)
}
