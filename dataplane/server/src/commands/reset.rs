//! RESET: the connection is as if it were new.

use tenure_engine::command::{Arity, Flags, Spec};

use super::container::{CONNECTION, NOSCRIPT};
use super::{SessionCall, SessionCommand, SessionError, Then};

pub(super) const RESET: SessionCommand = SessionCommand::new(
    Spec {
        name: "reset",
        arity: Arity::Exactly(1),
        flags: NOSCRIPT.and(Flags::FAST).and(Flags::NO_AUTH).and(Flags::ALLOW_BUSY),
        since: "6.2.0",
        summary: "Makes the connection what it was when it began.",
        ..CONNECTION
    },
    reset,
);

fn reset(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    call.session.reset(&call.replica.cluster());
    call.reply.simple("RESET");
    Ok(Then::GoOn)
}

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn reset_forgets_the_user_the_protocol_and_the_name() {
        let mut server = Server::new();
        server.check(&[("HELLO 3 AUTH alice secret SETNAME me", "*"), ("RESET", "RESET")]);
        assert_eq!(server.session.user.as_deref(), Some("default"));
        assert!(server.session.name.is_empty());
        assert_eq!(server.session.protocol, tenure_engine::Protocol::Resp2);
    }

    #[test]
    fn reset_logs_out_where_a_password_is_asked_for() {
        let mut server = Server::with_passwords();
        server.check(&[("AUTH alice secret", "OK"), ("RESET", "RESET")]);
        assert_eq!(server.session.user, None);
    }
}
