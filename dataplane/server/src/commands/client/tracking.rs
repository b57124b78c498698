//! CLIENT TRACKING and its kin. Keys are not tracked yet: who asks for it is told, rather than left without invalidations.

use tenure_engine::CommandError;
use tenure_engine::command::{Arity, Spec};

use super::SPEC;
use crate::commands::argument::one_of;
use crate::commands::{SessionCall, SessionCommand, SessionError, Then};

pub(super) const TRACKING: SessionCommand = SessionCommand::new(
    Spec {
        name: "client|tracking",
        arity: Arity::AtLeast(3),
        since: "6.0.0",
        summary: "Whether keys that are read are tracked, so that a client may cache them.",
        ..SPEC
    },
    tracking,
);

fn tracking(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    if one_of(&call.args[2], "on", "off")? {
        return Err(SessionError::TrackingUnavailable);
    }
    if call.args.len() > 3 {
        return Err(CommandError::Syntax.into());
    }
    call.reply.ok();
    Ok(Then::GoOn)
}

pub(super) const CACHING: SessionCommand = SessionCommand::new(
    Spec {
        name: "client|caching",
        arity: Arity::Exactly(3),
        since: "6.0.0",
        summary: "Whether the keys of the next command are tracked.",
        ..SPEC
    },
    // As in Redis, that nothing is tracked is told before what the word is.
    |_| Err(SessionError::NotTracking),
);

pub(super) const GETREDIR: SessionCommand = SessionCommand::new(
    Spec {
        name: "client|getredir",
        since: "6.0.0",
        summary: "Which connection invalidations are sent to: -1, there are none.",
        ..SPEC
    },
    |call| {
        call.reply.integer(-1);
        Ok(Then::GoOn)
    },
);

pub(super) const TRACKINGINFO: SessionCommand = SessionCommand::new(
    Spec {
        name: "client|trackinginfo",
        since: "6.2.0",
        summary: "How keys are tracked for this connection: not at all.",
        ..SPEC
    },
    |call| {
        call.reply.map(3);
        call.reply.bulk(b"flags");
        call.reply.set(1);
        call.reply.bulk(b"off");
        call.reply.bulk(b"redirect");
        call.reply.integer(-1);
        call.reply.bulk(b"prefixes");
        call.reply.array(0);
        Ok(Then::GoOn)
    },
);

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn nothing_is_tracked_and_who_asks_is_told() {
        let not_tracking = "(error) ERR CLIENT CACHING can be called only when the client is in tracking mode with \
                            OPTIN or OPTOUT mode enabled";
        Server::new().check(&[
            ("CLIENT TRACKING OFF", "OK"),
            ("CLIENT TRACKING OFF foo", "(error) ERR syntax error"),
            ("CLIENT TRACKING foo", "(error) ERR syntax error"),
            (
                "CLIENT TRACKING ON BCAST",
                "(error) ERR CLIENT TRACKING ON is not supported yet: the server sends no invalidations",
            ),
            ("CLIENT GETREDIR", "(integer) -1"),
            (
                "CLIENT TRACKINGINFO",
                r#"["flags" ["off"] "redirect" (integer) -1 "prefixes" []]"#,
            ),
            ("HELLO 3", "*"),
            (
                "CLIENT TRACKINGINFO",
                r#"{"flags" => ~["off"] "redirect" => (integer) -1 "prefixes" => []}"#,
            ),
            ("CLIENT CACHING foo", not_tracking),
            ("CLIENT CACHING yes", not_tracking),
        ]);
    }
}
