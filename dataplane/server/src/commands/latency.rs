//! LATENCY. Latencies are seen in the platform's metrics; the monitor of Redis is there for tools that ask, and empty.

use tenure_engine::command::{Arity, Flags, Group, Spec};

use super::argument::shown;
use super::container::{ADMIN, SERVER, help};
use super::{SessionCall, SessionCommand, SessionError, Then};

pub(super) const LATENCY: SessionCommand = SessionCommand::container(
    Spec {
        name: "latency",
        arity: Arity::AtLeast(2),
        flags: Flags::NONE,
        since: "2.8.13",
        summary: "Commands on the monitor of latencies.",
        ..SERVER
    },
    &[
        DOCTOR,
        GRAPH,
        HISTOGRAM,
        HISTORY,
        LATEST,
        RESET,
        help("latency|help", Group::Server, "2.8.13"),
    ],
);

const SPEC: Spec = Spec {
    flags: ADMIN,
    since: "2.8.13",
    tips: &[
        "nondeterministic_output",
        "request_policy:all_nodes",
        "response_policy:special",
    ],
    ..SERVER
};

const DOCTOR: SessionCommand = SessionCommand::new(
    Spec {
        name: "latency|doctor",
        summary: "Says where latencies are seen.",
        ..SPEC
    },
    |call| {
        let text = "Latencies are not kept here: the metrics of the platform have them.\n";
        call.reply.verbatim("txt", text);
        Ok(Then::GoOn)
    },
);

const GRAPH: SessionCommand = SessionCommand::new(
    Spec {
        name: "latency|graph",
        arity: Arity::Exactly(3),
        summary: "Draws the samples of an event, of which there are none.",
        ..SPEC
    },
    |call| {
        let event = shown(&call.args[2]);
        Err(SessionError::NoSuchEvent { event })
    },
);

const HISTOGRAM: SessionCommand = SessionCommand::new(
    Spec {
        name: "latency|histogram",
        arity: Arity::AtLeast(2),
        since: "7.0.0",
        summary: "How long commands took: not kept.",
        ..SPEC
    },
    |call| {
        call.reply.map(0);
        Ok(Then::GoOn)
    },
);

const HISTORY: SessionCommand = SessionCommand::new(
    Spec {
        name: "latency|history",
        arity: Arity::Exactly(3),
        summary: "The samples of an event, of which there are none.",
        ..SPEC
    },
    nothing,
);

const LATEST: SessionCommand = SessionCommand::new(
    Spec {
        name: "latency|latest",
        summary: "The newest samples, of which there are none.",
        ..SPEC
    },
    nothing,
);

fn nothing(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    call.reply.array(0);
    Ok(Then::GoOn)
}

const RESET: SessionCommand = SessionCommand::new(
    Spec {
        name: "latency|reset",
        arity: Arity::AtLeast(2),
        summary: "Forgets the samples, of which there are none.",
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        ..SPEC
    },
    |call| {
        call.reply.integer(0);
        Ok(Then::GoOn)
    },
);

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn no_latencies_are_kept() {
        Server::new().check(&[
            ("LATENCY LATEST", "[]"),
            ("LATENCY HISTORY command", "[]"),
            ("LATENCY HISTOGRAM", "[]"),
            ("LATENCY RESET command", "(integer) 0"),
            ("LATENCY GRAPH foo", "(error) ERR No samples available for event 'foo'"),
        ]);
    }
}
