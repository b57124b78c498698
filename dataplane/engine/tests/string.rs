//! Strings that are read and written whole: GET, SET and their kin.
mod harness;

use harness::Shard;

const WRONG_TYPE: &str = "(error) WRONGTYPE Operation against a key holding the wrong kind of value";
const SYNTAX: &str = "(error) ERR syntax error";
const NOT_AN_INTEGER: &str = "(error) ERR value is not an integer or out of range";

/// A shard with a hash at `h`.
fn with_hash() -> Shard {
    use tenure_engine::Effect;

    let mut shard = Shard::new();
    for image in [&mut shard.primary, &mut shard.replica] {
        image.write(Effect::HashSet {
            key: b"h",
            pairs: vec![b"field", b"value"],
        });
        image.take_effects();
    }
    shard
}

#[test]
fn what_was_set_is_read() {
    Shard::new().check(&[
        ("GET k", "(nil)"),
        ("SET k v", "OK"),
        ("GET k", "\"v\""),
        ("SET k w", "OK"),
        ("GET k", "\"w\""),
        ("STRLEN k", "(integer) 1"),
        ("STRLEN none", "(integer) 0"),
    ]);
}

#[test]
fn keys_and_values_may_be_any_bytes() {
    Shard::new().check(&[
        ("SET \"\\0\\xff key\" \"a\\0\\n\\xfe\"", "OK"),
        ("GET \"\\0\\xff key\"", "\"a\\x00\\n\\xfe\""),
        ("STRLEN \"\\0\\xff key\"", "(integer) 4"),
        ("SET \"\" \"\"", "OK"),
        ("GET \"\"", "\"\""),
        ("GETDEL \"\"", "\"\""),
    ]);
}

#[test]
fn a_string_is_not_read_from_another_type() {
    with_hash().check(&[
        ("GET h", WRONG_TYPE),
        ("STRLEN h", WRONG_TYPE),
        ("GETSET h v", WRONG_TYPE),
        ("GETDEL h", WRONG_TYPE),
        ("GETEX h", WRONG_TYPE),
        ("GETEX h EX 0", WRONG_TYPE),
        ("GETEX h EX abc", WRONG_TYPE),
        ("SET h v GET", WRONG_TYPE),
        ("SET h v NX GET", WRONG_TYPE),
        ("SET h v XX GET", WRONG_TYPE),
        ("GET h", WRONG_TYPE),
    ]);
}

#[test]
fn set_replaces_any_type() {
    with_hash().check(&[("SET h v", "OK"), ("GET h", "\"v\"")]);
    with_hash().check(&[("SET h v XX EX 10", "OK"), ("GET h", "\"v\"")]);
    with_hash().check(&[("SETEX h 10 v", "OK"), ("GET h", "\"v\"")]);
}

#[test]
fn nx_writes_only_where_there_is_nothing() {
    with_hash().check(&[
        ("SET k v NX", "OK"),
        ("SET k w NX", "(nil)"),
        ("SET k w nx NX", "(nil)"),
        ("GET k", "\"v\""),
        ("SET h w NX", "(nil)"),
        ("SETNX k w", "(integer) 0"),
        ("SETNX h w", "(integer) 0"),
        ("SETNX n w", "(integer) 1"),
        ("GET n", "\"w\""),
    ]);
}

#[test]
fn xx_writes_only_where_there_is_something() {
    Shard::new().check(&[
        ("SET k v XX", "(nil)"),
        ("GET k", "(nil)"),
        ("SET k v", "OK"),
        ("SET k w XX xx", "OK"),
        ("GET k", "\"w\""),
    ]);
}

#[test]
fn get_answers_the_old_string_whether_or_not_it_was_replaced() {
    Shard::new().check(&[
        ("SET k v GET", "(nil)"),
        ("SET k w GET get", "\"v\""),
        ("SET k x NX GET", "\"w\""),
        ("GET k", "\"w\""),
        ("SET k x XX GET", "\"w\""),
        ("GET k", "\"x\""),
        ("SET n v XX GET", "(nil)"),
        ("GET n", "(nil)"),
        ("SET n v NX GET", "(nil)"),
        ("GET n", "\"v\""),
        ("GETSET k y", "\"x\""),
        ("GETSET m y", "(nil)"),
        ("GET m", "\"y\""),
    ]);
}

