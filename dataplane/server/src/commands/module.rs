//! MODULE LIST. Plugins are WASM modules of a cluster, not modules of Redis, so there are none.

use tenure_engine::command::{Arity, Flags, Group, Spec};

use super::container::{SERVER, help};
use super::{SessionCommand, Then};

pub(super) const MODULE: SessionCommand = SessionCommand::container(
    Spec {
        name: "module",
        arity: Arity::AtLeast(2),
        flags: Flags::NONE,
        since: "4.0.0",
        summary: "Commands on modules.",
        ..SERVER
    },
    &[LIST, help("module|help", Group::Server, "5.0.0")],
);

const LIST: SessionCommand = SessionCommand::new(
    Spec {
        name: "module|list",
        flags: Flags::ADMIN.and(Flags::NOSCRIPT),
        since: "4.0.0",
        summary: "The modules that are loaded: none.",
        tips: &["nondeterministic_output_order"],
        ..SERVER
    },
    |call| {
        call.reply.array(0);
        Ok(Then::GoOn)
    },
);

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn no_modules_are_loaded() {
        Server::new().check(&[("MODULE LIST", "[]")]);
    }
}
