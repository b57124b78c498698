//! Numbers in strings.
mod harness;

use harness::Shard;

const NOT_AN_INTEGER: &str = "(error) ERR value is not an integer or out of range";
const NOT_A_FLOAT: &str = "(error) ERR value is not a valid float";
const OVERFLOW: &str = "(error) ERR increment or decrement would overflow";

#[test]
fn a_counter_begins_at_zero() {
    Shard::new().check(&[
        ("INCR a", "(integer) 1"),
        ("INCR a", "(integer) 2"),
        ("GET a", "\"2\""),
        ("DECR b", "(integer) -1"),
        ("INCRBY c 10", "(integer) 10"),
        ("DECRBY c 12", "(integer) -2"),
        ("INCRBY c -3", "(integer) -5"),
        ("DECRBY c -5", "(integer) 0"),
        ("GET c", "\"0\""),
        ("INCRBYFLOAT d 1.25", "\"1.25\""),
    ]);
}

#[test]
fn only_canonical_integers_are_counted() {
    let mut shard = Shard::new();
    for text in [
        "\" 1\"",
        "\"1 \"",
        "01",
        "+1",
        "\"\"",
        "-0",
        "1.0",
        "abc",
        "9223372036854775808",
        "\"1\\0\"",
    ] {
        shard.check(&[
            (&format!("SET k {text}"), "OK"),
            ("INCR k", NOT_AN_INTEGER),
            ("DECRBY k 1", NOT_AN_INTEGER),
            (&format!("INCRBY n {text}"), NOT_AN_INTEGER),
            (&format!("DECRBY n {text}"), NOT_AN_INTEGER),
            ("GET n", "(nil)"),
        ]);
    }
}

#[test]
fn a_count_past_64_bits_is_refused_and_changes_nothing() {
    Shard::new().check(&[
        ("SET k 9223372036854775807", "OK"),
        ("INCR k", OVERFLOW),
        ("INCRBY k 1", OVERFLOW),
        ("DECRBY k -1", OVERFLOW),
        ("GET k", "\"9223372036854775807\""),
        ("INCRBY k -9223372036854775808", "(integer) -1"),
        ("DECRBY k 9223372036854775807", "(integer) -9223372036854775808"),
        ("DECR k", OVERFLOW),
        ("DECRBY k -9223372036854775808", "(error) ERR decrement would overflow"),
        ("GET k", "\"-9223372036854775808\""),
    ]);
}

#[test]
fn a_counter_keeps_its_time() {
    let mut shard = Shard::new();
    shard.check(&[
        ("SET a 1 EX 10", "OK"),
        ("INCR a", "(integer) 2"),
        ("DECRBY a 5", "(integer) -3"),
        ("SET b 1 EX 10", "OK"),
        ("INCRBYFLOAT b 0.5", "\"1.5\""),
    ]);
    shard.pass(9_999);
    shard.check(&[("GET a", "\"-3\""), ("GET b", "\"1.5\"")]);
    shard.pass(1);
    shard.check(&[("GET a", "(nil)"), ("INCRBYFLOAT b 1", "\"1\"")]);
}

#[test]
fn fractions_are_added_and_shown_without_an_exponent() {
    Shard::new().check(&[
        ("SET k 10.5", "OK"),
        ("INCRBYFLOAT k 0.1", "\"10.6\""),
        ("GET k", "\"10.6\""),
        ("INCRBYFLOAT k -5", "\"5.6\""),
        ("SET k 5.0e3", "OK"),
        ("INCRBYFLOAT k 2.0e2", "\"5200\""),
        ("SET k 3.0e3", "OK"),
        ("INCRBYFLOAT k 1", "\"3001\""),
        ("INCR k", "(integer) 3002"),
        ("SET k 0.1", "OK"),
        ("INCRBYFLOAT k 0.2", "\"0.3\""),
        ("SET k 1", "OK"),
        ("INCRBYFLOAT k -1.1", "\"-0.1\""),
        ("INCRBYFLOAT k 0.1", "\"0\""),
        ("SET k -1e-20", "OK"),
        ("INCRBYFLOAT k -0", "\"0\""),
        ("INCRBYFLOAT k +.5", "\"0.5\""),
        ("INCRBYFLOAT k 5.", "\"5.5\""),
        ("SET k 17179869184", "OK"),
        ("INCRBYFLOAT k 1.5", "\"17179869185.5\""),
        ("SET k 1e30", "OK"),
        ("INCRBYFLOAT k 1", "\"1000000000000000000024696061952\""),
    ]);
}

#[test]
fn what_is_no_finite_number_is_refused() {
    let infinite = "(error) ERR increment would produce NaN or Infinity";
    let mut shard = Shard::new();
    shard.check(&[
        ("SET k 1", "OK"),
        ("INCRBYFLOAT k inf", infinite),
        ("INCRBYFLOAT k -Infinity", infinite),
        ("INCRBYFLOAT n inf", infinite),
        ("INCRBYFLOAT k nan", NOT_A_FLOAT),
        ("INCRBYFLOAT k \" 1\"", NOT_A_FLOAT),
        ("INCRBYFLOAT k \"1 \"", NOT_A_FLOAT),
        ("INCRBYFLOAT k \"\"", NOT_A_FLOAT),
        ("INCRBYFLOAT k .", NOT_A_FLOAT),
        ("INCRBYFLOAT k 1e", NOT_A_FLOAT),
        ("INCRBYFLOAT k 1e5000", NOT_A_FLOAT),
        ("INCRBYFLOAT k 1_000", NOT_A_FLOAT),
        ("INCRBYFLOAT k \"1\\02\"", NOT_A_FLOAT),
        ("INCRBYFLOAT k abc", NOT_A_FLOAT),
        ("GET k", "\"1\""),
        ("GET n", "(nil)"),
        ("SET k abc", "OK"),
        ("INCRBYFLOAT k 1", NOT_A_FLOAT),
        ("INCRBYFLOAT k inf", NOT_A_FLOAT),
        ("SET k inf", "OK"),
        ("INCRBYFLOAT k 1", infinite),
        ("INCRBYFLOAT k abc", NOT_A_FLOAT),
    ]);
}

#[test]
fn another_type_is_not_counted() {
    let wrong_type = "(error) WRONGTYPE Operation against a key holding the wrong kind of value";
    let mut shard = Shard::new();
    for image in [&mut shard.primary, &mut shard.replica] {
        image.write(tenure_engine::Effect::HashSet {
            key: b"h",
            pairs: vec![b"field", b"1"],
        });
        image.take_effects();
    }
    shard.check(&[
        ("INCR h", wrong_type),
        ("DECRBY h 1", wrong_type),
        ("INCRBYFLOAT h 1", wrong_type),
        // The increment of a whole number is judged before the key, that of a fraction after it.
        ("INCRBY h abc", NOT_AN_INTEGER),
        ("DECRBY h -9223372036854775808", "(error) ERR decrement would overflow"),
        ("INCRBYFLOAT h abc", wrong_type),
    ]);
}
