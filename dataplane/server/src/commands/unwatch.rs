//! UNWATCH: ends what WATCH began.

use tenure_engine::command::{Arity, Category, Flags, Group, Spec};

use super::{SessionCall, SessionCommand, SessionError, Then};

pub(super) const COMMAND: SessionCommand = SessionCommand {
    spec: Spec {
        name: "unwatch",
        arity: Arity::Exactly(1),
        flags: Flags::NOSCRIPT
            .and(Flags::LOADING)
            .and(Flags::STALE)
            .and(Flags::FAST)
            .and(Flags::ALLOW_BUSY),
        keys: &[],
        categories: &[Category::Transaction],
        group: Group::Transactions,
        since: "2.2.0",
        summary: "Watches no key any more.",
        complexity: "O(1)",
        tips: &[],
    },
    run: unwatch,
    subcommands: &[],
};

fn unwatch(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    call.session.watch = None;
    call.reply.ok();
    Ok(Then::GoOn)
}
