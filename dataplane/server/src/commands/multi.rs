//! MULTI: begins to queue commands.

use tenure_engine::command::{Arity, Category, Flags, Group, Spec};

use super::{SessionCall, SessionCommand, SessionError, Then};

pub(super) const COMMAND: SessionCommand = SessionCommand {
    spec: Spec {
        name: "multi",
        arity: Arity::Exactly(1),
        flags: Flags::NOSCRIPT
            .and(Flags::LOADING)
            .and(Flags::STALE)
            .and(Flags::FAST)
            .and(Flags::ALLOW_BUSY),
        keys: &[],
        categories: &[Category::Transaction],
        group: Group::Transactions,
        since: "1.2.0",
        summary: "Begins a transaction: the commands that follow are queued until EXEC.",
        complexity: "O(1)",
        tips: &[],
    },
    run: multi,
    subcommands: &[],
};

fn multi(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    if call.session.transaction.is_some() {
        return Err(SessionError::NestedMulti);
    }
    call.session.transaction = Some(Box::default());
    call.reply.ok();
    Ok(Then::GoOn)
}
