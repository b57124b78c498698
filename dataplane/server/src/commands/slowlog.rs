//! SLOWLOG. Slow commands are seen in the platform's metrics; the log of Redis is there for tools that ask, and empty.

use tenure_engine::command::{Arity, Flags, Group, Spec};

use super::argument::{integer, shown};
use super::container::{ALL_NODES, ALWAYS, SERVER, help};
use super::{SessionCall, SessionCommand, SessionError, Then};

pub(super) const SLOWLOG: SessionCommand = SessionCommand::container(
    Spec {
        name: "slowlog",
        arity: Arity::AtLeast(2),
        flags: Flags::NONE,
        since: "2.2.12",
        summary: "Commands on the log of slow commands.",
        ..SERVER
    },
    &[GET, LEN, RESET, help("slowlog|help", Group::Server, "6.2.0")],
);

const SPEC: Spec = Spec {
    flags: ALWAYS.and(Flags::ADMIN),
    since: "2.2.12",
    ..SERVER
};

const GET: SessionCommand = SessionCommand::new(
    Spec {
        name: "slowlog|get",
        arity: Arity::AtLeast(2),
        summary: "The slow commands: none are kept.",
        tips: &["nondeterministic_output", "request_policy:all_nodes"],
        ..SPEC
    },
    get,
);

fn get(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    match (call.args.len(), call.args.get(2)) {
        (..=3, None) => {}
        (..=3, Some(count)) if matches!(integer(count), Ok(-1..)) => {}
        (..=3, Some(_)) => return Err(SessionError::SlowlogCount),
        _ => {
            let subcommand = shown(&call.args[1]);
            return Err(SessionError::SlowlogArguments { subcommand });
        }
    }
    call.reply.array(0);
    Ok(Then::GoOn)
}

const LEN: SessionCommand = SessionCommand::new(
    Spec {
        name: "slowlog|len",
        summary: "How many slow commands are kept: 0.",
        tips: &[
            "nondeterministic_output",
            "request_policy:all_nodes",
            "response_policy:agg_sum",
        ],
        ..SPEC
    },
    |call| {
        call.reply.integer(0);
        Ok(Then::GoOn)
    },
);

const RESET: SessionCommand = SessionCommand::new(
    Spec {
        name: "slowlog|reset",
        summary: "Empties the log, which is empty.",
        tips: ALL_NODES,
        ..SPEC
    },
    |call| {
        call.reply.ok();
        Ok(Then::GoOn)
    },
);

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn the_slow_log_is_empty() {
        let count = "(error) ERR count should be greater than or equal to -1";
        Server::new().check(&[
            ("SLOWLOG GET", "[]"),
            ("SLOWLOG GET -1", "[]"),
            ("SLOWLOG GET 5", "[]"),
            ("SLOWLOG GET -2", count),
            ("SLOWLOG GET a", count),
            (
                "SLOWLOG GET 1 2",
                "(error) ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.",
            ),
            ("SLOWLOG LEN", "(integer) 0"),
            ("SLOWLOG RESET", "OK"),
            ("SLOWLOG", "(error) ERR wrong number of arguments for 'slowlog' command"),
        ]);
    }
}
