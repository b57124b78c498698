//! CLIENT SETNAME, GETNAME and SETINFO.
//! Promises: a name is printable and short, so that a line of CLIENT LIST stays one line and no connection takes much
//! memory by what it calls itself.

use tenure_engine::command::{Arity, Spec};

use super::SPEC;
use crate::commands::argument::{is, shown};
use crate::commands::container::ALL_NODES;
use crate::commands::{SessionCall, SessionCommand, SessionError, Then};

/// Longest name. Redis has no bound but that of a request.
const BYTES_MAX: usize = 1024;

pub(super) const SETNAME: SessionCommand = SessionCommand::new(
    Spec {
        name: "client|setname",
        arity: Arity::Exactly(3),
        since: "2.6.9",
        summary: "Names the connection.",
        ..SPEC
    },
    |call| {
        let name = &call.args[2];
        check_name("Client names", name)?;
        call.session.name = name.to_vec();
        call.reply.ok();
        Ok(Then::GoOn)
    },
);

pub(super) const GETNAME: SessionCommand = SessionCommand::new(
    Spec {
        name: "client|getname",
        since: "2.6.9",
        summary: "The name of the connection.",
        ..SPEC
    },
    |call| {
        let name = Some(call.session.name.as_slice()).filter(|name| !name.is_empty());
        call.reply.bulk_or_null(name);
        Ok(Then::GoOn)
    },
);

pub(super) const SETINFO: SessionCommand = SessionCommand::new(
    Spec {
        name: "client|setinfo",
        arity: Arity::Exactly(4),
        since: "7.2.0",
        summary: "Names the library that a client is built with.",
        tips: ALL_NODES,
        ..SPEC
    },
    set_info,
);

fn set_info(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let (attribute, value) = (&call.args[2], &call.args[3]);
    if is(attribute, "lib-name") {
        check_name("lib-name", value)?;
        call.session.library_name = value.to_vec();
    } else if is(attribute, "lib-ver") {
        check_name("lib-ver", value)?;
        call.session.library_version = value.to_vec();
    } else {
        let option = shown(attribute);
        return Err(SessionError::UnknownAttribute { option });
    }
    call.reply.ok();
    Ok(Then::GoOn)
}

/// Whether something may be called so.
pub(in crate::commands) fn check_name(what: &'static str, name: &[u8]) -> Result<(), SessionError> {
    if !name.iter().all(u8::is_ascii_graphic) {
        return Err(SessionError::NotPrintable { what });
    }
    if name.len() > BYTES_MAX {
        let bytes_max = BYTES_MAX;
        return Err(SessionError::NameTooLong { what, bytes_max });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn a_name_is_printable_and_an_empty_one_is_none() {
        let bad = "(error) ERR Client names cannot contain spaces, newlines or special characters.";
        Server::new().check(&[
            ("CLIENT GETNAME", "(nil)"),
            ("CLIENT SETNAME foo", "OK"),
            ("CLIENT SETNAME \"a b\"", bad),
            ("CLIENT SETNAME \"a\\nb\"", bad),
            ("CLIENT SETNAME é", bad),
            ("CLIENT GETNAME", "\"foo\""),
            ("CLIENT SETNAME \"\"", "OK"),
            ("CLIENT GETNAME", "(nil)"),
        ]);
    }

    #[test]
    fn a_name_takes_little_memory() {
        let mut server = Server::new();
        assert_eq!(server.run(&format!("CLIENT SETNAME {}", "x".repeat(1024))), "OK");
        assert_eq!(
            server.run(&format!("CLIENT SETNAME {}", "x".repeat(1025))),
            "(error) ERR Client names cannot be longer than 1024 bytes"
        );
    }

    #[test]
    fn the_library_is_shown_to_others() {
        let mut server = Server::new();
        server.check(&[
            ("CLIENT SETINFO LIB-NAME redis-py", "OK"),
            ("CLIENT SETINFO lib-ver 5.0.1", "OK"),
            (
                "CLIENT SETINFO lib-name \"a b\"",
                "(error) ERR lib-name cannot contain spaces, newlines or special characters.",
            ),
            ("CLIENT SETINFO foo bar", "(error) ERR Unrecognized option 'foo'"),
        ]);
        let line = server.run("CLIENT INFO");
        assert!(line.ends_with(" lib-name=redis-py lib-ver=5.0.1\n"), "{line}");
    }
}
