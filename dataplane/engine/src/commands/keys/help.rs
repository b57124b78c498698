//! What the HELP of a command of two words answers, and what is said of a second word that is not known.

use crate::{CommandError, Reply};

/// One line for each subcommand with its arguments, and one that says what it does.
pub(super) fn reply_help(reply: &mut dyn Reply, command: &'static str, subcommands: &[(&str, &str)]) {
    reply.array(1 + 2 * subcommands.len());
    reply.simple(&format!(
        "{command} <subcommand> [argument ...], with one of these subcommands:"
    ));
    for (usage, meaning) in subcommands {
        reply.simple(usage);
        reply.simple(&format!("    {meaning}"));
    }
}

/// The error for a second word that is none of the command's.
pub(super) fn unknown_subcommand(command: &'static str, subcommand: &[u8]) -> CommandError {
    let shown = subcommand.get(..128).unwrap_or(subcommand);
    CommandError::UnknownSubcommand {
        command,
        subcommand: String::from_utf8_lossy(shown).into_owned(),
    }
}
