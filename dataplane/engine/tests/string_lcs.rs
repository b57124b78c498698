//! LCS.
mod harness;

use harness::Shard;
use tenure_engine::Protocol;

fn with_texts() -> Shard {
    let mut shard = Shard::new();
    shard.check(&[("MSET a ohmytext b mynewtext", "OK")]);
    shard
}

#[test]
fn lcs_answers_text_length_or_runs() {
    with_texts().check(&[
        ("LCS a b", "\"mytext\""),
        ("LCS b a", "\"mytext\""),
        ("LCS a b LEN", "(integer) 6"),
        ("LCS a b len len", "(integer) 6"),
        (
            "LCS a b IDX",
            "[\"matches\" [[[(integer) 4 (integer) 7] [(integer) 5 (integer) 8]] \
             [[(integer) 2 (integer) 3] [(integer) 0 (integer) 1]]] \"len\" (integer) 6]",
        ),
        (
            "LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN",
            "[\"matches\" [[[(integer) 4 (integer) 7] [(integer) 5 (integer) 8] (integer) 4]] \"len\" (integer) 6]",
        ),
        ("LCS a b IDX MINMATCHLEN 5", "[\"matches\" [] \"len\" (integer) 6]"),
        (
            "LCS a b IDX MINMATCHLEN -1 MINMATCHLEN 3",
            "[\"matches\" [[[(integer) 4 (integer) 7] [(integer) 5 (integer) 8]]] \"len\" (integer) 6]",
        ),
        (
            "LCS a a IDX WITHMATCHLEN",
            "[\"matches\" [[[(integer) 0 (integer) 7] [(integer) 0 (integer) 7] (integer) 8]] \"len\" (integer) 8]",
        ),
        ("LCS a b MINMATCHLEN 4", "\"mytext\""),
        ("LCS a b LEN WITHMATCHLEN", "(integer) 6"),
    ]);
}

#[test]
fn runs_are_a_map_in_resp3() {
    let mut shard = with_texts();
    shard.protocol = Protocol::Resp3;
    shard.check(&[
        (
            "LCS a b IDX MINMATCHLEN 4",
            "{\"matches\" => [[[(integer) 4 (integer) 7] [(integer) 5 (integer) 8]]] \"len\" => (integer) 6}",
        ),
        ("LCS a none IDX", "{\"matches\" => [] \"len\" => (integer) 0}"),
    ]);
}

#[test]
fn nothing_has_nothing_in_common() {
    with_texts().check(&[
        ("LCS a none", "\"\""),
        ("LCS none a LEN", "(integer) 0"),
        ("LCS none none IDX", "[\"matches\" [] \"len\" (integer) 0]"),
        ("SET c 123", "OK"),
        ("LCS a c", "\"\""),
    ]);
}

#[test]
fn of_several_longest_texts_it_is_the_one_of_redis() {
    Shard::new().check(&[
        ("MSET a ab b ba", "OK"),
        ("LCS a b", "\"b\""),
        ("LCS b a", "\"a\""),
        ("MSET a abcabba b cbabac", "OK"),
        ("LCS a b", "\"cbba\""),
        ("LCS b a", "\"baba\""),
        ("MSET a xaxbxc b abcabc", "OK"),
        (
            "LCS a b IDX",
            "[\"matches\" [[[(integer) 5 (integer) 5] [(integer) 5 (integer) 5]] \
             [[(integer) 3 (integer) 3] [(integer) 1 (integer) 1]] \
             [[(integer) 1 (integer) 1] [(integer) 0 (integer) 0]]] \"len\" (integer) 3]",
        ),
    ]);
}

#[test]
fn options_of_lcs_are_judged_after_the_types_of_its_keys() {
    let mut shard = with_texts();
    for image in [&mut shard.primary, &mut shard.replica] {
        image.write(tenure_engine::Effect::HashSet {
            key: b"h",
            pairs: vec![b"field", b"value"],
        });
        image.take_effects();
    }
    let not_strings = "(error) ERR The specified keys must contain string values";
    shard.check(&[
        ("LCS a h", not_strings),
        ("LCS h none what", not_strings),
        ("LCS h a LEN IDX", not_strings),
        ("LCS a b what", "(error) ERR syntax error"),
        ("LCS a b IDX MINMATCHLEN", "(error) ERR syntax error"),
        ("LCS a b LEN IDX what", "(error) ERR syntax error"),
        (
            "LCS a b MINMATCHLEN x",
            "(error) ERR value is not an integer or out of range",
        ),
        (
            "LCS a b LEN IDX",
            "(error) ERR If you want both the length and indexes, please just use IDX.",
        ),
        ("LCS a", "(error) ERR wrong number of arguments for 'lcs' command"),
    ]);
}

/// Redis would compare them; a shard has neighbours that wait meanwhile.
#[test]
fn strings_that_take_too_long_are_refused() {
    let refused = "(error) ERR the strings are too long for LCS: 16781312 pairs of bytes to compare, and 16777216 are \
                   allowed";
    Shard::new().check(&[
        ("SETRANGE a 4095 x", "(integer) 4096"),
        ("SETRANGE b 4096 x", "(integer) 4097"),
        ("LCS a b LEN", refused),
        ("LCS b a", refused),
        ("LCS a a LEN", "(integer) 4096"),
        ("SETRANGE long 16777215 x", "(integer) 16777216"),
        ("SET short x", "OK"),
        ("LCS short long LEN", "(integer) 1"),
        ("LCS long short LEN", "(integer) 1"),
        ("LCS long none LEN", "(integer) 0"),
    ]);
}
