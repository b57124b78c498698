//! MODULE LIST: the plugins of the cluster, told as if they were modules of Redis.

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
        summary: "The plugins that are attached.",
        tips: &["nondeterministic_output_order"],
        ..SERVER
    },
    |call| {
        let plugins = call.replica.plugins().list();
        call.reply.array(plugins.len());
        for (name, version) in plugins {
            call.reply.map(4);
            call.reply.bulk(b"name");
            call.reply.bulk(name.as_bytes());
            call.reply.bulk(b"ver");
            call.reply.integer(version_number(&version));
            call.reply.bulk(b"path");
            call.reply.bulk(b"");
            call.reply.bulk(b"args");
            call.reply.array(0);
        }
        Ok(Then::GoOn)
    },
);

/// Modules of Redis have one number as their version. Ours grows with ours: 1.2.3 is 1002003.
fn version_number(version: &str) -> i64 {
    let parts = version.split('.').map(|part| part.parse::<i64>().unwrap_or(0));
    parts.fold(0, |number, part| number.saturating_mul(1000).saturating_add(part))
}

#[cfg(test)]
mod tests {
    use super::version_number;
    use crate::commands::harness::Server;

    #[test]
    fn later_versions_have_larger_numbers() {
        assert_eq!(version_number("1.2.3"), 1_002_003);
        assert!(version_number("1.10.0") > version_number("1.9.999"));
    }

    #[test]
    fn no_modules_are_loaded() {
        Server::new().check(&[("MODULE LIST", "[]")]);
    }
}
