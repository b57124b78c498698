//! CLIENT REPLY.

use tenure_engine::CommandError;
use tenure_engine::command::{Arity, Spec};

use super::SPEC;
use crate::commands::argument::is;
use crate::commands::{SessionCall, SessionCommand, SessionError, Then};
use crate::session::Replies;

pub(super) const REPLY: SessionCommand = SessionCommand::new(
    Spec {
        name: "client|reply",
        arity: Arity::Exactly(3),
        since: "3.2.0",
        summary: "Whether the connection is answered.",
        ..SPEC
    },
    reply,
);

fn reply(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let mode = &call.args[2];
    if is(mode, "on") {
        call.session.replies = Replies::On;
        call.reply.ok();
    } else if is(mode, "off") {
        call.session.replies = Replies::Off;
    } else if is(mode, "skip") {
        if call.session.replies != Replies::Off {
            call.session.replies = Replies::SkipNext;
        }
    } else {
        return Err(CommandError::Syntax.into());
    }
    Ok(Then::GoOn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::harness::Server;

    #[test]
    fn only_on_is_answered() {
        let mut server = Server::new();
        for (line, reply, replies) in [
            ("CLIENT REPLY skip", "", Replies::SkipNext),
            ("CLIENT REPLY OFF", "", Replies::Off),
            ("CLIENT REPLY SKIP", "", Replies::Off),
            ("CLIENT REPLY ON", "OK", Replies::On),
            ("CLIENT REPLY foo", "(error) ERR syntax error", Replies::On),
        ] {
            assert_eq!(server.run(line), reply, "{line}");
            assert_eq!(server.session.replies, replies, "{line}");
        }
    }
}
