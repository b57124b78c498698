//! QUIT.

use tenure_engine::command::{Arity, Flags, Spec};

use super::container::{CONNECTION, NOSCRIPT};
use super::{SessionCall, SessionCommand, SessionError, Then};

pub(super) const QUIT: SessionCommand = SessionCommand::new(
    Spec {
        name: "quit",
        arity: Arity::AtLeast(1),
        flags: NOSCRIPT.and(Flags::FAST).and(Flags::NO_AUTH).and(Flags::ALLOW_BUSY),
        since: "1.0.0",
        summary: "Ends the connection once all replies left.",
        ..CONNECTION
    },
    quit,
);

fn quit(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    call.reply.ok();
    Ok(Then::Close)
}
