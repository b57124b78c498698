//! CLIENT UNBLOCK. No command waits yet, so nobody is unblocked.

use tenure_engine::command::{Arity, Spec};

use super::SPEC;
use crate::commands::argument::{integer, is};
use crate::commands::container::ADMIN;
use crate::commands::{SessionCall, SessionCommand, SessionError, Then};

pub(super) const UNBLOCK: SessionCommand = SessionCommand::new(
    Spec {
        name: "client|unblock",
        arity: Arity::AtLeast(3),
        flags: ADMIN,
        since: "5.0.0",
        summary: "Ends the waiting of another connection; none waits.",
        ..SPEC
    },
    unblock,
);

fn unblock(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let is_reason = |reason: &[u8]| is(reason, "timeout") || is(reason, "error");
    match (call.args.len(), call.args.get(3)) {
        (..=4, None) => {}
        (..=4, Some(reason)) if is_reason(reason) => {}
        _ => return Err(SessionError::UnblockReason),
    }
    integer(&call.args[2])?;
    call.reply.integer(0);
    Ok(Then::GoOn)
}

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn nobody_is_unblocked() {
        Server::new().check(&[
            ("CLIENT UNBLOCK 1", "(integer) 0"),
            ("CLIENT UNBLOCK 1 TIMEOUT", "(integer) 0"),
            (
                "CLIENT UNBLOCK 1 foo",
                "(error) ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR",
            ),
            (
                "CLIENT UNBLOCK a",
                "(error) ERR value is not an integer or out of range",
            ),
        ]);
    }
}
