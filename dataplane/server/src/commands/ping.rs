//! PING.

use tenure_engine::CommandError;
use tenure_engine::command::{Arity, Flags, Spec};

use super::container::CONNECTION;
use super::{SessionCall, SessionCommand, SessionError, Then};

pub(super) const PING: SessionCommand = SessionCommand::new(
    Spec {
        name: "ping",
        arity: Arity::AtLeast(1),
        // Neither while loading nor without the log, as in Redis: what pings wants to know whether it would be served.
        flags: Flags::FAST,
        since: "1.0.0",
        summary: "Answers PONG, or what it is given.",
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..CONNECTION
    },
    ping,
);

fn ping(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    match (call.args.len(), call.args.get(1)) {
        (..=2, None) => call.reply.simple("PONG"),
        (..=2, Some(message)) => call.reply.bulk(message),
        _ => {
            let command = "ping".to_owned();
            return Err(CommandError::WrongArity { command }.into());
        }
    }
    Ok(Then::GoOn)
}

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn ping_answers_as_redis_does() {
        Server::new().check(&[
            ("PING", "PONG"),
            ("PING a", "\"a\""),
            ("PING a b", "(error) ERR wrong number of arguments for 'ping' command"),
        ]);
    }
}
