//! The native commands that a plugin may call.
//! Promises: each works on keys that its arguments show, never waits, and is one of the engine: no session, no other plugin.

use std::collections::BTreeMap;

use tenure_engine::command::{Begin, Command, Flags};

/// Longest name of a command, of two words with what is between them.
const NAME_BYTES_MAX: usize = 40;

/// Them, by name.
#[derive(Debug)]
pub(crate) struct Natives(BTreeMap<&'static str, &'static Command>);

impl Natives {
    pub(crate) fn new() -> Self {
        let all =
            tenure_engine::commands::all().flat_map(|command| std::iter::once(command).chain(command.subcommands));
        Self(
            all.filter(|command| is_for_plugins(command))
                .map(|command| (command.spec.name, command))
                .collect(),
        )
    }

    /// What these words name, in any case.
    pub(super) fn find(&self, args: &[&[u8]]) -> Option<&'static Command> {
        let mut buffer = [0; NAME_BYTES_MAX];
        let command = self.0.get(lower(args.first()?, &[], &mut buffer)?).copied()?;
        if command.subcommands.is_empty() {
            return Some(command);
        }
        self.0.get(lower(args.first()?, args.get(1)?, &mut buffer)?).copied()
    }
}

fn is_for_plugins(command: &Command) -> bool {
    let refused = [
        Flags::ALL_KEYS,
        Flags::NOSCRIPT,
        Flags::BLOCKING,
        Flags::MOVABLEKEYS,
        Flags::ADMIN,
    ];
    let is_unknown = |begin| matches!(begin, Begin::Unknown);
    !refused.into_iter().any(|flag| command.spec.flags.has(flag))
        && !command.spec.keys.iter().any(|key| is_unknown(key.begin))
}

fn lower<'b>(first: &[u8], second: &[u8], buffer: &'b mut [u8; NAME_BYTES_MAX]) -> Option<&'b str> {
    let len = if second.is_empty() {
        first.len()
    } else {
        first.len() + 1 + second.len()
    };
    let name = buffer.get_mut(..len)?;
    name.get_mut(..first.len())?.copy_from_slice(first);
    if let Some((bar, rest)) = name.get_mut(first.len()..)?.split_first_mut() {
        *bar = b'|';
        rest.copy_from_slice(second);
    }
    name.make_ascii_lowercase();
    std::str::from_utf8(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(words: &[&str]) -> Option<&'static str> {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        Natives::new().find(&words).map(|command| command.spec.name)
    }

    #[test]
    fn a_plugin_may_call_what_shows_its_keys() {
        assert_eq!(name(&["GeT", "k"]), Some("get"));
        assert_eq!(name(&["object", "ENCODING", "k"]), Some("object|encoding"));
        for words in [
            &["keys", "*"][..],
            &["flushall"],
            &["dbsize"],
            &["scan", "0"],
            &["multi"],
            &["nope"],
            &[],
            &["object"],
            &["get|x"],
        ] {
            assert_eq!(name(words), None, "{words:?}");
        }
        assert_eq!(name(&[&"x".repeat(1000)]), None);
    }
}
