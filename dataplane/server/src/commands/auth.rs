//! AUTH, and who may log in.
//! Promises: how long it takes tells nothing of which users there are, nor of their passwords: every attempt hashes what
//! was sent, and compares one hash in constant time.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tenure_engine::CommandError;
use tenure_engine::command::{Arity, Flags, Spec};

use super::container::{CONNECTION, NOSCRIPT};
use super::{SessionCall, SessionCommand, SessionError, Then};
use crate::layout::{ClusterLayout, User};
use crate::session::DEFAULT_USER;

pub(super) const AUTH: SessionCommand = SessionCommand::new(
    Spec {
        name: "auth",
        arity: Arity::AtLeast(2),
        flags: NOSCRIPT.and(Flags::FAST).and(Flags::NO_AUTH).and(Flags::ALLOW_BUSY),
        since: "1.0.0",
        summary: "Logs in, by a password alone as the default user.",
        ..CONNECTION
    },
    auth,
);

fn auth(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let cluster = call.replica.cluster();
    let (name, password) = match call.args.len() {
        2 => (DEFAULT_USER.as_bytes(), &call.args[1]),
        3 => (&call.args[1], &call.args[2]),
        _ => return Err(CommandError::Syntax.into()),
    };
    if call.args.len() == 2 && find(&cluster, name).is_some_and(|user| user.password_sha256.is_none()) {
        return Err(SessionError::NoPasswordIsAskedFor);
    }
    call.session.user = Some(check(&cluster, name, password)?);
    call.reply.ok();
    Ok(Then::GoOn)
}

/// The name of the user, if the password is right.
pub(super) fn check(cluster: &ClusterLayout, name: &[u8], password: &[u8]) -> Result<String, SessionError> {
    let sent: [u8; 32] = Sha256::digest(password).into();
    let user = find(cluster, name);
    // An unknown user is compared too, with what no password is known to hash to.
    let expected = user.and_then(|user| user.password_sha256).unwrap_or_default();
    let is_right = bool::from(sent.ct_eq(&expected));
    match user {
        Some(user) if is_right || user.password_sha256.is_none() => Ok(user.name.clone()),
        _ => Err(SessionError::WrongPassword),
    }
}

fn find<'c>(cluster: &'c ClusterLayout, name: &[u8]) -> Option<&'c User> {
    cluster.users.iter().find(|user| user.name.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    const WRONG: &str = "(error) WRONGPASS invalid username-password pair or user is disabled.";

    #[test]
    fn an_unknown_user_and_a_wrong_password_are_one_error() {
        let mut server = Server::with_passwords();
        server.check(&[
            ("AUTH alice wrong", WRONG),
            ("AUTH nobody secret", WRONG),
            ("AUTH nobody \"\"", WRONG),
            ("AUTH wrong", WRONG),
            ("AUTH Alice secret", WRONG),
            ("AUTH a b c", "(error) ERR syntax error"),
        ]);
        assert_eq!(server.session.user, None);
    }

    #[test]
    fn the_right_password_logs_in_and_a_wrong_one_does_not_log_out() {
        let mut server = Server::with_passwords();
        server.check(&[("AUTH pass", "OK"), ("ACL WHOAMI", "\"default\"")]);
        server.check(&[("AUTH alice secret", "OK"), ("ACL WHOAMI", "\"alice\"")]);
        server.check(&[("AUTH alice wrong", WRONG), ("ACL WHOAMI", "\"alice\"")]);
        assert_eq!(server.client.shown.borrow().user.as_deref(), Some("alice"));
    }

    #[test]
    fn a_password_that_is_not_asked_for_is_pointed_out() {
        Server::new().check(&[
            (
                "AUTH x",
                "(error) ERR AUTH <password> called without any password configured for the default user. Are you \
                 sure your configuration is correct?",
            ),
            ("AUTH default x", "OK"),
            ("AUTH alice secret", "OK"),
        ]);
    }
}
