//! ASKING: what a client says before it follows an ASK redirection. We send none: slots move with a new layout, at once.

use tenure_engine::command::{Arity, Flags, Group, Spec};

use super::container::CONNECTION;
use super::{SessionCall, SessionCommand, SessionError, Then};

pub(super) const ASKING: SessionCommand = SessionCommand::new(
    Spec {
        name: "asking",
        arity: Arity::Exactly(1),
        flags: Flags::FAST,
        group: Group::Cluster,
        since: "3.0.0",
        summary: "Follows an ASK redirection; there are none.",
        ..CONNECTION
    },
    asking,
);

fn asking(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    call.reply.ok();
    Ok(Then::GoOn)
}
