//! ROLE. Offsets are 0: who is how far is known by the log, not by the shard.

use tenure_engine::command::{Arity, Category, Flags, Spec};

use super::cluster::view::View;
use super::container::{NOSCRIPT, SERVER};
use super::{SessionCall, SessionCommand, SessionError, Then};

pub(super) const ROLE: SessionCommand = SessionCommand::new(
    Spec {
        name: "role",
        arity: Arity::Exactly(1),
        flags: NOSCRIPT.and(Flags::FAST),
        // It is for operators in Redis, and yet not flagged so.
        categories: &[Category::Admin, Category::Dangerous],
        since: "2.8.12",
        summary: "Whether this node is the primary of its shard, and who the others are.",
        ..SERVER
    },
    role,
);

fn role(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let view = View::of(call.replica);
    if view.is_primary(call.turn.standing()) {
        let others = view.own_replicas();
        call.reply.array(3);
        call.reply.bulk(b"master");
        call.reply.integer(0);
        call.reply.array(others.len());
        for other in others {
            call.reply.array(3);
            call.reply.bulk(other.ip().to_string().as_bytes());
            call.reply.bulk(other.port().to_string().as_bytes());
            call.reply.bulk(b"0");
        }
    } else {
        let (ip, port) = match view.own_primary() {
            Some(address) => (address.ip().to_string(), i64::from(address.port())),
            None => (String::new(), 0),
        };
        call.reply.array(5);
        call.reply.bulk(b"slave");
        call.reply.bulk(ip.as_bytes());
        call.reply.integer(port);
        call.reply.bulk(b"connected");
        call.reply.integer(0);
    }
    Ok(Then::GoOn)
}

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn a_primary_names_its_replicas() {
        Server::new().check(&[("ROLE", r#"["master" (integer) 0 [["127.0.0.2" "7002" "0"]]]"#)]);
    }

    #[test]
    fn a_replica_names_its_primary() {
        Server::follower().check(&[(
            "ROLE",
            r#"["slave" "127.0.0.1" (integer) 7001 "connected" (integer) 0]"#,
        )]);
    }
}
