//! CLIENT KILL: ends connections, by address alone or by filters that all must match.

use std::rc::Rc;

use tenure_engine::CommandError;
use tenure_engine::command::{Arity, Spec};

use super::{SPEC, Type, parse_type};
use crate::client::{Client, End};
use crate::commands::argument::{integer, is, one_of, shown};
use crate::commands::container::ADMIN;
use crate::commands::{SessionCall, SessionCommand, SessionError, Then};
use crate::session::DEFAULT_USER;

pub(super) const KILL: SessionCommand = SessionCommand::new(
    Spec {
        name: "client|kill",
        arity: Arity::AtLeast(3),
        flags: ADMIN,
        since: "2.4.0",
        summary: "Ends connections.",
        complexity: "O(N) of N connections",
        ..SPEC
    },
    kill,
);

fn kill(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    if call.args.len() == 3 {
        let address = shown(&call.args[2]);
        let victim = call.replica.clients.list();
        let victim = victim.iter().find(|client| client.address.to_string() == address);
        let then = end(call, victim.ok_or(SessionError::NoSuchClient)?);
        call.reply.ok();
        return Ok(then);
    }
    let filter = Filter::parse(call)?;
    let all = call.replica.clients.list();
    let victims: Vec<_> = all
        .iter()
        .filter(|client| filter.matches(client, call.client))
        .collect();
    let mut then = Then::GoOn;
    for victim in &victims {
        if end(call, victim) == Then::Close {
            then = Then::Close;
        }
    }
    call.reply.integer(i64::try_from(victims.len()).unwrap_or(i64::MAX));
    Ok(then)
}

/// Ends a connection; the own one once it read the reply.
fn end(call: &SessionCall<'_, '_>, victim: &Rc<Client>) -> Then {
    if Rc::ptr_eq(victim, call.client) {
        return Then::Close;
    }
    victim.end(End::Killed);
    Then::GoOn
}

#[derive(Debug)]
struct Filter {
    id: Option<u64>,
    address: Option<String>,
    local_address: Option<String>,
    user: Option<String>,
    client_type: Option<Type>,
    spares_own: bool,
}

impl Filter {
    fn parse(call: &SessionCall<'_, '_>) -> Result<Self, SessionError> {
        let mut filter = Self {
            id: None,
            address: None,
            local_address: None,
            user: None,
            client_type: None,
            spares_own: true,
        };
        let mut args = call.args.iter().skip(2);
        while let Some(option) = args.next() {
            let value = args.next().ok_or(CommandError::Syntax)?;
            if is(option, "id") {
                let id = integer(value).ok().and_then(|id| u64::try_from(id).ok());
                let id = id.filter(|id| *id > 0);
                filter.id = Some(id.ok_or(SessionError::ClientIdNotPositive)?);
            } else if is(option, "addr") {
                filter.address = Some(shown(value));
            } else if is(option, "laddr") {
                filter.local_address = Some(shown(value));
            } else if is(option, "user") {
                filter.user = Some(known_user(call, value)?);
            } else if is(option, "type") {
                filter.client_type = Some(parse_type(value)?);
            } else if is(option, "skipme") {
                filter.spares_own = one_of(value, "yes", "no")?;
            } else {
                return Err(CommandError::Syntax.into());
            }
        }
        Ok(filter)
    }

    fn matches(&self, client: &Rc<Client>, own: &Rc<Client>) -> bool {
        let is_user = |user: &String| client.shown.borrow().user.as_deref().unwrap_or(DEFAULT_USER) == user;
        self.id.is_none_or(|id| client.id == id)
            && self.address.as_ref().is_none_or(|at| client.address.to_string() == *at)
            && self
                .local_address
                .as_ref()
                .is_none_or(|at| client.local_address.to_string() == *at)
            && self.user.as_ref().is_none_or(is_user)
            && self.client_type != Some(Type::Nobody)
            && !(self.spares_own && Rc::ptr_eq(client, own))
    }
}

fn known_user(call: &SessionCall<'_, '_>, name: &[u8]) -> Result<String, SessionError> {
    let cluster = call.replica.cluster();
    let user = cluster.users.iter().find(|user| user.name.as_bytes() == name);
    let user = user.ok_or_else(|| SessionError::NoSuchUser { name: shown(name) })?;
    Ok(user.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::harness::Server;

    #[test]
    fn what_cannot_be_killed_is_told_as_redis_does() {
        let syntax = "(error) ERR syntax error";
        let id = "(error) ERR client-id should be greater than 0";
        Server::new().check(&[
            ("CLIENT KILL foo", "(error) ERR No such client"),
            ("CLIENT KILL ID a", id),
            ("CLIENT KILL ID 0", id),
            ("CLIENT KILL ID -1", id),
            ("CLIENT KILL ID 99", "(integer) 0"),
            ("CLIENT KILL TYPE foo", "(error) ERR Unknown client type 'foo'"),
            ("CLIENT KILL TYPE pubsub", "(integer) 0"),
            ("CLIENT KILL USER foo", "(error) ERR No such user 'foo'"),
            ("CLIENT KILL ADDR 1 ID", syntax),
            ("CLIENT KILL SKIPME foo", syntax),
            ("CLIENT KILL foo bar", syntax),
            ("CLIENT KILL LADDR foo", "(integer) 0"),
        ]);
    }

    #[test]
    fn all_filters_must_match() {
        let mut server = Server::new();
        let (eight, nine) = (
            server.connect(8, "127.0.0.1:50008"),
            server.connect(9, "127.0.0.1:50009"),
        );
        eight.shown.borrow_mut().user = Some("alice".to_owned());
        server.check(&[
            ("CLIENT KILL ID 8 USER default", "(integer) 0"),
            ("CLIENT KILL ID 8 ADDR 127.0.0.1:50009", "(integer) 0"),
            ("CLIENT KILL USER alice LADDR 127.0.0.1:7001 TYPE normal", "(integer) 1"),
        ]);
        assert_eq!((eight.must_end(), nine.must_end()), (Some(End::Killed), None));
        server.check(&[("CLIENT KILL 127.0.0.1:50009", "OK")]);
        assert_eq!(nine.must_end(), Some(End::Killed));
    }

    #[test]
    fn the_own_connection_is_spared_unless_it_is_asked_for() {
        let mut server = Server::new();
        server.check(&[("CLIENT KILL ID 7", "(integer) 0")]);
        assert_eq!(server.then, Then::GoOn);
        server.check(&[("CLIENT KILL ID 7 SKIPME no", "(integer) 1")]);
        assert_eq!(server.then, Then::Close);
        server.check(&[("CLIENT KILL 127.0.0.1:50007", "OK")]);
        assert_eq!(server.then, Then::Close);
    }
}
