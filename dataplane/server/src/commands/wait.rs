//! WAIT and WAITAOF.
//! Promises: when they answer, everything that this connection wrote before is on the disks they speak of.
//!
//! In Redis they ask for what a write does not have yet. Here every acknowledged write is on `durable_copies` disks, so
//! there is nothing to wait for but the acknowledgement itself: the reply depends on every key, and so is held until
//! all that was executed before is in the log for good. Of the copies one stands for the primary's own disk; the others are what
//! is counted as replicas. More than these never come, however many are asked for, so the timeout has nothing to do.

use tenure_engine::command::{Arity, Flags, Group, Spec};

use super::argument::integer;
use super::container::CONNECTION;
use super::{SessionCall, SessionCommand, SessionError, Then};

pub(super) const WAIT: SessionCommand = SessionCommand::new(
    Spec {
        name: "wait",
        arity: Arity::Exactly(3),
        since: "3.0.0",
        summary: "On how many further disks the writes of this connection are.",
        ..SPEC
    },
    wait,
);

pub(super) const WAITAOF: SessionCommand = SessionCommand::new(
    Spec {
        name: "waitaof",
        arity: Arity::Exactly(4),
        since: "7.2.0",
        summary: "On how many disks the writes of this connection are: one, and so many further ones.",
        ..SPEC
    },
    waitaof,
);

const SPEC: Spec = Spec {
    flags: Flags::BLOCKING,
    group: Group::Generic,
    tips: &["request_policy:all_shards", "response_policy:agg_min"],
    ..CONNECTION
};

fn wait(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    integer(&call.args[1])?;
    check_timeout(&call.args[2])?;
    call.turn.look_at_all();
    call.reply.integer(further_copies(call));
    Ok(Then::GoOn)
}

fn waitaof(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    if !(0..=1).contains(&integer(&call.args[1])?) {
        return Err(SessionError::LocalCopies);
    }
    integer(&call.args[2])?;
    check_timeout(&call.args[3])?;
    call.turn.look_at_all();
    call.reply.array(2);
    call.reply.integer(1);
    call.reply.integer(further_copies(call));
    Ok(Then::GoOn)
}

fn check_timeout(text: &[u8]) -> Result<(), SessionError> {
    match integer(text) {
        Ok(0..) => Ok(()),
        Ok(_) => Err(SessionError::TimeoutNegative),
        Err(_) => Err(SessionError::TimeoutNotAnInteger),
    }
}

fn further_copies(call: &SessionCall<'_, '_>) -> i64 {
    let copies = call.replica.durable_copies().saturating_sub(1);
    i64::try_from(copies).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn wait_counts_the_copies_that_every_write_has() {
        Server::new().check(&[
            ("WAIT 0 0", "(integer) 1"),
            ("WAIT 5 100", "(integer) 1"),
            ("WAITAOF 1 5 100", "[(integer) 1 (integer) 1]"),
            ("WAIT a 0", "(error) ERR value is not an integer or out of range"),
            ("WAIT 0 a", "(error) ERR timeout is not an integer or out of range"),
            ("WAIT 0 -1", "(error) ERR timeout is negative"),
            (
                "WAITAOF 2 0 0",
                "(error) ERR value is out of range, must be between 0 and 1",
            ),
        ]);
    }

    #[test]
    fn the_reply_depends_on_everything_written_before() {
        let mut server = Server::new();
        for line in ["WAIT 0 0", "WAITAOF 0 0 0"] {
            server.run(line);
            assert!(server.looked_at_all, "{line}");
        }
    }
}
