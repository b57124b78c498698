//! READONLY and READWRITE: whether a connection reads from a replica, which may be behind its primary.

use tenure_engine::command::{Arity, Flags, Group, Spec};

use super::container::{ALWAYS, CONNECTION};
use super::{SessionCall, SessionCommand, SessionError, Then};

pub(super) const READONLY: SessionCommand = SessionCommand::new(
    Spec {
        name: "readonly",
        summary: "Lets the connection read from a replica, which may be behind.",
        ..SPEC
    },
    readonly,
);

pub(super) const READWRITE: SessionCommand = SessionCommand::new(
    Spec {
        name: "readwrite",
        summary: "Takes READONLY back.",
        ..SPEC
    },
    readwrite,
);

const SPEC: Spec = Spec {
    arity: Arity::Exactly(1),
    flags: ALWAYS.and(Flags::FAST),
    group: Group::Cluster,
    since: "3.0.0",
    ..CONNECTION
};

fn readonly(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    call.session.readonly = true;
    call.reply.ok();
    Ok(Then::GoOn)
}

fn readwrite(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    call.session.readonly = false;
    call.reply.ok();
    Ok(Then::GoOn)
}

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn readonly_lasts_until_readwrite_or_reset() {
        let mut server = Server::new();
        for (line, readonly) in [
            ("READONLY", true),
            ("READWRITE", false),
            ("READONLY", true),
            ("RESET", false),
        ] {
            server.run(line);
            assert_eq!(server.session.readonly, readonly, "{line}");
            assert_eq!(server.client.shown.borrow().readonly, readonly, "{line}");
        }
        server.check(&[("READONLY", "OK"), ("READWRITE", "OK"), ("ASKING", "OK")]);
    }
}
