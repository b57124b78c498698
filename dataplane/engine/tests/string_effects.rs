//! What string commands leave in the log, and which keys they look up.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use harness::{Shard, Shown, find, words};
use tenure_engine::command::Call;
use tenure_engine::{Effect, Effects, Mode, OwnedArgs};
use tenure_types::WallTime;

/// Runs a line on the primary only; the effects, encoded.
fn effects_of(shard: &mut Shard, line: &str) -> Vec<u8> {
    let words = words(line);
    let args: OwnedArgs = words.iter().collect();
    let now = WallTime::from_unix_millis(shard.now_millis);
    shard.primary.begin_turn(now, Mode::Primary);
    shard.primary.forget_lookups();
    let mut call = Call {
        args: args.as_args(),
        image: &mut shard.primary,
        random: &mut shard.random,
        reply: &mut Shown::new(shard.protocol),
    };
    // An error must leave no effects either.
    let _ = (find(&words).unwrap().run)(&mut call);
    shard.primary.take_effects()
}

fn check_effects(shard: &mut Shard, line: &str, expected: &[Effect<'_>]) {
    let encoded = effects_of(shard, line);
    let effects: Vec<_> = Effects::of(&encoded).map(Result::unwrap).collect();
    assert_eq!(effects, expected, "{line}");
}

fn at(millis: u64) -> WallTime {
    WallTime::from_unix_millis(harness::START_MILLIS + millis)
}

fn set<'a>(key: &'a str, value: &'a str, expires_at: Option<WallTime>) -> Effect<'a> {
    Effect::Set {
        key: key.as_bytes(),
        value: value.as_bytes(),
        expires_at,
    }
}

#[test]
fn what_changes_nothing_leaves_no_effect() {
    let mut shard = Shard::new();
    shard.check(&[("MSET k v n 1 max 9223372036854775807", "OK")]);
    for line in [
        "GET k",
        "GET none",
        "STRLEN k",
        "MGET k none",
        "GETRANGE k 0 -1",
        "LCS k n",
        "SET k w NX",
        "SET k w NX EX 10 GET",
        "SET none w XX",
        "SET k w IFEQ x",
        "SET none w EXAT 1",
        "SET k w EX 0",
        "SET k w EX 10 what",
        "SETNX k w",
        "MSETNX none 1 k 2",
        "MSET none 1 more",
        "GETDEL none",
        "GETEX k",
        "GETEX k PERSIST",
        "GETEX k EX 0",
        "GETEX none EX 10",
        "DELIFEQ k w",
        "APPEND k \"\"",
        "SETRANGE k 1 \"\"",
        "SETRANGE none 1 \"\"",
        "SETRANGE none 536870912 x",
        "INCR k",
        "INCR max",
        "INCRBYFLOAT k 1",
        "INCRBYFLOAT n inf",
    ] {
        assert_eq!(effects_of(&mut shard, line), [], "{line}");
    }
}

#[test]
fn relative_times_are_logged_as_absolute_ones() {
    let mut shard = Shard::new();
    shard.pass(500);
    check_effects(&mut shard, "SET k v EX 10", &[set("k", "v", Some(at(10_500)))]);
    check_effects(&mut shard, "SET k v PX 10", &[set("k", "v", Some(at(510)))]);
    check_effects(&mut shard, "SETEX k 10 v", &[set("k", "v", Some(at(10_500)))]);
    check_effects(&mut shard, "PSETEX k 10 v", &[set("k", "v", Some(at(510)))]);
    let expire = Effect::ExpireAt {
        key: b"k",
        at: at(2_500),
    };
    check_effects(&mut shard, "GETEX k EX 2", &[expire]);
    check_effects(&mut shard, "SET k w KEEPTTL", &[set("k", "w", Some(at(2_500)))]);
    check_effects(&mut shard, "GETEX k PERSIST", &[Effect::Persist { key: b"k" }]);
}

#[test]
fn a_time_that_is_past_is_logged_as_a_deletion() {
    let mut shard = Shard::new();
    shard.check(&[("MSET a v b v", "OK")]);
    check_effects(&mut shard, "SET a w EXAT 1", &[Effect::Remove { key: b"a" }]);
    check_effects(&mut shard, "GETEX b PXAT 1", &[Effect::Remove { key: b"b" }]);
}

#[test]
fn sums_are_logged_as_values() {
    let mut shard = Shard::new();
    shard.check(&[("SET a 1 PX 10", "OK"), ("SET b 1 PX 10", "OK")]);
    check_effects(&mut shard, "INCR a", &[set("a", "2", Some(at(10)))]);
    check_effects(&mut shard, "INCRBYFLOAT b 0.5", &[set("b", "1.5", Some(at(10)))]);
    check_effects(&mut shard, "DECRBY c 3", &[set("c", "-3", None)]);
}

#[test]
fn parts_are_logged_as_parts() {
    let mut shard = Shard::new();
    let append = |suffix| Effect::Append { key: b"k", suffix };
    check_effects(&mut shard, "APPEND k abc", &[append(b"abc")]);
    check_effects(&mut shard, "APPEND k d", &[append(b"d")]);
    let part = Effect::SetRange {
        key: b"k",
        offset: 6,
        bytes: b"x",
    };
    check_effects(&mut shard, "SETRANGE k 6 x", &[part]);
    check_effects(&mut shard, "MSET a 1 b 2", &[set("a", "1", None), set("b", "2", None)]);
    check_effects(&mut shard, "DELIFEQ a 1", &[Effect::Remove { key: b"a" }]);
    check_effects(&mut shard, "GETDEL b", &[Effect::Remove { key: b"b" }]);
}

/// A reply waits for the keys that its command looked up (DESIGN, "Hazard rule"), and a lookup takes time.
#[test]
fn a_key_is_looked_up_if_the_reply_or_the_value_depends_on_it() {
    let mut shard = Shard::new();
    for (line, lookups) in [
        ("SET k v", 0),
        ("SET k v EX 10", 0),
        ("SETEX k 10 v", 0),
        ("MSET k v n v", 0),
        ("SET k v XX", 1),
        ("SET none v XX", 1),
        ("SET k v GET", 1),
        ("SET k v KEEPTTL", 1),
        ("SET k v IFEQ w", 1),
        ("SETNX k v", 1),
        ("GET none", 1),
        ("MGET k none", 2),
        ("GETEX k", 1),
        ("GETSET k v", 1),
        ("DELIFEQ none v", 1),
        ("APPEND k v", 1),
        ("SETRANGE k 0 v", 1),
        ("INCR none", 1),
    ] {
        effects_of(&mut shard, line);
        assert_eq!(shard.primary.lookups().keys.len(), lookups, "{line}");
    }
}

/// A primary without credit for the log cannot delete what is expired, so it cannot say that it is gone either.
#[test]
fn an_expired_key_is_no_null_where_its_deletion_cannot_be_logged() {
    let mut shard = Shard::new();
    shard.check(&[("SET k v EX 10", "OK")]);
    let later = WallTime::from_unix_millis(shard.now_millis + 10_000);
    shard.primary.begin_turn(later, Mode::Starved);
    let args: OwnedArgs = ["MGET", "k"].iter().collect();
    let mut call = Call {
        args: args.as_args(),
        image: &mut shard.primary,
        random: &mut shard.random,
        reply: &mut Shown::new(shard.protocol),
    };
    let outcome = (find(&words("MGET")).unwrap().run)(&mut call);
    assert_eq!(outcome, Err(tenure_engine::CommandError::NoCreditToExpire));
}
