//! Parts of strings, and several strings at once.
mod harness;

use harness::Shard;

const WRONG_TYPE: &str = "(error) WRONGTYPE Operation against a key holding the wrong kind of value";
const NOT_AN_INTEGER: &str = "(error) ERR value is not an integer or out of range";
const TOO_LONG: &str = "(error) ERR string exceeds maximum allowed size (proto-max-bulk-len)";

/// A shard with a hash at `h`.
fn with_hash() -> Shard {
    let mut shard = Shard::new();
    for image in [&mut shard.primary, &mut shard.replica] {
        image.write(tenure_engine::Effect::HashSet {
            key: b"h",
            pairs: vec![b"field", b"value"],
        });
        image.take_effects();
    }
    shard
}

#[test]
fn append_begins_a_string_and_goes_on_with_it() {
    with_hash().check(&[
        ("APPEND k foo", "(integer) 3"),
        ("APPEND k \"\\0\\xff\"", "(integer) 5"),
        ("GET k", "\"foo\\x00\\xff\""),
        ("APPEND k \"\"", "(integer) 5"),
        ("APPEND empty \"\"", "(integer) 0"),
        ("GET empty", "\"\""),
        ("APPEND h x", WRONG_TYPE),
    ]);
}

#[test]
fn parts_are_written_without_a_change_of_the_time() {
    let mut shard = Shard::new();
    shard.check(&[
        ("SET a v EX 10", "OK"),
        ("APPEND a w", "(integer) 2"),
        ("SET b v EX 10", "OK"),
        ("SETRANGE b 0 w", "(integer) 1"),
    ]);
    shard.pass(9_999);
    shard.check(&[("GET a", "\"vw\""), ("GET b", "\"w\"")]);
    shard.pass(1);
    shard.check(&[("APPEND a x", "(integer) 1"), ("SETRANGE b 1 x", "(integer) 2")]);
    shard.pass(10_000);
    shard.check(&[("GET a", "\"x\""), ("GET b", "\"\\x00x\"")]);
}

#[test]
fn setrange_overwrites_and_fills_up_with_zeros() {
    Shard::new().check(&[
        ("SET k \"Hello World\"", "OK"),
        ("SETRANGE k 6 Redis", "(integer) 11"),
        ("GET k", "\"Hello Redis\""),
        ("SETRANGE k 10 !!", "(integer) 12"),
        ("GET k", "\"Hello Redi!!\""),
        ("SETRANGE k 14 x", "(integer) 15"),
        ("GET k", "\"Hello Redi!!\\x00\\x00x\""),
        ("SETRANGE n 3 abc", "(integer) 6"),
        ("GET n", "\"\\x00\\x00\\x00abc\""),
        ("SETRANGE k 0 \"\"", "(integer) 15"),
        ("SETRANGE none 5 \"\"", "(integer) 0"),
        ("GET none", "(nil)"),
    ]);
}

#[test]
fn setrange_judges_the_offset_before_the_key_and_the_length_after() {
    with_hash().check(&[
        ("SETRANGE h abc x", NOT_AN_INTEGER),
        ("SETRANGE h 9223372036854775808 x", NOT_AN_INTEGER),
        ("SETRANGE h -1 x", "(error) ERR offset is out of range"),
        ("SETRANGE none -1 \"\"", "(error) ERR offset is out of range"),
        ("SETRANGE h 0 \"\"", WRONG_TYPE),
        ("SETRANGE h 536870912 x", WRONG_TYPE),
        ("SETRANGE k 536870912 x", TOO_LONG),
        ("SETRANGE k 536870911 xx", TOO_LONG),
        ("SETRANGE k 9223372036854775807 xx", TOO_LONG),
        ("SETRANGE k 9223372036854775807 \"\"", "(integer) 0"),
        ("GET k", "(nil)"),
    ]);
}

#[test]
fn getrange_reads_from_one_place_to_another() {
    for name in ["GETRANGE", "SUBSTR"] {
        let mut shard = with_hash();
        shard.check(&[("SET k \"This is a string\"", "OK")]);
        for (first, last, expected) in [
            ("0", "3", "\"This\""),
            ("-3", "-1", "\"ing\""),
            ("0", "-1", "\"This is a string\""),
            ("10", "100", "\"string\""),
            ("5", "3", "\"\""),
            ("-17", "-17", "\"T\""),
            ("-20", "-18", "\"T\""),
            ("-18", "-20", "\"\""),
            ("0", "-100", "\"T\""),
            ("1", "-100", "\"\""),
            ("16", "20", "\"\""),
            ("-9223372036854775808", "9223372036854775807", "\"This is a string\""),
            ("9223372036854775807", "-9223372036854775808", "\"\""),
            ("abc", "1", NOT_AN_INTEGER),
            ("1", "1.0", NOT_AN_INTEGER),
        ] {
            let line = format!("{name} k {first} {last}");
            assert_eq!(shard.run(&line), expected, "{line}");
        }
        shard.check(&[
            (&format!("{name} none 0 -1"), "\"\""),
            (&format!("{name} h 0 -1"), WRONG_TYPE),
            (&format!("{name} h x -1"), NOT_AN_INTEGER),
        ]);
    }
}

#[test]
fn mget_answers_null_for_what_is_missing_or_no_string() {
    with_hash().check(&[
        ("SET a 1", "OK"),
        ("SET b \"\"", "OK"),
        ("MGET a none h b a", "[\"1\" (nil) (nil) \"\" \"1\"]"),
        ("MGET", "(error) ERR wrong number of arguments for 'mget' command"),
    ]);
}

#[test]
fn mset_writes_pairs_and_the_last_of_a_key_stays() {
    let mut shard = with_hash();
    shard.check(&[
        ("SET a 0 EX 10", "OK"),
        ("MSET a 1 b 2 a 3 h 4", "OK"),
        ("MGET a b h", "[\"3\" \"2\" \"4\"]"),
        ("MSET c", "(error) ERR wrong number of arguments for 'mset' command"),
        ("MSET c 1 d", "(error) ERR wrong number of arguments for 'mset' command"),
        ("MGET c d", "[(nil) (nil)]"),
    ]);
    shard.pass(10_000);
    shard.check(&[("GET a", "\"3\"")]);
}

#[test]
fn msetnx_writes_all_or_nothing() {
    let mut shard = with_hash();
    shard.check(&[
        ("MSETNX a 1 b 2", "(integer) 1"),
        ("MSETNX c 1 b 3", "(integer) 0"),
        ("MSETNX c 1 h 3", "(integer) 0"),
        ("MGET a b c", "[\"1\" \"2\" (nil)]"),
        ("MSETNX d 1 d 2", "(integer) 1"),
        ("GET d", "\"2\""),
        (
            "MSETNX e 1 f",
            "(error) ERR wrong number of arguments for 'msetnx' command",
        ),
        ("SET a 1 EX 10", "OK"),
    ]);
    shard.pass(10_000);
    shard.check(&[("MSETNX a 2 c 3", "(integer) 1"), ("MGET a c", "[\"2\" \"3\"]")]);
}
