//! Hashes: what is set, removed, read and counted.
//! The replies are those of redis 7.0.15, but for HGETDEL, which it lacks, and where a test says so.
mod harness;

use harness::Shard;
use tenure_engine::Protocol;

const WRONG_TYPE: &str = "(error) WRONGTYPE Operation against a key holding the wrong kind of value";

/// A shard after these commands.
fn after(lines: &[&str]) -> Shard {
    let mut shard = Shard::new();
    for line in lines {
        shard.run(line);
    }
    shard
}

/// Whether the line leaves nothing for the log.
fn writes_nothing(shard: &mut Shard, line: &str) -> bool {
    shard.run(line);
    shard.primary.written().keys.is_empty() && !shard.primary.written().all
}

#[test]
fn hset_counts_new_fields_only() {
    Shard::new().check(&[
        ("HSET h a 1 b 2", "(integer) 2"),
        ("HSET h a 3 c 4", "(integer) 1"),
        ("HSET h d 1 d 2", "(integer) 1"),
        ("HGET h d", "\"2\""),
        ("HMGET h a b c", "[\"3\" \"2\" \"4\"]"),
    ]);
}

#[test]
fn a_field_without_a_value_is_a_wrong_number_of_arguments() {
    Shard::new().check(&[
        (
            "HSET h a 1 b",
            "(error) ERR wrong number of arguments for 'hset' command",
        ),
        (
            "HMSET h a 1 b",
            "(error) ERR wrong number of arguments for 'hmset' command",
        ),
        ("SET s v", "OK"),
        (
            "HSET s a 1 b",
            "(error) ERR wrong number of arguments for 'hset' command",
        ),
        ("HLEN h", "(integer) 0"),
    ]);
}

#[test]
fn hmset_says_ok() {
    Shard::new().check(&[("HMSET h a 1 b 2", "OK"), ("HMSET h a 3", "OK"), ("HGET h a", "\"3\"")]);
}

#[test]
fn hsetnx_sets_only_what_is_not_there() {
    Shard::new().check(&[
        ("HSETNX h a 1", "(integer) 1"),
        ("HSETNX h a 2", "(integer) 0"),
        ("HSETNX h b 3", "(integer) 1"),
        ("HMGET h a b", "[\"1\" \"3\"]"),
    ]);
}

#[test]
fn hdel_counts_each_field_once() {
    after(&["HSET h a 1 b 2 c 3"]).check(&[
        ("HDEL h a a x", "(integer) 1"),
        ("HDEL h a", "(integer) 0"),
        ("HDEL none a", "(integer) 0"),
        ("HLEN h", "(integer) 2"),
    ]);
}

#[test]
fn a_hash_without_fields_is_gone() {
    let mut shard = after(&["HSET h a 1 b 2", "HDEL h b a x"]);
    assert!(harness::dump(&shard.primary).is_empty());
    shard.run("HSET h a 1");
    shard.run("HGETDEL h FIELDS 1 a");
    assert!(harness::dump(&shard.primary).is_empty());
}

#[test]
fn hgetdel_answers_what_it_removes() {
    after(&["HSET h a 1 b 2 c 3"]).check(&[
        ("HGETDEL h FIELDS 3 a x b", "[\"1\" (nil) \"2\"]"),
        ("HGETDEL h fields 1 a", "[(nil)]"),
        ("HGETDEL none FIELDS 2 a b", "[(nil) (nil)]"),
        ("HLEN h", "(integer) 1"),
    ]);
}

#[test]
fn a_field_named_twice_is_taken_once() {
    after(&["HSET h a 1 b 2"]).check(&[("HGETDEL h FIELDS 2 a a", "[\"1\" (nil)]"), ("HLEN h", "(integer) 1")]);
}

#[test]
fn hgetdel_wants_its_fields_counted() {
    let missing = "(error) ERR Mandatory argument FIELDS is missing or not at the right position";
    let not_positive = "(error) ERR Number of fields must be a positive integer";
    let mismatch = "(error) ERR The `numfields` parameter must match the number of arguments";
    after(&["HSET h a 1 b 2", "SET s v"]).check(&[
        ("HGETDEL h FIELD 1 a", missing),
        ("HGETDEL h FIELDS 0 a", not_positive),
        ("HGETDEL h FIELDS -1 a", not_positive),
        ("HGETDEL h FIELDS x a", not_positive),
        ("HGETDEL h FIELDS 2 a", mismatch),
        ("HGETDEL h FIELDS 1 a b", mismatch),
        ("HGETDEL h FIELDS 9223372036854775807 a", mismatch),
        ("HGETDEL s FIELD 1 a", WRONG_TYPE),
        ("HLEN h", "(integer) 2"),
    ]);
}

