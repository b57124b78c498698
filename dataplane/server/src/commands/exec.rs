//! EXEC: runs what was queued, or nothing of it.
//! Promises: all of it runs in one turn, so its effects are one record; its reply depends on the watched keys too, also if
//! they changed. Leaves to dispatch: the keys' slots, and running the queue behind the header.

use tenure_engine::command::{Arity, Category, Flags, Group, Spec};

use super::{SessionCall, SessionCommand, SessionError, Then};
use crate::replica::{Refusal, Turn};
use crate::session::Transaction;
use crate::table::Registered;

pub(super) const COMMAND: SessionCommand = SessionCommand {
    spec: Spec {
        name: "exec",
        arity: Arity::Exactly(1),
        flags: Flags::NOSCRIPT
            .and(Flags::LOADING)
            .and(Flags::STALE)
            .and(Flags::SKIP_SLOWLOG),
        keys: &[],
        categories: &[Category::Transaction],
        group: Group::Transactions,
        since: "1.2.0",
        summary: "Runs the commands that were queued since MULTI, all in one step.",
        complexity: "O(N) and what the N queued commands take",
        tips: &[],
    },
    run: exec,
    subcommands: &[],
};

fn exec(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let Some(transaction) = call.session.transaction.as_deref() else {
        return Err(SessionError::ExecWithoutMulti);
    };
    let watch = call.session.watch.take();
    if transaction.is_aborted() {
        call.session.transaction = None;
        return Err(SessionError::TransactionAborted);
    }
    if let Some(watch) = watch {
        // First: a watched key whose time is up is found to be gone here.
        call.turn.look_at(&watch);
        if watch.is_touched() {
            call.session.transaction = None;
            call.reply.null_array();
            return Ok(Then::GoOn);
        }
    }
    if let Err(because) = can_run_all(transaction, call.turn) {
        call.session.transaction = None;
        return Err(SessionError::TransactionRefused { because });
    }
    call.reply.array(transaction.len());
    Ok(Then::RunQueue)
}

/// Before the first of them runs: a shard that lost its lease since they were queued must not run a part of them.
fn can_run_all(transaction: &Transaction, turn: &Turn<'_>) -> Result<(), Refusal> {
    transaction.queue().iter().try_for_each(|queued| match queued.command {
        Registered::Engine(command) => turn.can_run(command),
        Registered::Session(_) => Ok(()),
    })
}
