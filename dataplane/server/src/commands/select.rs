//! SELECT. There is one database, as in Redis Cluster.

use tenure_engine::command::{Flags, Spec};

use super::argument::integer;
use super::container::{ALWAYS, CONNECTION};
use super::{SessionCall, SessionCommand, SessionError, Then};

pub(super) const SELECT: SessionCommand = SessionCommand::new(
    Spec {
        name: "select",
        flags: ALWAYS.and(Flags::FAST),
        since: "1.0.0",
        summary: "Chooses the database, of which there is one: 0.",
        ..CONNECTION
    },
    select,
);

fn select(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    if integer(&call.args[1])? != 0 {
        return Err(SessionError::OneDatabase);
    }
    call.reply.ok();
    Ok(Then::GoOn)
}

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn only_the_database_0_can_be_selected() {
        Server::new().check(&[
            ("SELECT 0", "OK"),
            ("SELECT 1", "(error) ERR SELECT is not allowed in cluster mode"),
            ("SELECT -1", "(error) ERR SELECT is not allowed in cluster mode"),
            ("SELECT a", "(error) ERR value is not an integer or out of range"),
        ]);
    }
}