/// As Valkey 8.1 does; redis-server 7.0 does not know the option.
#[test]
fn ifeq_writes_only_over_an_equal_string() {
    with_hash().check(&[
        ("SET k v IFEQ v", "(nil)"),
        ("SET k v", "OK"),
        ("SET k w IFEQ x", "(nil)"),
        ("SET k w ifeq v", "OK"),
        ("GET k", "\"w\""),
        ("SET k x IFEQ y GET", "\"w\""),
        ("SET k x IFEQ w GET", "\"w\""),
        ("GET k", "\"x\""),
        ("SET n x IFEQ w GET", "(nil)"),
        ("SET k \"\" IFEQ x", "OK"),
        ("SET k y IFEQ \"\"", "OK"),
        ("SET h v IFEQ v", WRONG_TYPE),
        ("SET h v IFEQ v GET", WRONG_TYPE),
        ("SET k v IFEQ", SYNTAX),
        ("SET k v IFEQ a IFEQ a", SYNTAX),
        ("SET k v IFEQ a NX", SYNTAX),
        ("SET k v XX IFEQ a", SYNTAX),
        ("GET k", "\"y\""),
    ]);
}

/// As Valkey 9.0 does; redis-server 7.0 does not know the command.
#[test]
fn delifeq_deletes_only_an_equal_string() {
    with_hash().check(&[
        ("DELIFEQ k v", "(integer) 0"),
        ("SET k v", "OK"),
        ("DELIFEQ k w", "(integer) 0"),
        ("GET k", "\"v\""),
        ("DELIFEQ k v", "(integer) 1"),
        ("GET k", "(nil)"),
        ("DELIFEQ h v", WRONG_TYPE),
        (
            "DELIFEQ k",
            "(error) ERR wrong number of arguments for 'delifeq' command",
        ),
    ]);
}

#[test]
fn options_of_set_that_exclude_each_other_are_refused() {
    Shard::new().check(&[
        ("SET k v NX XX", SYNTAX),
        ("SET k v XX NX", SYNTAX),
        ("SET k v EX 10 PX 10", SYNTAX),
        ("SET k v EX 10 EXAT 10", SYNTAX),
        ("SET k v PXAT 10 PX 10", SYNTAX),
        ("SET k v KEEPTTL EX 10", SYNTAX),
        ("SET k v EX 10 KEEPTTL", SYNTAX),
        ("SET k v EX", SYNTAX),
        ("SET k v PERSIST", SYNTAX),
        ("SET k v what", SYNTAX),
        ("SET k v EX abc what", SYNTAX),
        ("GET k", "(nil)"),
        ("SET k v KEEPTTL KEEPTTL", "OK"),
        ("SET k", "(error) ERR wrong number of arguments for 'set' command"),
    ]);
}

#[test]
fn expiries_that_cannot_be_are_refused() {
    let set = "(error) ERR invalid expire time in 'set' command";
    let setex = "(error) ERR invalid expire time in 'setex' command";
    let psetex = "(error) ERR invalid expire time in 'psetex' command";
    let getex = "(error) ERR invalid expire time in 'getex' command";
    let mut shard = Shard::new();
    shard.check(&[
        ("SET k v EX 0", set),
        ("SET k v PX -1", set),
        ("SET k v EXAT 0", set),
        ("SET k v PXAT -1", set),
        ("SET k v EX abc", NOT_AN_INTEGER),
        ("SET k v EX 1.5", NOT_AN_INTEGER),
        ("SET k v EX NX", NOT_AN_INTEGER),
        ("SET k v EX 9223372036854775808", NOT_AN_INTEGER),
        ("SET k v EX 9223372036854775807", set),
        ("SET k v EX 9223372036854775", set),
        ("SET k v EXAT 9223372036854775807", set),
        ("SET k v PX 9223372036854775807", set),
        ("SETEX k 0 v", setex),
        ("SETEX k abc v", NOT_AN_INTEGER),
        ("SETEX k 9223372036854775807 v", setex),
        ("PSETEX k 0 v", psetex),
        ("PSETEX k -1 v", psetex),
        ("GET k", "(nil)"),
        ("SET k v", "OK"),
        ("GETEX k EX 0", getex),
        ("GETEX k PXAT -5", getex),
        ("GETEX k EX abc", NOT_AN_INTEGER),
        ("GETEX k EX 9223372036854775807", getex),
        ("SET k v NX EX 0", set),
        ("SET k v EX 0 GET", set),
        ("GET k", "\"v\""),
        ("SET k v PXAT 9223372036854775807", "OK"),
        ("SET k v EXAT 9223372036854775", "OK"),
        ("SET k v EX 9000000000000000", "OK"),
        ("GET k", "\"v\""),
    ]);
}

