//! What a replica, and a primary without credit, say of expired keys.
mod harness;

use harness::{START_MILLIS, Shard, Shown};
use tenure_engine::command::Call;
use tenure_engine::{Mode, OwnedArgs, Reply};
use tenure_types::WallTime;

const NO_CREDIT: &str = "(error) TRYAGAIN the log grants no credit to delete an expired key";
const LATER: WallTime = WallTime::from_unix_millis(START_MILLIS + 10);

/// What both images of a shard hold: `goes` with a value, which is expired at [`LATER`], and `stays`.
fn shard() -> Shard {
    let mut shard = Shard::new();
    shard.check(&[
        ("SET goes v", "OK"),
        ("PEXPIRE goes 10", "(integer) 1"),
        ("SET stays v", "OK"),
    ]);
    shard
}

/// Runs a line on the second image of the shard, and returns the effects with the reply.
fn run(shard: &mut Shard, mode: Mode, line: &str) -> (String, Vec<u8>) {
    let words = harness::words(line);
    let Some(command) = harness::find(&words) else {
        return (format!("{line} is no command"), vec![]);
    };
    let args: OwnedArgs = words.iter().collect();
    shard.replica.begin_turn(LATER, mode);
    let mut reply = Shown::new(shard.protocol);
    let mut call = Call {
        args: args.as_args(),
        image: &mut shard.replica,
        random: &mut shard.random,
        reply: &mut reply,
    };
    if let Err(error) = (command.run)(&mut call) {
        reply = Shown::new(shard.protocol);
        reply.error(&error);
    }
    (reply.finish(), shard.replica.take_effects())
}

#[test]
fn a_replica_hides_expired_keys_and_deletes_none() {
    let mut shard = shard();
    for (line, expected) in [
        ("EXISTS goes stays", "(integer) 1"),
        ("TTL goes", "(integer) -2"),
        ("TYPE goes", "none"),
        ("KEYS *", "[\"stays\"]"),
        ("SCAN 0", "[\"0\" [\"stays\"]]"),
        ("RANDOMKEY", "\"stays\""),
        ("DUMP goes", "(nil)"),
        ("OBJECT ENCODING goes", "(nil)"),
        ("MEMORY USAGE goes", "(nil)"),
        ("DBSIZE", "(integer) 2"),
    ] {
        assert_eq!(
            run(&mut shard, Mode::Replica, line),
            (expected.to_owned(), vec![]),
            "{line}"
        );
    }
}

#[test]
fn without_credit_an_answer_that_needs_a_deletion_is_refused() {
    let mut shard = shard();
    let refused = (NO_CREDIT.to_owned(), vec![]);
    for line in [
        "EXISTS stays goes",
        "TTL goes",
        "KEYS *",
        "SCAN 0",
        "DUMP goes",
        "DEL stays goes",
    ] {
        assert_eq!(run(&mut shard, Mode::Starved, line), refused, "{line}");
    }
    let found = ("(integer) 1".to_owned(), vec![]);
    assert_eq!(run(&mut shard, Mode::Starved, "EXISTS stays"), found);
}

#[test]
fn a_replica_where_all_keys_are_expired_names_none() {
    let mut shard = shard();
    shard.check(&[("PEXPIRE stays 10", "(integer) 1")]);
    assert_eq!(run(&mut shard, Mode::Replica, "RANDOMKEY").0, "(nil)");
}
