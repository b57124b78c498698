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
    let is_watching = watch.is_some();
    if transaction.is_aborted() {
        call.session.transaction = None;
        return Err(SessionError::TransactionAborted);
    }
    if let Some(watch) = watch
        && call.turn.is_changed(&watch)
    {
        call.session.transaction = None;
        call.reply.null_array();
        return Ok(Then::GoOn);
    }
    // That nobody changed what is watched is told of data, also if nothing was queued.
    let can_run = can_run_all(transaction, is_watching, call.turn);
    if let Err(because) = can_run.and_then(|()| call.turn.begin_transaction(needs_memory(transaction))) {
        call.session.transaction = None;
        return Err(SessionError::TransactionRefused { because });
    }
    call.reply.array(transaction.len());
    Ok(Then::RunQueue)
}

/// Before the first of them runs: a shard that lost its lease since they were queued must not run a part of them.
fn can_run_all(transaction: &Transaction, is_watching: bool, turn: &Turn<'_>) -> Result<(), Refusal> {
    if is_watching {
        turn.can_answer(Flags::NONE)?;
    }
    transaction.queue().iter().try_for_each(|queued| match &queued.command {
        Registered::Engine(command) => turn.can_run(command.spec.flags),
        Registered::Plugin(command) => turn.can_run_plugin(command),
        Registered::Session(command) => turn.can_answer(command.spec.flags),
    })
}

fn needs_memory(transaction: &Transaction) -> bool {
    let mut queue = transaction.queue().iter();
    queue.any(|queued| queued.command.spec().flags.has(Flags::DENYOOM))
}
