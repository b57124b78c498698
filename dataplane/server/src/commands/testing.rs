//! Commands that tests of connections need, and nobody else.

use tenure_engine::command::{Arity, Flags, Group, Spec};

use super::{SessionCall, SessionCommand, SessionError, SessionRun, Then};

pub(crate) const COMMANDS: &[SessionCommand] = &[
    command("t.login", Flags::NO_AUTH, login),
    command("t.big", Flags::NONE, big),
    command("t.park", Flags::NONE, park),
    command("t.half", Flags::NONE, half),
    command("t.nomulti", Flags::NO_MULTI, no_multi),
];

const fn command(name: &'static str, flags: Flags, run: SessionRun) -> SessionCommand {
    SessionCommand {
        spec: Spec {
            name,
            arity: Arity::AtLeast(1),
            flags,
            keys: &[],
            categories: &[],
            group: Group::Connection,
            since: "1.0.0",
            summary: "",
            complexity: "",
            tips: &[],
        },
        run,
        subcommands: &[],
    }
}

fn no_multi(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    call.reply.ok();
    Ok(Then::GoOn)
}

fn login(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    call.session.user = Some("default".to_owned());
    call.reply.ok();
    Ok(Then::GoOn)
}

/// `t.big n`: n bytes.
fn big(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let bytes = String::from_utf8_lossy(&call.args[1]).parse().unwrap_or_default();
    call.reply.bulk(&vec![b'x'; bytes]);
    Ok(Then::GoOn)
}

/// Waits for [`crate::testing::Served::let_parked_go`].
fn park(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let is_woken = call.client.shown.borrow().library_name == b"go";
    if !is_woken && call.session.may_park() {
        call.reply.simple("dropped");
        return Ok(Then::Park);
    }
    call.reply.integer(i64::from(call.session.parked_since().is_some()));
    Ok(Then::GoOn)
}

/// Fails after it wrote something.
fn half(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    call.reply.array(2);
    call.reply.integer(1);
    Err(tenure_engine::CommandError::Syntax.into())
}
