//! HELLO: chooses the protocol, logs in, names the connection, and tells of the server.
//! Promises: after an error nothing of it was done.

use tenure_engine::Protocol;
use tenure_engine::command::{Arity, Flags, Spec};

use super::argument::{integer, is, shown};
use super::client::name::check_name;
use super::cluster::view::View;
use super::container::{CONNECTION, NOSCRIPT};
use super::info::VERSION;
use super::{SessionCall, SessionCommand, SessionError, Then, auth};

pub(super) const HELLO: SessionCommand = SessionCommand::new(
    Spec {
        name: "hello",
        arity: Arity::AtLeast(1),
        flags: NOSCRIPT.and(Flags::FAST).and(Flags::NO_AUTH).and(Flags::ALLOW_BUSY),
        since: "6.0.0",
        summary: "Chooses the version of the protocol, and logs in if asked to.",
        ..CONNECTION
    },
    hello,
);

/// What it asks for.
#[derive(Debug, Default)]
struct Wish<'a> {
    protocol: Option<Protocol>,
    auth: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

fn hello(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let wish = parse(call)?;
    let cluster = call.replica.cluster();
    let user = match wish.auth {
        Some((name, password)) => Some(auth::check(&cluster, name, password)?),
        None => call.session.user.clone(),
    };
    if user.is_none() {
        return Err(SessionError::HelloBeforeAuth);
    }
    call.session.user = user;
    if let Some(name) = wish.name {
        call.session.name = name.to_vec();
    }
    if let Some(protocol) = wish.protocol {
        call.session.protocol = protocol;
    }
    answer(call);
    Ok(Then::GoOn)
}

fn parse<'a>(call: &SessionCall<'a, '_>) -> Result<Wish<'a>, SessionError> {
    let mut args = call.args.iter().skip(1);
    let mut wish = Wish::default();
    let Some(version) = args.next() else {
        return Ok(wish);
    };
    wish.protocol = Some(match integer(version) {
        Ok(2) => Protocol::Resp2,
        Ok(3) => Protocol::Resp3,
        Ok(_) => return Err(SessionError::UnsupportedProtocol),
        Err(_) => return Err(SessionError::NoProtocolNumber),
    });
    while let Some(option) = args.next() {
        let bad_option = || SessionError::HelloOption { option: shown(option) };
        if is(option, "auth") {
            let pair = args.next().zip(args.next());
            wish.auth = Some(pair.ok_or_else(bad_option)?);
        } else if is(option, "setname") {
            let name = args.next().ok_or_else(bad_option)?;
            check_name("Client names", name)?;
            wish.name = Some(name);
        } else {
            return Err(bad_option());
        }
    }
    Ok(wish)
}

fn answer(call: &mut SessionCall<'_, '_>) {
    let is_primary = View::of(call.replica).is_primary(call.turn.standing());
    let proto = match call.session.protocol {
        Protocol::Resp2 => 2,
        Protocol::Resp3 => 3,
    };
    let reply = &mut *call.reply;
    reply.map(7);
    // Libraries look for this very name.
    reply.bulk(b"server");
    reply.bulk(b"redis");
    reply.bulk(b"version");
    reply.bulk(VERSION.as_bytes());
    reply.bulk(b"proto");
    reply.integer(proto);
    reply.bulk(b"id");
    reply.integer(i64::try_from(call.client.id).unwrap_or(i64::MAX));
    reply.bulk(b"mode");
    reply.bulk(b"cluster");
    reply.bulk(b"role");
    reply.bulk(if is_primary { b"master" } else { b"replica" });
    reply.bulk(b"modules");
    reply.array(0);
}

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;
    use tenure_engine::Protocol;

    #[test]
    fn hello_answers_as_a_map_in_the_protocol_that_it_asks_for() {
        Server::new().check(&[
            (
                "HELLO",
                r#"["server" "redis" "version" "7.2.4" "proto" (integer) 2 "id" (integer) 7 "mode" "cluster" "role" "master" "modules" []]"#,
            ),
            (
                "HELLO 3",
                r#"{"server" => "redis" "version" => "7.2.4" "proto" => (integer) 3 "id" => (integer) 7 "mode" => "cluster" "role" => "master" "modules" => []}"#,
            ),
        ]);
    }

    #[test]
    fn hello_refuses_what_it_does_not_know() {
        let mut server = Server::new();
        server.check(&[
            ("HELLO 1", "(error) NOPROTO unsupported protocol version"),
            ("HELLO 4", "(error) NOPROTO unsupported protocol version"),
            (
                "HELLO x",
                "(error) ERR Protocol version is not an integer or out of range",
            ),
            ("HELLO 3 AUTH a", "(error) ERR Syntax error in HELLO option 'AUTH'"),
            ("HELLO 3 SETNAME", "(error) ERR Syntax error in HELLO option 'SETNAME'"),
            ("HELLO 3 foo", "(error) ERR Syntax error in HELLO option 'foo'"),
            (
                "HELLO 3 SETNAME \"a b\"",
                "(error) ERR Client names cannot contain spaces, newlines or special characters.",
            ),
        ]);
        assert_eq!(server.session.protocol, Protocol::Resp2);
    }

    #[test]
    fn hello_needs_a_user_and_can_log_in() {
        let mut server = Server::with_passwords();
        assert!(server.run("HELLO 3").starts_with("(error) NOAUTH HELLO must be called"));
        server.check(&[(
            "HELLO 3 AUTH alice wrong SETNAME me",
            "(error) WRONGPASS invalid username-password pair or user is disabled.",
        )]);
        assert!(server.session.name.is_empty());
        server.check(&[
            ("HELLO 3 AUTH alice secret SETNAME me", "*"),
            ("CLIENT GETNAME", "\"me\""),
            ("ACL WHOAMI", "\"alice\""),
        ]);
    }

    #[test]
    fn a_replica_says_that_it_is_one() {
        let reply = Server::follower().run("HELLO 2");
        assert!(reply.contains(r#""role" "replica""#), "{reply}");
    }
}
