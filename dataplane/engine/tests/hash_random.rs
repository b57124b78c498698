//! HRANDFIELD: what is left to chance, and what is not.
//! The replies are those of redis 7.0.15 where chance leaves only one.
mod harness;

use std::collections::BTreeSet;

use harness::Shard;
use tenure_engine::Protocol;

/// A shard with a hash of so many fields, each its own value.
fn of_fields(fields: usize) -> Shard {
    let mut shard = Shard::new();
    for number in 0..fields {
        shard.run(&format!("HSET h f{number} f{number}"));
    }
    shard
}

/// The words of a flat array.
fn answered(shard: &mut Shard, line: &str) -> Vec<String> {
    let reply = shard.run(line);
    let inner = reply.trim_matches(['[', ']']);
    inner.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn one_field_is_a_string_and_counted_ones_are_an_array() {
    of_fields(1).check(&[
        ("HRANDFIELD h", "\"f0\""),
        ("HRANDFIELD h 1", "[\"f0\"]"),
        ("HRANDFIELD h 5", "[\"f0\"]"),
        ("HRANDFIELD h -3", "[\"f0\" \"f0\" \"f0\"]"),
        ("HRANDFIELD h 1 withvalues", "[\"f0\" \"f0\"]"),
        ("HRANDFIELD h -2 WITHVALUES", "[\"f0\" \"f0\" \"f0\" \"f0\"]"),
        ("HRANDFIELD h 0", "[]"),
        ("HRANDFIELD h 0 WITHVALUES", "[]"),
    ]);
}

#[test]
fn resp3_pairs_fields_with_values() {
    let mut shard = of_fields(1);
    shard.protocol = Protocol::Resp3;
    shard.check(&[
        ("HRANDFIELD h 1", "[\"f0\"]"),
        ("HRANDFIELD h 1 WITHVALUES", "[[\"f0\" \"f0\"]]"),
        ("HRANDFIELD h -2 WITHVALUES", "[[\"f0\" \"f0\"] [\"f0\" \"f0\"]]"),
        ("HRANDFIELD h 0 WITHVALUES", "[]"),
    ]);
}

#[test]
fn nothing_is_chosen_from_nothing() {
    Shard::new().check(&[
        ("HRANDFIELD none", "(nil)"),
        ("HRANDFIELD none 5", "[]"),
        ("HRANDFIELD none -5 WITHVALUES", "[]"),
    ]);
}

#[test]
fn a_count_never_repeats_a_field() {
    let mut shard = of_fields(60);
    // Below, at and above the third where the way of choosing changes.
    for count in [1, 2, 19, 20, 21, 40, 59, 60, 61, 1000] {
        let fields = answered(&mut shard, &format!("HRANDFIELD h {count}"));
        assert_eq!(fields.len(), count.min(60), "{count}");
        let different: BTreeSet<_> = fields.iter().collect();
        assert_eq!(different.len(), fields.len(), "{count}: {fields:?}");
    }
}

#[test]
fn values_are_those_of_their_fields() {
    let mut shard = of_fields(60);
    for count in [5, 40, 60, -200] {
        let words = answered(&mut shard, &format!("HRANDFIELD h {count} WITHVALUES"));
        assert!(words.chunks(2).all(|pair| pair[0] == pair[1]), "{count}: {words:?}");
    }
}

#[test]
fn every_field_comes_about_as_often() {
    let mut shard = of_fields(12);
    for line in ["HRANDFIELD h", "HRANDFIELD h 3", "HRANDFIELD h 8", "HRANDFIELD h -5"] {
        let mut fields: Vec<String> = (0..3000).flat_map(|_| answered(&mut shard, line)).collect();
        fields.sort();
        let mean = fields.len() / 12;
        for group in fields.chunk_by(|one, next| one == next) {
            let times = group.len();
            assert!(
                times > mean * 3 / 4 && times < mean * 5 / 4,
                "{line}: {} {times} times, {mean} expected",
                group[0]
            );
        }
        fields.dedup();
        assert_eq!(fields.len(), 12, "{line}");
    }
}

#[test]
fn the_count_has_bounds() {
    let between = "(error) ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
    let out = "(error) ERR value is out of range";
    of_fields(1).check(&[
        ("HRANDFIELD h -9223372036854775808", between),
        ("HRANDFIELD h -9223372036854775807 WITHVALUES", out),
        ("HRANDFIELD h 9223372036854775807 WITHVALUES", out),
        ("HRANDFIELD none 4611686018427387904 WITHVALUES", out),
        ("HRANDFIELD none 4611686018427387903 WITHVALUES", "[]"),
        ("HRANDFIELD none -4611686018427387903 WITHVALUES", "[]"),
        ("HRANDFIELD h 9223372036854775807", "[\"f0\"]"),
    ]);
}

/// Redis answers until its memory is full.
#[test]
fn a_repeated_answer_has_a_bound() {
    let mut shard = of_fields(1);
    let out = "(error) ERR value is out of range";
    assert_eq!(shard.run("HRANDFIELD h -9223372036854775807"), out);
    assert_eq!(shard.run("HRANDFIELD h -4611686018427387903 WITHVALUES"), out);
    // The count is small, the fields are not.
    let long = "x".repeat(1 << 20);
    shard.run(&format!("HSET long f {long}"));
    assert_eq!(shard.run("HRANDFIELD long -64 WITHVALUES"), out);
    assert_eq!(shard.run("HRANDFIELD long -64").matches('f').count(), 64);
}

#[test]
fn options_are_judged_after_the_count_and_before_the_key() {
    let mut shard = of_fields(1);
    shard.run("SET s v");
    let syntax = "(error) ERR syntax error";
    let integer = "(error) ERR value is not an integer or out of range";
    shard.check(&[
        ("HRANDFIELD h 1 foo", syntax),
        ("HRANDFIELD h 1 WITHVALUES x", syntax),
        ("HRANDFIELD h x", integer),
        ("HRANDFIELD h x WITHVALUES y", integer),
        ("HRANDFIELD s x", integer),
        ("HRANDFIELD s 1 foo", syntax),
    ]);
}