#[test]
fn a_string_goes_when_its_time_is_up() {
    for set in [
        "SET k v EX 10",
        "SET k v PX 10000",
        "SET k v EXAT 1700000010",
        "SET k v pxat 1700000010000",
        "SET k v EX 99 EX 10",
        "SETEX k 10 v",
        "PSETEX k 10000 v",
    ] {
        let mut shard = Shard::new();
        shard.check(&[(set, "OK")]);
        shard.pass(9_999);
        assert_eq!(shard.run("GET k"), "\"v\"", "{set}");
        shard.pass(1);
        assert_eq!(shard.run("GET k"), "(nil)", "{set}");
    }
}

#[test]
fn a_new_string_stays_unless_keepttl_keeps_the_time_of_the_old_one() {
    let mut shard = Shard::new();
    shard.check(&[
        ("SET plain v EX 10", "OK"),
        ("SET plain w", "OK"),
        ("SET swapped v EX 10", "OK"),
        ("GETSET swapped w", "\"v\""),
        ("SET kept v EX 10", "OK"),
        ("SET kept w KEEPTTL", "OK"),
        ("SET kept x KEEPTTL GET XX", "\"w\""),
        ("SET fresh v KEEPTTL", "OK"),
    ]);
    shard.pass(10_000);
    shard.check(&[
        ("GET plain", "\"w\""),
        ("GET swapped", "\"w\""),
        ("GET kept", "(nil)"),
        ("GET fresh", "\"v\""),
    ]);
}

#[test]
fn a_time_that_is_past_deletes_at_once() {
    let mut shard = Shard::new();
    shard.check(&[
        ("SET k v EXAT 1", "OK"),
        ("GET k", "(nil)"),
        ("SET k v", "OK"),
        ("SET k w EXAT 1 GET", "\"v\""),
        ("GET k", "(nil)"),
        ("SET k v", "OK"),
        ("SET k w XX PXAT 1700000000000", "OK"),
        ("GET k", "(nil)"),
        ("SET k v", "OK"),
        ("GETEX k EXAT 1", "\"v\""),
        ("GET k", "(nil)"),
    ]);
    assert_eq!(shard.primary.keyspace().len(), 0);
}

#[test]
fn what_is_expired_counts_as_absent() {
    let mut shard = Shard::new();
    shard.check(&[
        ("SET k v EX 10", "OK"),
        ("SET n v EX 10", "OK"),
        ("SET m v EX 10", "OK"),
    ]);
    shard.pass(10_000);
    shard.check(&[
        ("SET k w XX", "(nil)"),
        ("SET k w NX", "OK"),
        ("SETNX n w", "(integer) 1"),
        ("SET m w KEEPTTL", "OK"),
        ("DELIFEQ m v", "(integer) 0"),
    ]);
    shard.pass(10_000);
    shard.check(&[("GET k", "\"w\""), ("GET n", "\"w\""), ("GET m", "\"w\"")]);
}

#[test]
fn getdel_reads_once() {
    Shard::new().check(&[
        ("SET k v", "OK"),
        ("GETDEL k", "\"v\""),
        ("GETDEL k", "(nil)"),
        ("GET k", "(nil)"),
    ]);
}

#[test]
fn getex_sets_the_time_or_ends_it() {
    for (option, stays) in [
        ("", false),
        ("EX 30", true),
        ("PX 30000", true),
        ("EXAT 1700000030", true),
        ("PXAT 1700000030000", true),
        ("EX 1 EX 30", true),
        ("PERSIST", true),
        ("persist PERSIST", true),
        ("EX 5", false),
    ] {
        let mut shard = Shard::new();
        shard.check(&[("SET k v EX 10", "OK")]);
        assert_eq!(shard.run(&format!("GETEX k {option}")), "\"v\"", "{option}");
        shard.pass(10_000);
        let left = if stays { "\"v\"" } else { "(nil)" };
        assert_eq!(shard.run("GET k"), left, "{option}");
    }
}

#[test]
fn getex_judges_its_words_before_the_key_and_its_number_after() {
    Shard::new().check(&[
        ("GETEX none", "(nil)"),
        ("GETEX none EX 0", "(nil)"),
        ("GETEX none EX abc", "(nil)"),
        ("GETEX none EX", SYNTAX),
        ("GETEX none what", SYNTAX),
        ("GETEX none EX 10 PERSIST", SYNTAX),
        ("GETEX none PERSIST EX 10", SYNTAX),
        ("GETEX none EX 10 PX 10", SYNTAX),
        ("GETEX none KEEPTTL", SYNTAX),
        ("GETEX none NX", SYNTAX),
        ("GETEX none GET", SYNTAX),
    ]);
}
