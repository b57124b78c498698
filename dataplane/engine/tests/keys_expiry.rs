//! When keys go. Replies are those of redis 7.0.15.
mod harness;

use harness::{START_MILLIS, Shard};

const NX_ALONE: &str = "(error) ERR NX and XX, GT or LT options at the same time are not compatible";

#[test]
fn all_four_ways_to_set_an_expiry_mean_the_same() {
    let seconds = START_MILLIS / 1_000 + 100;
    for line in [
        "EXPIRE k 100".to_owned(),
        "PEXPIRE k 100000".to_owned(),
        format!("EXPIREAT k {seconds}"),
        format!("PEXPIREAT k {seconds}000"),
    ] {
        let mut shard = Shard::new();
        shard.check(&[
            ("SET k v", "OK"),
            (&line, "(integer) 1"),
            ("TTL k", "(integer) 100"),
            ("PTTL k", "(integer) 100000"),
            ("EXPIRETIME k", &format!("(integer) {seconds}")),
            ("PEXPIRETIME k", &format!("(integer) {seconds}000")),
        ]);
        shard.pass(99_999);
        shard.check(&[("GET k", "\"v\""), ("PTTL k", "(integer) 1")]);
        shard.pass(1);
        shard.check(&[("GET k", "(nil)"), ("TTL k", "(integer) -2")]);
    }
}

#[test]
fn keys_without_expiry_and_keys_that_are_not_there_are_told_apart() {
    let mut shard = Shard::new();
    shard.run("SET k v");
    for name in ["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"] {
        shard.check(&[
            (&format!("{name} k"), "(integer) -1"),
            (&format!("{name} nope"), "(integer) -2"),
        ]);
    }
}

#[test]
fn seconds_are_rounded_to_the_nearest() {
    Shard::new().check(&[
        ("SET k v", "OK"),
        ("PEXPIRE k 1499", "(integer) 1"),
        ("TTL k", "(integer) 1"),
        ("PEXPIRE k 1500", "(integer) 1"),
        ("TTL k", "(integer) 2"),
        ("PEXPIRE k 499", "(integer) 1"),
        ("TTL k", "(integer) 0"),
        ("PEXPIREAT k 5000000000499", "(integer) 1"),
        ("EXPIRETIME k", "(integer) 5000000000"),
        ("PEXPIREAT k 5000000000500", "(integer) 1"),
        ("EXPIRETIME k", "(integer) 5000000001"),
    ]);
}

#[test]
fn persist_takes_the_expiry_off() {
    Shard::new().check(&[
        ("SET k v", "OK"),
        ("EXPIRE k 100", "(integer) 1"),
        ("PERSIST k", "(integer) 1"),
        ("TTL k", "(integer) -1"),
        ("PERSIST k", "(integer) 0"),
        ("PERSIST nope", "(integer) 0"),
    ]);
}

#[test]
fn a_time_that_has_passed_removes_the_key() {
    let now = format!("PEXPIREAT k {START_MILLIS}");
    for line in [
        "EXPIRE k 0",
        "EXPIRE k -1",
        "PEXPIRE k 0",
        "EXPIREAT k 1",
        "EXPIREAT k -1",
        "PEXPIREAT k 0",
        "PEXPIREAT k -9223372036854775808",
        "EXPIRE k -1 LT",
        &now,
    ] {
        let mut shard = Shard::new();
        shard.check(&[("SET k v", "OK"), (line, "(integer) 1")]);
        assert!(shard.primary.keyspace().is_empty(), "{line}");
    }
}

#[test]
fn conditions_are_held_against_the_expiry_there_is() {
    // What the key has, what is asked, whether it is done.
    let cases = [
        (None, "100 NX", true),
        (None, "100 XX", false),
        (None, "100 GT", false),
        (None, "100 LT", true),
        (None, "100 LT XX", false),
        (None, "100 GT XX", false),
        (None, "-1 GT", false),
        (None, "-1 XX", false),
        (Some(100), "200 NX", false),
        (Some(100), "200 xx", true),
        (Some(100), "200 GT", true),
        (Some(100), "100 GT", false),
        (Some(100), "100 LT", false),
        (Some(100), "99 LT", true),
        (Some(100), "99 GT", false),
        (Some(100), "99 LT XX", true),
        (Some(100), "101 GT XX", true),
        (Some(100), "101 GT GT", true),
        (Some(100), "-1 GT", false),
    ];
    for (before, asked, done) in cases {
        let mut shard = Shard::new();
        shard.run("SET k v");
        if let Some(seconds) = before {
            shard.run(&format!("EXPIRE k {seconds}"));
        }
        let after = match done {
            true => asked.split(' ').next().unwrap().to_owned(),
            false => before.map_or("-1".to_owned(), |seconds: i32| seconds.to_string()),
        };
        shard.check(&[
            (&format!("EXPIRE k {asked}"), &format!("(integer) {}", i32::from(done))),
            ("TTL k", &format!("(integer) {after}")),
        ]);
    }
}

#[test]
fn conditions_that_exclude_each_other_are_refused() {
    Shard::new().check(&[
        ("EXPIRE k 100 NX XX", NX_ALONE),
        ("EXPIRE k 100 GT NX", NX_ALONE),
        ("EXPIRE k 100 NX XX GT LT", NX_ALONE),
        (
            "EXPIRE k 100 GT LT",
            "(error) ERR GT and LT options at the same time are not compatible",
        ),
        ("EXPIRE k 100 FOO", "(error) ERR Unsupported option FOO"),
        ("EXPIRE k x FOO", "(error) ERR Unsupported option FOO"),
        ("EXPIRE k x", "(error) ERR value is not an integer or out of range"),
    ]);
}

#[test]
fn a_time_past_the_range_is_refused_even_if_there_is_no_key() {
    let cases = [
        ("EXPIRE k 9223372036854775807", "expire"),
        ("EXPIRE k 9223372036854775", "expire"),
        ("EXPIRE k -9223372036854775808", "expire"),
        ("PEXPIRE k 9223372036854775807", "pexpire"),
        ("EXPIREAT k 9223372036854775807", "expireat"),
        ("EXPIREAT k -9223372036854775808", "expireat"),
    ];
    for (line, command) in cases {
        let expected = format!("(error) ERR invalid expire time in '{command}' command");
        let mut shard = Shard::new();
        shard.check(&[
            (line, &expected),
            ("SET k v", "OK"),
            (line, &expected),
            ("TTL k", "(integer) -1"),
        ]);
    }
}

#[test]
fn the_last_time_there_is_can_be_set() {
    Shard::new().check(&[
        ("SET k v", "OK"),
        ("PEXPIREAT k 9223372036854775807", "(integer) 1"),
        ("PEXPIRETIME k", "(integer) 9223372036854775807"),
        ("GET k", "\"v\""),
    ]);
}
