//! LASTSAVE. Every acknowledged write is durable, so the last save is now.

use tenure_engine::command::{Arity, Category, Flags, Spec};

use super::container::{ALWAYS, NONDETERMINISTIC, SERVER};
use super::{SessionCall, SessionCommand, SessionError, Then};

pub(super) const LASTSAVE: SessionCommand = SessionCommand::new(
    Spec {
        name: "lastsave",
        arity: Arity::Exactly(1),
        flags: ALWAYS.and(Flags::FAST),
        // It is for operators in Redis, and yet not flagged so.
        categories: &[Category::Admin, Category::Dangerous],
        since: "1.0.0",
        summary: "Up to when acknowledged writes are durable: now.",
        tips: NONDETERMINISTIC,
        ..SERVER
    },
    lastsave,
);

fn lastsave(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let seconds = call.replica.clock().wall().as_unix_millis() / 1000;
    call.reply.integer(i64::try_from(seconds).unwrap_or(i64::MAX));
    Ok(Then::GoOn)
}

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn the_last_save_is_now() {
        Server::new().check(&[("LASTSAVE", "(integer) 1700000000")]);
    }
}
