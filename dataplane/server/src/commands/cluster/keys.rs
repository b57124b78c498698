//! CLUSTER KEYSLOT, COUNTKEYSINSLOT and GETKEYSINSLOT.
//! Promises: the last two tell of what this node has, whoever owns the slot: of a slot of another shard, nothing. They
//! are reads of data, so unlike in Redis they are refused where data may be old against the client's will.

use tenure_engine::command::{Arity, Flags, Spec};
use tenure_engine::{Slot, key_slot};

use super::SPEC;
use crate::commands::argument::integer;
use crate::commands::container::NONDETERMINISTIC;
use crate::commands::{SessionCall, SessionCommand, SessionError, Then};

pub(super) const KEYSLOT: SessionCommand = SessionCommand::new(
    Spec {
        name: "cluster|keyslot",
        arity: Arity::Exactly(3),
        flags: Flags::STALE,
        summary: "The slot of a key.",
        complexity: "O(N) of N bytes",
        ..SPEC
    },
    |call| {
        call.reply.integer(i64::from(key_slot(&call.args[2]).get()));
        Ok(Then::GoOn)
    },
);

pub(super) const COUNTKEYSINSLOT: SessionCommand = SessionCommand::new(
    Spec {
        name: "cluster|countkeysinslot",
        arity: Arity::Exactly(3),
        flags: Flags::NONE,
        summary: "How many keys of a slot this node has.",
        ..SPEC
    },
    count_keys,
);

fn count_keys(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let slot = slot(&call.args[2])?.ok_or(SessionError::InvalidSlot)?;
    call.turn.look_at_all();
    let count = call.turn.image().keyspace().count_in_slot(slot);
    call.reply.integer(i64::try_from(count).unwrap_or(i64::MAX));
    Ok(Then::GoOn)
}

pub(super) const GETKEYSINSLOT: SessionCommand = SessionCommand::new(
    Spec {
        name: "cluster|getkeysinslot",
        arity: Arity::Exactly(4),
        flags: Flags::NONE,
        summary: "Some keys of a slot that this node has.",
        complexity: "O(N) of N keys asked for",
        tips: NONDETERMINISTIC,
        ..SPEC
    },
    get_keys,
);

fn get_keys(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let slot = slot(&call.args[2])?;
    let count = usize::try_from(integer(&call.args[3])?);
    let (Some(slot), Ok(count)) = (slot, count) else {
        return Err(SessionError::InvalidSlotOrCount);
    };
    call.turn.look_at_all();
    let mut keys: Vec<Vec<u8>> = Vec::new();
    call.turn.image().keyspace().scan_slot(slot, count, |entry| {
        // A scan goes past the count where keys share a position.
        if keys.len() < count {
            keys.push(entry.key().to_vec());
        }
    });
    call.reply.array(keys.len());
    keys.iter().for_each(|key| call.reply.bulk(key));
    Ok(Then::GoOn)
}

/// `None`: a number, and no slot.
fn slot(text: &[u8]) -> Result<Option<Slot>, SessionError> {
    let number = integer(text)?;
    Ok(u16::try_from(number).ok().and_then(Slot::new))
}

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn a_slot_that_is_none_is_refused() {
        let not_a_number = "(error) ERR value is not an integer or out of range";
        let no_slot = "(error) ERR Invalid slot or number of keys";
        Server::new().check(&[
            ("CLUSTER KEYSLOT foo", "(integer) 12182"),
            ("CLUSTER COUNTKEYSINSLOT a", not_a_number),
            ("CLUSTER COUNTKEYSINSLOT -1", "(error) ERR Invalid slot"),
            ("CLUSTER COUNTKEYSINSLOT 16384", "(error) ERR Invalid slot"),
            ("CLUSTER GETKEYSINSLOT a 1", not_a_number),
            ("CLUSTER GETKEYSINSLOT 0 a", not_a_number),
            ("CLUSTER GETKEYSINSLOT 0 -1", no_slot),
            ("CLUSTER GETKEYSINSLOT 16384 1", no_slot),
        ]);
    }

    #[test]
    fn the_keys_of_a_slot_and_of_no_other_are_told() {
        let mut server = Server::new();
        for key in ["{user1000}.a", "{user1000}.b", "{user1000}.c", "foo", "bar", "{3443}"] {
            server.run(&format!("SET {key} v"));
        }
        server.check(&[
            ("CLUSTER COUNTKEYSINSLOT 3443", "(integer) 3"),
            ("CLUSTER COUNTKEYSINSLOT 1", "(integer) 0"),
            ("CLUSTER GETKEYSINSLOT 12182 10", "[\"foo\"]"),
            ("CLUSTER GETKEYSINSLOT 1 10", "[]"),
            ("CLUSTER GETKEYSINSLOT 3443 0", "[]"),
        ]);
        for (count, expected) in [(1, 1), (2, 2), (3, 3), (1000, 3)] {
            let reply = server.run(&format!("CLUSTER GETKEYSINSLOT 3443 {count}"));
            assert_eq!(reply.matches("{user1000}").count(), expected, "{reply}");
            assert!(server.looked_at_all);
        }
    }
}
