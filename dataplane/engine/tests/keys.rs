//! Whether keys are there, and what they are called. Replies are those of redis 7.0.15, where clustering matters with
//! `cluster-enabled yes`.
mod harness;

use harness::Shard;

/// DUMP of a hash with one field `f` that is `v`, by redis 7.0.15.
const HASH_PAYLOAD: &str = "\"\\x10\\x0d\\x0d\\x00\\x00\\x00\\x02\\x00\\x81\\x66\\x02\\x81\\x76\\x02\\xff\\x0a\\x00\
                            \\x20\\xf1\\x3d\\x44\\x23\\x54\\x08\\x9d\"";

fn with_hash(key: &str) -> Shard {
    let mut shard = Shard::new();
    let line = format!("RESTORE {key} 0 {HASH_PAYLOAD}");
    shard.check(&[(line.as_str(), "OK")]);
    shard
}

/// Whether the last command changed anything.
fn changed(shard: &Shard) -> bool {
    !shard.primary.written().keys.is_empty() || shard.primary.written().all
}

#[test]
fn removing_counts_a_key_once_however_often_it_is_named() {
    for name in ["DEL", "UNLINK"] {
        Shard::new().check(&[
            ("SET a 1", "OK"),
            ("SET b 2", "OK"),
            (&format!("{name} a a b nope"), "(integer) 2"),
            (&format!("{name} a b"), "(integer) 0"),
            ("EXISTS a b", "(integer) 0"),
            (
                name,
                &format!(
                    "(error) ERR wrong number of arguments for '{}' command",
                    name.to_lowercase()
                ),
            ),
        ]);
    }
}

#[test]
fn exists_and_touch_count_a_key_as_often_as_it_is_named() {
    Shard::new().check(&[
        ("SET a 1", "OK"),
        ("EXISTS a a nope", "(integer) 2"),
        ("TOUCH a a nope", "(integer) 2"),
    ]);
}

#[test]
fn an_expired_key_is_not_there() {
    let mut shard = Shard::new();
    for command in ["EXISTS k", "TOUCH k", "DEL k", "PERSIST k", "EXPIRE k 10"] {
        shard.check(&[("SET k v", "OK"), ("PEXPIRE k 10", "(integer) 1")]);
        shard.pass(10);
        shard.check(&[(command, "(integer) 0")]);
        assert_eq!(shard.primary.keyspace().len(), 0, "{command} left it");
    }
}

#[test]
fn type_names_what_a_key_holds() {
    let mut shard = with_hash("h");
    shard.check(&[
        ("SET s v", "OK"),
        ("TYPE s", "string"),
        ("TYPE h", "hash"),
        ("TYPE nope", "none"),
    ]);
}

#[test]
fn renaming_takes_value_and_expiry_along() {
    let mut shard = with_hash("h");
    shard.check(&[
        ("SET a 1", "OK"),
        ("EXPIRE a 100", "(integer) 1"),
        ("SET b 2", "OK"),
        ("RENAME a b", "OK"),
        ("GET b", "\"1\""),
        ("TTL b", "(integer) 100"),
        ("EXISTS a", "(integer) 0"),
        ("RENAME h b", "OK"),
        ("TYPE b", "hash"),
        ("TTL b", "(integer) -1"),
        ("RENAME nope b", "(error) ERR no such key"),
        ("RENAME nope nope", "(error) ERR no such key"),
    ]);
}

#[test]
fn renaming_to_the_same_name_changes_nothing() {
    let mut shard = Shard::new();
    shard.check(&[("SET a 1", "OK"), ("RENAME a a", "OK")]);
    assert!(!changed(&shard));
    shard.check(&[("RENAMENX a a", "(integer) 0"), ("GET a", "\"1\"")]);
}

#[test]
fn renamenx_takes_only_a_free_name() {
    let mut shard = Shard::new();
    shard.check(&[
        ("SET a 1", "OK"),
        ("SET b 2", "OK"),
        ("RENAMENX a b", "(integer) 0"),
        ("GET b", "\"2\""),
        ("PEXPIRE b 10", "(integer) 1"),
    ]);
    shard.pass(10);
    shard.check(&[
        ("RENAMENX a b", "(integer) 1"),
        ("GET b", "\"1\""),
        ("TTL b", "(integer) -1"),
        ("RENAMENX a b", "(error) ERR no such key"),
    ]);
}

