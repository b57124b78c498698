//! HSCAN: its options, and that nothing is missed.
//! The replies are those of redis 7.0.15, but for NOVALUES, which it lacks.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use harness::Shard;
use tenure_engine::Protocol;

fn with(line: &str) -> Shard {
    let mut shard = Shard::new();
    shard.run(line);
    shard
}

/// All that a scan with these options answers, and how many pieces it took.
fn whole(shard: &mut Shard, options: &str) -> (Vec<String>, usize) {
    let (mut all, mut pieces, mut cursor) = (Vec::new(), 0, "0".to_owned());
    loop {
        let reply = shard.run(&format!("HSCAN h {cursor} {options}"));
        let (next, piece) = reply.split_once(' ').unwrap();
        cursor = next.trim_matches(['[', '"']).to_owned();
        let words = piece.trim_matches(['[', ']']).split_whitespace();
        all.extend(words.map(|word| word.trim_matches('"').to_owned()));
        pieces += 1;
        assert!(pieces < 10_000, "the scan does not end");
        if cursor == "0" {
            return (all, pieces);
        }
    }
}

#[test]
fn a_small_hash_is_one_piece() {
    let mut shard = with("HSET h a 1");
    shard.check(&[
        ("HSCAN h 0", "[\"0\" [\"a\" \"1\"]]"),
        ("HSCAN h 0 COUNT 100", "[\"0\" [\"a\" \"1\"]]"),
        ("HSCAN none 0", "[\"0\" []]"),
    ]);
    shard.protocol = Protocol::Resp3;
    shard.check(&[("HSCAN h 0", "[\"0\" [\"a\" \"1\"]]"), ("HSCAN none 0", "[\"0\" []]")]);
}

#[test]
fn match_keeps_the_fields_that_match() {
    with("HSET h foo 1").check(&[
        ("HSCAN h 0 MATCH f*", "[\"0\" [\"foo\" \"1\"]]"),
        ("HSCAN h 0 match ?o[a-o] count 5", "[\"0\" [\"foo\" \"1\"]]"),
        ("HSCAN h 0 MATCH F*", "[\"0\" []]"),
        ("HSCAN h 0 MATCH x* MATCH f*", "[\"0\" [\"foo\" \"1\"]]"),
        ("HSCAN h 0 MATCH f* MATCH x*", "[\"0\" []]"),
        ("HSCAN h 0 MATCH \"\"", "[\"0\" []]"),
    ]);
}

#[test]
fn novalues_leaves_the_values_out() {
    with("HSET h foo 1").check(&[
        ("HSCAN h 0 NOVALUES", "[\"0\" [\"foo\"]]"),
        ("HSCAN h 0 MATCH f* novalues COUNT 5", "[\"0\" [\"foo\"]]"),
        ("HSCAN h 0 NOVALUES MATCH x*", "[\"0\" []]"),
        ("HSCAN none 0 NOVALUES", "[\"0\" []]"),
    ]);
}

#[test]
fn a_whole_scan_sees_every_field_once() {
    let mut shard = Shard::new();
    let mut expected = Vec::new();
    for number in 0..1000 {
        shard.run(&format!("HSET h f{number} v"));
        expected.push(format!("f{number}"));
    }
    expected.sort();
    for options in [
        "NOVALUES",
        "NOVALUES COUNT 1",
        "COUNT 100 NOVALUES",
        "NOVALUES COUNT 5000",
    ] {
        let (mut seen, _) = whole(&mut shard, options);
        seen.sort();
        assert_eq!(seen, expected, "{options}");
    }
    let (seen, _) = whole(&mut shard, "MATCH f99*");
    assert_eq!(seen.len(), 11 * 2);
}

#[test]
fn cursors_are_read_as_strtoul_does() {
    let mut shard = with("HSET h a 1");
    for cursor in ["0", "+0", "-0", "00", "\"\""] {
        assert_eq!(
            shard.run(&format!("HSCAN h {cursor}")),
            "[\"0\" [\"a\" \"1\"]]",
            "{cursor}"
        );
    }
    for cursor in ["x", "1x", "\" 0\"", "\"0 \"", "-", "+", "+-1", "18446744073709551616"] {
        assert_eq!(
            shard.run(&format!("HSCAN h {cursor}")),
            "(error) ERR invalid cursor",
            "{cursor}"
        );
    }
    for cursor in ["18446744073709551615", "-1", "12345"] {
        assert!(shard.run(&format!("HSCAN h {cursor}")).starts_with("[\""), "{cursor}");
    }
}

#[test]
fn what_is_wrong_is_told_in_the_order_of_redis() {
    let mut shard = with("HSET h a 1");
    shard.run("SET s v");
    let cursor = "(error) ERR invalid cursor";
    let wrong_type = "(error) WRONGTYPE Operation against a key holding the wrong kind of value";
    let syntax = "(error) ERR syntax error";
    let integer = "(error) ERR value is not an integer or out of range";
    shard.check(&[
        ("HSCAN s x", cursor),
        ("HSCAN none x", cursor),
        ("HSCAN none 0 foo", "[\"0\" []]"),
        ("HSCAN s 0 foo", wrong_type),
        ("HSCAN h 0 foo", syntax),
        ("HSCAN h 0 foo bar", syntax),
        ("HSCAN h 0 MATCH", syntax),
        ("HSCAN h 0 TYPE string", syntax),
        ("HSCAN h 0 COUNT 0", syntax),
        ("HSCAN h 0 COUNT -5", syntax),
        ("HSCAN h 0 COUNT x", integer),
        ("HSCAN h 0 COUNT 9223372036854775808", integer),
        ("HSCAN h 0 COUNT 5 COUNT 0", syntax),
    ]);
}
