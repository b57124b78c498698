//! ECHO.

use tenure_engine::command::{Flags, Spec};

use super::container::{ALWAYS, CONNECTION};
use super::{SessionCall, SessionCommand, SessionError, Then};

pub(super) const ECHO: SessionCommand = SessionCommand::new(
    Spec {
        name: "echo",
        flags: ALWAYS.and(Flags::FAST),
        since: "1.0.0",
        summary: "Answers what it is given.",
        ..CONNECTION
    },
    echo,
);

fn echo(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    call.reply.bulk(&call.args[1]);
    Ok(Then::GoOn)
}

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn echo_answers_what_it_is_given() {
        Server::new().check(&[
            ("ECHO a", "\"a\""),
            ("ECHO \"\"", "\"\""),
            ("ECHO", "(error) ERR wrong number of arguments for 'echo' command"),
        ]);
    }
}