#[test]
fn what_is_not_there_reads_as_nothing() {
    Shard::new().check(&[
        ("HGET none a", "(nil)"),
        ("HMGET none a b", "[(nil) (nil)]"),
        ("HEXISTS none a", "(integer) 0"),
        ("HLEN none", "(integer) 0"),
        ("HSTRLEN none a", "(integer) 0"),
        ("HGETALL none", "[]"),
        ("HKEYS none", "[]"),
        ("HVALS none", "[]"),
        ("HSET h a 1", "(integer) 1"),
        ("HGET h b", "(nil)"),
        ("HMGET h b a", "[(nil) \"1\"]"),
        ("HEXISTS h b", "(integer) 0"),
        ("HSTRLEN h b", "(integer) 0"),
    ]);
}

#[test]
fn fields_and_values_are_any_bytes() {
    Shard::new().check(&[
        (r#"HSET h "\x00\xff" "\r\n" "" """#, "(integer) 2"),
        (r#"HGET h "\x00\xff""#, r#""r\n""#),
        (r#"HGET h """#, "\"\""),
        (r#"HSTRLEN h "\x00\xff""#, "(integer) 2"),
        (r#"HEXISTS h """#, "(integer) 1"),
    ]);
}

#[test]
fn a_whole_hash_is_a_map_and_its_parts_are_arrays() {
    let mut shard = after(&["HSET h a 1"]);
    shard.check(&[
        ("HGETALL h", "[\"a\" \"1\"]"),
        ("HKEYS h", "[\"a\"]"),
        ("HVALS h", "[\"1\"]"),
    ]);
    shard.protocol = Protocol::Resp3;
    shard.check(&[
        ("HGETALL h", "{\"a\" => \"1\"}"),
        ("HGETALL none", "{}"),
        ("HKEYS h", "[\"a\"]"),
        ("HVALS h", "[\"1\"]"),
    ]);
}

#[test]
fn a_whole_hash_has_every_field_with_its_value() {
    let mut shard = after(&["HSET h a 1 b 2 c 3"]);
    shard.protocol = Protocol::Resp3;
    let all = shard.run("HGETALL h");
    for pair in ["\"a\" => \"1\"", "\"b\" => \"2\"", "\"c\" => \"3\""] {
        assert!(all.contains(pair), "{pair} in {all}");
    }
    for line in ["HKEYS h", "HVALS h"] {
        assert_eq!(shard.run(line).split(' ').count(), 3, "{line}");
    }
}

#[test]
fn a_key_of_another_type_is_refused() {
    let mut shard = after(&["SET s v"]);
    for line in [
        "HDEL s a",
        "HEXISTS s a",
        "HGET s a",
        "HGETALL s",
        "HGETDEL s FIELDS 1 a",
        "HINCRBY s a 1",
        "HINCRBYFLOAT s a 1",
        "HKEYS s",
        "HLEN s",
        "HMGET s a",
        "HMSET s a 1",
        "HRANDFIELD s",
        "HRANDFIELD s 0",
        "HSCAN s 0",
        "HSET s a 1",
        "HSETNX s a 1",
        "HSTRLEN s a",
        "HVALS s",
    ] {
        assert_eq!(shard.run(line), WRONG_TYPE, "{line}");
    }
    assert_eq!(shard.run("GET s"), "\"v\"");
}

#[test]
fn hincrby_begins_at_zero_and_keeps_the_sum() {
    Shard::new().check(&[
        ("HINCRBY h a 5", "(integer) 5"),
        ("HINCRBY h a -7", "(integer) -2"),
        ("HGET h a", "\"-2\""),
        ("HINCRBY h a 0", "(integer) -2"),
    ]);
}

#[test]
fn hincrby_ends_where_64_bits_do() {
    let overflow = "(error) ERR increment or decrement would overflow";
    Shard::new().check(&[
        ("HINCRBY h a 9223372036854775807", "(integer) 9223372036854775807"),
        ("HINCRBY h a 1", overflow),
        ("HINCRBY h b -9223372036854775808", "(integer) -9223372036854775808"),
        ("HINCRBY h b -1", overflow),
        ("HMGET h a b", "[\"9223372036854775807\" \"-9223372036854775808\"]"),
    ]);
}

#[test]
fn hincrby_wants_whole_numbers() {
    let increment = "(error) ERR value is not an integer or out of range";
    let value = "(error) ERR hash value is not an integer";
    after(&["SET s v", "HSET h text x float 1.5 blank \" 1\" empty \"\" zero 01"]).check(&[
        ("HINCRBY h text x", increment),
        ("HINCRBY s a x", increment),
        ("HINCRBY h a 9223372036854775808", increment),
        ("HINCRBY h a 1.5", increment),
        ("HINCRBY h text 1", value),
        ("HINCRBY h float 1", value),
        ("HINCRBY h blank 1", value),
        ("HINCRBY h empty 1", value),
        ("HINCRBY h zero 1", value),
        ("HEXISTS h a", "(integer) 0"),
    ]);
}

#[test]
fn hincrbyfloat_writes_no_exponent_and_no_needless_zero() {
    Shard::new().check(&[
        ("HINCRBYFLOAT h a 10.50", "\"10.5\""),
        ("HINCRBYFLOAT h a 0.1", "\"10.6\""),
        ("HINCRBYFLOAT h a -0.6", "\"10\""),
        ("HINCRBYFLOAT h b 3.0e3", "\"3000\""),
        ("HINCRBYFLOAT h c 5.0e-7", "\"0.0000005\""),
        ("HINCRBYFLOAT h d -0.0", "\"0\""),
        ("HSET h d -0.0", "(integer) 0"),
        ("HINCRBYFLOAT h d -0.0", "\"0\""),
        ("HINCRBYFLOAT h e +.5", "\"0.5\""),
        ("HINCRBYFLOAT h f 17179869184.5", "\"17179869184.5\""),
        ("HGET h b", "\"3000\""),
    ]);
}

#[test]
fn hincrbyfloat_wants_numbers_and_makes_no_infinity() {
    let increment = "(error) ERR value is not a valid float";
    let value = "(error) ERR hash value is not a float";
    let sum = "(error) ERR increment would produce NaN or Infinity";
    after(&["SET s v", "HSET h text x blank \" 1\" empty \"\" nan nan inf inf"]).check(&[
        ("HINCRBYFLOAT h a x", increment),
        ("HINCRBYFLOAT s a x", increment),
        ("HINCRBYFLOAT h a \"\"", increment),
        ("HINCRBYFLOAT h a \" 1\"", increment),
        ("HINCRBYFLOAT h a nan", increment),
        ("HINCRBYFLOAT h a inf", "(error) ERR value is NaN or Infinity"),
        ("HINCRBYFLOAT h a -infinity", "(error) ERR value is NaN or Infinity"),
        ("HINCRBYFLOAT h text 1", value),
        ("HINCRBYFLOAT h blank 1", value),
        ("HINCRBYFLOAT h empty 1", value),
        ("HINCRBYFLOAT h nan 1", value),
        ("HINCRBYFLOAT h inf 1", sum),
        ("HEXISTS h a", "(integer) 0"),
    ]);
}

#[test]
fn hincrbyfloat_rounds_as_redis_does() {
    Shard::new().check(&[
        ("HINCRBYFLOAT h a 10.1", "\"10.1\""),
        ("HINCRBYFLOAT h a 0.2", "\"10.3\""),
        ("HSET h a 1e4932", "(integer) 0"),
        (
            "HINCRBYFLOAT h a 1e4932",
            "(error) ERR increment would produce NaN or Infinity",
        ),
        ("HGET h a", "\"1e4932\""),
    ]);
}

#[test]
fn what_changes_nothing_writes_nothing() {
    let mut shard = after(&["HSET h a 1 b 2", "SET s v"]);
    for line in [
        "HDEL h x y",
        "HDEL none a",
        "HGETDEL h FIELDS 1 x",
        "HGETDEL none FIELDS 1 a",
        "HSETNX h a 2",
        "HRANDFIELD h 1",
        "HINCRBY h a x",
        "HSET s a 1",
        "HGETALL h",
        "HSCAN h 0",
    ] {
        assert!(writes_nothing(&mut shard, line), "{line}");
    }
    assert!(!writes_nothing(&mut shard, "HDEL h a x"));
}

#[test]
fn a_hash_keeps_its_expiry_and_an_expired_one_begins_anew() {
    let mut shard = after(&["HSET h a 1 b 2"]);
    shard.primary.write(tenure_engine::Effect::ExpireAt {
        key: b"h",
        at: tenure_types::WallTime::from_unix_millis(harness::START_MILLIS + 100),
    });
    shard.check(&[("HSET h a 2", "(integer) 0"), ("HLEN h", "(integer) 2")]);
    shard.pass(100);
    shard.check(&[("HSET h a 3", "(integer) 1"), ("HLEN h", "(integer) 1")]);
}
