//! TIME. The clock of the node has milliseconds, so the last three digits are 0.

use tenure_engine::command::{Arity, Flags, Spec};

use super::container::{ALWAYS, NONDETERMINISTIC, SERVER};
use super::{SessionCall, SessionCommand, SessionError, Then};

pub(super) const TIME: SessionCommand = SessionCommand::new(
    Spec {
        name: "time",
        arity: Arity::Exactly(1),
        flags: ALWAYS.and(Flags::FAST),
        since: "2.6.0",
        summary: "The time of day: seconds since 1970, and microseconds.",
        tips: NONDETERMINISTIC,
        ..SERVER
    },
    time,
);

fn time(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let millis = call.replica.clock().wall().as_unix_millis();
    call.reply.array(2);
    call.reply.bulk((millis / 1000).to_string().as_bytes());
    call.reply.bulk((millis % 1000 * 1000).to_string().as_bytes());
    Ok(Then::GoOn)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::commands::harness::Server;

    #[test]
    fn time_is_the_clock_of_the_node() {
        let mut server = Server::new();
        server.clock.advance(Duration::from_millis(1_042));
        server.check(&[("TIME", r#"["1700000001" "42000"]"#)]);
    }
}
