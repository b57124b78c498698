//! WATCH: ties the next EXEC to keys that nobody changes until then.

use tenure_engine::command::{Access, Arity, Category, Flags, Group, KeySpec, Spec};

use super::{SessionCall, SessionCommand, SessionError, Then};
use crate::replica::Watch;

/// Keys that one connection watches. Redis has no bound; each takes as much memory as a small key.
const KEYS_MAX: usize = 1 << 16;

pub(super) const COMMAND: SessionCommand = SessionCommand {
    spec: Spec {
        name: "watch",
        arity: Arity::AtLeast(2),
        flags: Flags::NOSCRIPT
            .and(Flags::LOADING)
            .and(Flags::STALE)
            .and(Flags::FAST)
            .and(Flags::ALLOW_BUSY),
        keys: &[KeySpec::range(1, -1, 1, Access::Read, &[])],
        categories: &[Category::Transaction],
        group: Group::Transactions,
        since: "2.2.0",
        summary: "Watches keys: if one of them changes before EXEC, nothing of the transaction is run.",
        complexity: "O(1) for each key",
        tips: &[],
    },
    run: watch,
    subcommands: &[],
};

fn watch(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    if call.session.transaction.is_some() {
        return Err(SessionError::WatchInsideMulti);
    }
    let watch = call.session.watch.get_or_insert_with(|| Watch::on(call.replica));
    for key in call.args.from(1).iter() {
        if watch.len() >= KEYS_MAX {
            return Err(SessionError::TooManyWatched { keys_max: KEYS_MAX });
        }
        call.turn.watch(key, watch)?;
    }
    call.reply.ok();
    Ok(Then::GoOn)
}

#[cfg(test)]
mod tests {
    use super::KEYS_MAX;
    use crate::commands::harness::Server;

    #[test]
    fn a_connection_watches_so_many_keys_and_no_more() {
        let mut server = Server::new();
        let keys: String = (0..KEYS_MAX).map(|key| format!(" {key}")).collect();
        server.check(&[
            (&format!("WATCH{keys}"), "OK"),
            ("WATCH one-more", "(error) ERR a connection may watch 65536 keys"),
            ("UNWATCH", "OK"),
            ("WATCH one-more", "OK"),
        ]);
    }
}