#[test]
fn copying_leaves_the_source_and_takes_the_expiry_along() {
    Shard::new().check(&[
        ("SET a 1", "OK"),
        ("EXPIRE a 100", "(integer) 1"),
        ("COPY a b", "(integer) 1"),
        ("GET a", "\"1\""),
        ("TTL b", "(integer) 100"),
        ("SET b 2", "OK"),
        ("COPY a b", "(integer) 0"),
        ("GET b", "\"2\""),
        ("COPY a b replace", "(integer) 1"),
        ("GET b", "\"1\""),
        ("COPY nope b REPLACE", "(integer) 0"),
        ("GET b", "\"1\""),
        (
            "COPY a a REPLACE",
            "(error) ERR source and destination objects are the same",
        ),
        (
            "COPY nope nope",
            "(error) ERR source and destination objects are the same",
        ),
    ]);
}

#[test]
fn there_is_no_database_but_0() {
    let other = "(error) ERR Copying to another database is not allowed in cluster mode";
    Shard::new().check(&[
        ("SET a 1", "OK"),
        ("COPY a b DB 0", "(integer) 1"),
        ("COPY a b DB 0 REPLACE", "(integer) 1"),
        ("COPY a b DB 1", other),
        ("COPY a a DB 15", other),
        ("COPY nope b DB 1", other),
        ("COPY a b DB 16", "(error) ERR DB index is out of range"),
        ("COPY a b DB -1", "(error) ERR DB index is out of range"),
        (
            "COPY a b DB 9999999999",
            "(error) ERR value is out of range, value must between -2147483648 and 2147483647",
        ),
        ("COPY a b DB x", "(error) ERR value is not an integer or out of range"),
        ("COPY a b DB", "(error) ERR syntax error"),
        ("COPY a b FOO", "(error) ERR syntax error"),
        ("MOVE a 0", "(error) ERR MOVE is not allowed in cluster mode"),
        ("MOVE nope x", "(error) ERR MOVE is not allowed in cluster mode"),
    ]);
}

#[test]
fn flushing_leaves_nothing() {
    for name in ["FLUSHALL", "FLUSHDB"] {
        for how in ["", " ASYNC", " sync"] {
            let mut shard = with_hash("h");
            shard.check(&[
                ("SET a 1", "OK"),
                ("DBSIZE", "(integer) 2"),
                (&format!("{name}{how}"), "OK"),
                ("DBSIZE", "(integer) 0"),
                (&format!("{name}{how}"), "OK"),
            ]);
        }
        Shard::new().check(&[
            (&format!("{name} foo"), "(error) ERR syntax error"),
            (&format!("{name} SYNC ASYNC"), "(error) ERR syntax error"),
        ]);
    }
}

#[test]
fn what_changes_nothing_writes_no_effect() {
    let mut shard = Shard::new();
    shard.check(&[("FLUSHALL", "OK")]);
    assert!(!changed(&shard));
    shard.check(&[("SET a 1", "OK"), ("SET b 1", "OK")]);
    for line in [
        "DEL nope",
        "PERSIST a",
        "EXPIRE a 10 XX",
        "RENAMENX a b",
        "COPY a b",
        "COPY nope b",
        "EXPIRE nope 1",
    ] {
        shard.check(&[(line, "(integer) 0")]);
        assert!(!changed(&shard), "{line}");
    }
}

#[test]
fn answers_about_all_keys_say_so() {
    let mut shard = Shard::new();
    for line in ["DBSIZE", "KEYS *", "SCAN 0", "RANDOMKEY", "FLUSHALL", "FLUSHDB"] {
        shard.run(line);
        assert!(shard.primary.lookups().all, "{line}");
        let command = harness::find(&harness::words(line)).unwrap();
        assert!(
            command.spec.flags.has(tenure_engine::command::Flags::ALL_KEYS),
            "{line}"
        );
    }
}

#[test]
fn keys_that_were_looked_up_are_noted_whether_or_not_they_are_there() {
    let mut shard = Shard::new();
    shard.run("SET a 1");
    for line in [
        "EXISTS a b",
        "RENAME a b",
        "RENAMENX b a",
        "COPY a b",
        "DEL a b",
        "TOUCH a b",
    ] {
        shard.run(line);
        for key in [b"a", b"b"] {
            let position = shard.primary.keyspace().position(key);
            assert!(shard.primary.lookups().keys.contains(&position), "{line}");
        }
    }
}
