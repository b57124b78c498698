//! CLIENT NO-EVICT and NO-TOUCH: hints that cost nothing to accept.
//! The connection that keeps most memory is closed when all together keep too much, whatever NO-EVICT says: a tenant could
//! fill the node otherwise. What an access does
//! to a key's age is of no consequence for what a client reads; NO-TOUCH is taken, and accesses count all the same.

use tenure_engine::command::{Arity, Spec};

use super::SPEC;
use crate::commands::argument::one_of;
use crate::commands::container::ADMIN;
use crate::commands::{SessionCall, SessionCommand, SessionError, Then};

pub(super) const NO_EVICT: SessionCommand = SessionCommand::new(
    Spec {
        name: "client|no-evict",
        arity: Arity::Exactly(3),
        flags: ADMIN,
        since: "7.0.0",
        summary: "Asks to spare the connection when memory is full; none is spared.",
        ..SPEC
    },
    take,
);

pub(super) const NO_TOUCH: SessionCommand = SessionCommand::new(
    Spec {
        name: "client|no-touch",
        arity: Arity::Exactly(3),
        since: "7.2.0",
        summary: "Asks not to count accesses for eviction; they are counted.",
        ..SPEC
    },
    take,
);

fn take(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    one_of(&call.args[2], "on", "off")?;
    call.reply.ok();
    Ok(Then::GoOn)
}

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn hints_are_on_or_off() {
        Server::new().check(&[
            ("CLIENT NO-EVICT on", "OK"),
            ("CLIENT NO-EVICT foo", "(error) ERR syntax error"),
            ("CLIENT NO-TOUCH OFF", "OK"),
        ]);
    }
}
