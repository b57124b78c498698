//! All keys of a shard: KEYS, SCAN, RANDOMKEY, DBSIZE. Errors are those of redis 7.0.15.
mod harness;

use std::collections::BTreeSet;

use harness::Shard;
use tenure_engine::Random;

/// The words in quotes of a reply.
fn quoted(reply: &str) -> Vec<String> {
    reply.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The cursor for the next call, and the keys.
fn scan(shard: &mut Shard, cursor: &str, options: &str) -> (String, Vec<String>) {
    let mut words = quoted(&shard.run(&format!("SCAN {cursor}{options}")));
    let next = words.remove(0);
    (next, words)
}

fn scan_all(shard: &mut Shard, options: &str) -> Vec<String> {
    let (mut cursor, mut all) = ("0".to_owned(), Vec::new());
    loop {
        let (next, keys) = scan(shard, &cursor, options);
        all.extend(keys);
        if next == "0" {
            return all;
        }
        cursor = next;
    }
}

fn with_keys(names: impl IntoIterator<Item = String>) -> Shard {
    let mut shard = Shard::new();
    for name in names {
        shard.run(&format!("SET {name} v"));
    }
    shard
}

#[test]
fn keys_lists_what_matches() {
    let mut shard = with_keys(["one", "two", "three", "{tag}four"].map(str::to_owned));
    for (pattern, expected) in [
        ("*", vec!["one", "three", "two", "{tag}four"]),
        ("t*", vec!["three", "two"]),
        ("?[nw][eo]", vec!["one", "two"]),
        ("{tag}*", vec!["{tag}four"]),
        ("four", vec![]),
    ] {
        let mut found = quoted(&shard.run(&format!("KEYS {pattern}")));
        found.sort();
        assert_eq!(found, expected, "{pattern}");
    }
}

#[test]
fn a_scan_shows_each_key_once() {
    let mut shard = with_keys((0..500).map(|number| format!("k{number}")));
    for options in ["", " COUNT 1", " COUNT 7", " COUNT 9223372036854775807"] {
        let found = scan_all(&mut shard, options);
        assert_eq!(found.len(), 500, "{options}");
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>().len(), 500, "{options}");
    }
}

#[test]
fn a_scan_looks_at_about_count_keys_a_call() {
    let mut shard = with_keys((0..500).map(|number| format!("k{number}")));
    let (next, keys) = scan(&mut shard, "0", " COUNT 20");
    assert_ne!(next, "0");
    assert!((20..30).contains(&keys.len()), "{} keys", keys.len());
    let (next, keys) = scan(&mut shard, "0", " MATCH nope COUNT 20");
    assert_ne!(next, "0");
    assert!(keys.is_empty());
}

#[test]
fn a_scan_shows_keys_that_are_there_throughout_whatever_else_comes_and_goes() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let mut shard = with_keys((0..100).map(|number| format!("stays{number}")));
        let (mut cursor, mut found) = ("0".to_owned(), BTreeSet::new());
        loop {
            let (next, keys) = scan(&mut shard, &cursor, " COUNT 5");
            found.extend(keys.into_iter().filter(|key| key.starts_with("stays")));
            if next == "0" {
                break;
            }
            cursor = next;
            for _ in 0..10 {
                let name = ["SET", "DEL"][random.below(2)];
                let value = if name == "SET" { " v" } else { "" };
                shard.run(&format!("{name} comes{}{value}", random.below(200)));
            }
        }
        assert_eq!(found.len(), 100, "seed {seed}");
    }
}

#[test]
fn a_scan_shows_only_what_was_asked_for() {
    let mut shard = with_keys((0..50).map(|number| format!("k{number}")));
    assert_eq!(scan_all(&mut shard, " MATCH k1?").len(), 10);
    assert_eq!(scan_all(&mut shard, " match k1? count 3").len(), 10);
    assert_eq!(scan_all(&mut shard, " TYPE string").len(), 50);
    assert_eq!(scan_all(&mut shard, " TYPE STRING MATCH k7").len(), 1);
    assert_eq!(scan_all(&mut shard, " TYPE hash").len(), 0);
    assert_eq!(scan_all(&mut shard, " TYPE nope").len(), 0);
}

#[test]
fn a_scan_that_makes_no_sense_is_refused() {
    let (syntax, cursor) = ("(error) ERR syntax error", "(error) ERR invalid cursor");
    let integer = "(error) ERR value is not an integer or out of range";
    Shard::new().check(&[
        ("SCAN 0 MATCH", syntax),
        ("SCAN 0 FOO bar", syntax),
        ("SCAN 0 FOO", syntax),
        ("SCAN 0 COUNT 0", syntax),
        ("SCAN 0 COUNT -1", syntax),
        ("SCAN 0 COUNT x", integer),
        ("SCAN 0 COUNT 99999999999999999999", integer),
        ("SCAN x", cursor),
        ("SCAN x COUNT 0", cursor),
        ("SCAN \" 1\"", cursor),
        ("SCAN \"1 \"", cursor),
        ("SCAN -", cursor),
        ("SCAN +", cursor),
        ("SCAN 18446744073709551616", cursor),
    ]);
}

#[test]
fn cursors_are_read_as_redis_reads_them() {
    let mut shard = with_keys(["k".to_owned()]);
    shard.check(&[
        ("SCAN 000", "[\"0\" [\"k\"]]"),
        ("SCAN +0", "[\"0\" [\"k\"]]"),
        ("SCAN \"\"", "[\"0\" [\"k\"]]"),
        ("SCAN -1", "[\"0\" []]"),
        ("SCAN 18446744073709551615", "[\"0\" []]"),
    ]);
}

#[test]
fn expired_keys_are_not_shown_and_are_gone_then() {
    for line in ["KEYS *", "SCAN 0 COUNT 100", "RANDOMKEY"] {
        let mut shard = with_keys((0..30).map(|number| format!("goes{number}")));
        for number in 0..30 {
            shard.run(&format!("PEXPIRE goes{number} 10"));
        }
        shard.pass(10);
        assert_eq!(shard.run("DBSIZE"), "(integer) 30", "nobody met them yet");
        let reply = shard.run(line);
        assert!(
            ["[]", "[\"0\" []]", "(nil)"].contains(&reply.as_str()),
            "{line}: {reply}"
        );
        assert_eq!(shard.run("DBSIZE"), "(integer) 0", "{line}");
    }
}

#[test]
fn randomkey_names_each_key_at_times() {
    let mut shard = with_keys((0..5).map(|number| format!("k{number}")));
    let named: BTreeSet<_> = (0..200).map(|_| shard.run("RANDOMKEY")).collect();
    assert_eq!(named.len(), 5);
}

#[test]
fn randomkey_finds_the_one_key_that_is_not_expired() {
    let mut shard = with_keys((0..300).map(|number| format!("k{number}")));
    for number in 1..300 {
        shard.run(&format!("PEXPIRE k{number} 10"));
    }
    shard.pass(10);
    shard.check(&[("RANDOMKEY", "\"k0\"")]);
}

#[test]
fn an_empty_shard_has_no_keys() {
    Shard::new().check(&[
        ("DBSIZE", "(integer) 0"),
        ("KEYS *", "[]"),
        ("SCAN 0", "[\"0\" []]"),
        ("RANDOMKEY", "(nil)"),
    ]);
}
