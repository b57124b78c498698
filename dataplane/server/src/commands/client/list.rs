//! CLIENT LIST and CLIENT INFO: the connections to this replica, one a line.
//! Promises: a line has the fields of Redis in its order. Those that have no meaning here are 0, so that every parser is
//! content; no memory but the two buffers is counted.

use std::collections::BTreeSet;
use std::rc::Rc;

use tenure_engine::CommandError;
use tenure_engine::command::{Arity, Spec};
use tenure_types::BootTime;

use super::{SPEC, Type, parse_type};
use crate::client::Client;
use crate::commands::argument::{integer, is};
use crate::commands::container::{ADMIN, NONDETERMINISTIC};
use crate::commands::{SessionCall, SessionCommand, SessionError, Then};
use crate::session::DEFAULT_USER;

pub(super) const LIST: SessionCommand = SessionCommand::new(
    Spec {
        name: "client|list",
        arity: Arity::AtLeast(2),
        flags: ADMIN,
        since: "2.4.0",
        summary: "The connections to this node, one a line.",
        complexity: "O(N) of N connections",
        tips: NONDETERMINISTIC,
        ..SPEC
    },
    list,
);

fn list(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let all = call.replica.clients.list();
    let wanted = match (call.args.get(2), call.args.get(3)) {
        (None, _) => all,
        (Some(option), Some(name)) if is(option, "type") && call.args.len() == 4 => match parse_type(name)? {
            Type::Normal => all,
            Type::Nobody => Vec::new(),
        },
        (Some(option), Some(_)) if is(option, "id") => by_id(call, &all)?,
        _ => return Err(CommandError::Syntax.into()),
    };
    let now = call.turn.now();
    let lines: Vec<u8> = wanted.iter().flat_map(|client| line(client, now)).collect();
    call.reply.verbatim("txt", &String::from_utf8_lossy(&lines));
    Ok(Then::GoOn)
}

/// Those that are asked for by number, in the order of the question, each once.
fn by_id(call: &SessionCall<'_, '_>, all: &[Rc<Client>]) -> Result<Vec<Rc<Client>>, SessionError> {
    let mut wanted = Vec::new();
    let mut seen = BTreeSet::new();
    for id in call.args.from(3).iter() {
        let id = integer(id).map_err(|_| SessionError::InvalidClientId)?;
        let found = u64::try_from(id).ok().filter(|id| seen.insert(*id));
        // They are listed by their numbers.
        let found = found.and_then(|id| all.binary_search_by_key(&id, |client| client.id).ok());
        wanted.extend(found.and_then(|at| all.get(at)).cloned());
    }
    Ok(wanted)
}

pub(super) const INFO: SessionCommand = SessionCommand::new(
    Spec {
        name: "client|info",
        since: "6.2.0",
        summary: "This connection, as a line of CLIENT LIST.",
        tips: NONDETERMINISTIC,
        ..SPEC
    },
    |call| {
        let line = line(call.client, call.turn.now());
        call.reply.verbatim("txt", &String::from_utf8_lossy(&line));
        Ok(Then::GoOn)
    },
);

