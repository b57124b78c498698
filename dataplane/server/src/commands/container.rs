//! Commands of two words: their specs, what they share, and their HELP.
//! Promises: HELP is written from the specs, so it names what there is.

use tenure_engine::command::{Arity, Category, Flags, Group, Spec};

use super::{SessionCall, SessionCommand, SessionError, SessionRun, Then};
use crate::table::Found;

/// Runs while the shard is loading, and where data may be old.
pub(super) const ALWAYS: Flags = Flags::LOADING.and(Flags::STALE);
/// The same, and not from scripts.
pub(super) const NOSCRIPT: Flags = ALWAYS.and(Flags::NOSCRIPT);
/// The same, for operators.
pub(super) const ADMIN: Flags = NOSCRIPT.and(Flags::ADMIN);

/// What every node is asked, and all must have done.
pub(super) const ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];
/// What differs from run to run.
pub(super) const NONDETERMINISTIC: &[&str] = &["nondeterministic_output"];

/// A spec of a command that has no keys, to be completed.
pub(super) const SERVER: Spec = Spec {
    name: "",
    arity: Arity::Exactly(2),
    flags: ALWAYS,
    keys: &[],
    categories: &[],
    group: Group::Server,
    since: "",
    summary: "",
    complexity: "O(1)",
    tips: &[],
};

/// The same of a command on the connection.
pub(super) const CONNECTION: Spec = Spec {
    categories: &[Category::Connection],
    group: Group::Connection,
    ..SERVER
};

impl SessionCommand {
    /// A command without subcommands.
    pub(super) const fn new(spec: Spec, run: SessionRun) -> Self {
        Self {
            spec,
            run,
            subcommands: &[],
        }
    }

    /// A first word that does nothing alone: its arity never lets it run.
    pub(super) const fn container(spec: Spec, subcommands: &'static [Self]) -> Self {
        Self {
            spec,
            run: alone,
            subcommands,
        }
    }
}

fn alone(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let command = String::from_utf8_lossy(&call.args[0]).to_ascii_lowercase();
    Err(tenure_engine::CommandError::WrongArity { command })?
}

/// HELP of a container.
pub(super) const fn help(name: &'static str, group: Group, since: &'static str) -> SessionCommand {
    let spec = Spec {
        name,
        group,
        since,
        categories: if matches!(group, Group::Connection) {
            &[Category::Connection]
        } else {
            &[]
        },
        summary: "Lists the subcommands.",
        ..SERVER
    };
    SessionCommand::new(spec, run_help)
}

fn run_help(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let Found::Command(container) = call.table.find(&call.args[0], None) else {
        return Ok(Then::GoOn);
    };
    let mut lines = vec![format!(
        "{} <subcommand> [<arg> ...]. Subcommands are:",
        container.spec().name.to_ascii_uppercase()
    )];
    for subcommand in container.subcommands() {
        let spec = subcommand.spec();
        let (_, name) = spec.name.split_once('|').unwrap_or_default();
        lines.push(name.to_ascii_uppercase());
        lines.push(format!("    {}", spec.summary));
    }
    call.reply.array(lines.len());
    lines.iter().for_each(|line| call.reply.simple(line));
    Ok(Then::GoOn)
}