fn line(client: &Client, now: BootTime) -> Vec<u8> {
    let shown = client.shown.borrow();
    let age = now.elapsed_since(client.since).as_secs();
    let idle = now.elapsed_since(client.last_active.get()).as_secs();
    let mut flags = String::new();
    for (applies, flag) in [
        (shown.queued.is_some(), 'x'),
        (shown.readonly, 'r'),
        (client.must_end().is_some(), 'A'),
    ] {
        flags.extend(applies.then_some(flag));
    }
    if flags.is_empty() {
        flags.push('N');
    }
    let queued = shown.queued.map_or("-1".to_owned(), |queued| queued.to_string());
    let events = if shown.output_bytes > 0 { "rw" } else { "r" };
    let command = if shown.command.as_str().is_empty() {
        "NULL"
    } else {
        shown.command.as_str()
    };
    let resp = if shown.resp3 { 3 } else { 2 };
    let fields: [(&str, String); 29] = [
        ("id", client.id.to_string()),
        ("addr", client.address.to_string()),
        ("laddr", client.local_address.to_string()),
        ("fd", "-1".to_owned()),
        ("name", String::from_utf8_lossy(&shown.name).into_owned()),
        ("age", age.to_string()),
        ("idle", idle.to_string()),
        ("flags", flags),
        ("db", "0".to_owned()),
        ("sub", "0".to_owned()),
        ("psub", "0".to_owned()),
        ("ssub", "0".to_owned()),
        ("multi", queued),
        ("watch", shown.watched.to_string()),
        ("qbuf", shown.input_bytes.to_string()),
        ("qbuf-free", "0".to_owned()),
        ("argv-mem", "0".to_owned()),
        ("multi-mem", "0".to_owned()),
        ("rbs", "0".to_owned()),
        ("rbp", "0".to_owned()),
        ("obl", "0".to_owned()),
        ("oll", "0".to_owned()),
        ("omem", shown.output_bytes.to_string()),
        (
            "tot-mem",
            shown.input_bytes.saturating_add(shown.output_bytes).to_string(),
        ),
        ("events", events.to_owned()),
        ("cmd", command.to_owned()),
        ("user", shown.user.clone().unwrap_or_else(|| DEFAULT_USER.to_owned())),
        ("redir", "-1".to_owned()),
        ("resp", resp.to_string()),
    ];
    let mut line = fields
        .map(|(name, value)| format!("{name}={value}"))
        .join(" ")
        .into_bytes();
    for (name, value) in [
        (" lib-name=", &shown.library_name),
        (" lib-ver=", &shown.library_version),
    ] {
        line.extend_from_slice(name.as_bytes());
        line.extend_from_slice(value);
    }
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::client::End;
    use crate::commands::harness::Server;

    #[test]
    fn a_line_has_the_fields_of_redis() {
        let mut server = Server::new();
        server.clock.advance(Duration::from_millis(2_500));
        server.check(&[
            ("CLIENT SETNAME me", "OK"),
            (
                "CLIENT INFO",
                "id=7 addr=127.0.0.1:50007 laddr=127.0.0.1:7001 fd=-1 name=me age=2 idle=2 flags=N db=0 sub=0 psub=0 \
                 ssub=0 multi=-1 watch=0 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 \
                 tot-mem=0 events=r cmd=client|info user=default redir=-1 resp=2 lib-name= lib-ver=\n",
            ),
        ]);
    }

    #[test]
    fn connections_are_listed_by_type_and_number() {
        let mut server = Server::new();
        server.connect(9, "127.0.0.1:50009").end(End::Killed);
        let mut ids = |line: &str| -> Vec<String> {
            let reply = server.run(line);
            reply
                .lines()
                .map(|line| line.split(' ').next().unwrap().to_owned())
                .collect()
        };
        assert_eq!(ids("CLIENT LIST"), ["id=7", "id=9"]);
        assert_eq!(ids("CLIENT LIST TYPE NORMAL"), ["id=7", "id=9"]);
        assert_eq!(ids("CLIENT LIST TYPE pubsub"), [""; 0]);
        assert_eq!(ids("CLIENT LIST ID 9 8 7 9"), ["id=9", "id=7"]);
        server.check(&[
            ("CLIENT LIST ID", "(error) ERR syntax error"),
            ("CLIENT LIST ID a", "(error) ERR Invalid client ID"),
            ("CLIENT LIST TYPE", "(error) ERR syntax error"),
            ("CLIENT LIST TYPE foo", "(error) ERR Unknown client type 'foo'"),
            ("CLIENT LIST TYPE normal ID 3", "(error) ERR syntax error"),
            ("CLIENT LIST foo", "(error) ERR syntax error"),
        ]);
        assert!(server.run("CLIENT LIST ID 9").contains(" flags=A "));
    }
}
