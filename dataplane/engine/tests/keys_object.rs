//! How keys are kept: OBJECT and MEMORY. Replies are those of redis 7.0.15, but for the texts of HELP.
mod harness;

use harness::Shard;
use tenure_engine::ImageOptions;
use tenure_engine::eviction::Policy;

#[test]
fn the_encoding_of_a_string_follows_from_what_it_is() {
    let cases = [
        ("12345", "int"),
        ("-1", "int"),
        ("0", "int"),
        ("9223372036854775807", "int"),
        ("-9223372036854775808", "int"),
        ("9223372036854775808", "embstr"),
        ("012", "embstr"),
        ("-0", "embstr"),
        ("\"\"", "embstr"),
        ("12345678901234567890123456789012345678901234", "embstr"),
        ("123456789012345678901234567890123456789012345", "raw"),
    ];
    for (value, encoding) in cases {
        Shard::new().check(&[
            (&format!("SET k {value}"), "OK"),
            ("OBJECT ENCODING k", &format!("\"{encoding}\"")),
        ]);
    }
}

#[test]
fn an_object_that_is_not_there_is_nil() {
    Shard::new().check(&[
        ("OBJECT ENCODING nope", "(nil)"),
        ("OBJECT FREQ nope", "(nil)"),
        ("OBJECT IDLETIME nope", "(nil)"),
        ("OBJECT REFCOUNT nope", "(nil)"),
        ("MEMORY USAGE nope", "(nil)"),
    ]);
}

#[test]
fn frequencies_need_a_policy_that_counts_them() {
    Shard::new().check(&[
        ("SET k v", "OK"),
        (
            "OBJECT FREQ k",
            "(error) ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
             switching between policies at runtime LRU and LFU data will take some time to adjust.",
        ),
        ("OBJECT REFCOUNT k", "(integer) 1"),
    ]);
}

#[test]
fn a_policy_that_counts_frequencies_knows_no_idle_times() {
    Shard::with(ImageOptions {
        policy: Policy::AllKeysLfu,
        ..harness::options()
    })
    .check(&[
        ("SET k v", "OK"),
        ("OBJECT FREQ k", "(integer) 5"),
        ("OBJECT FREQ nope", "(nil)"),
        (
            "OBJECT IDLETIME k",
            "(error) ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching \
             between policies at runtime LRU and LFU data will take some time to adjust.",
        ),
        ("OBJECT IDLETIME nope", "(nil)"),
    ]);
}

#[test]
fn looking_at_a_key_leaves_its_idle_time_and_using_it_ends_it() {
    for look in [
        "OBJECT ENCODING k",
        "TYPE k",
        "EXISTS k",
        "TTL k",
        "MEMORY USAGE k",
        "KEYS *",
        "SCAN 0",
    ] {
        let mut shard = Shard::new();
        shard.run("SET k v");
        shard.pass(5_000);
        shard.run(look);
        assert_eq!(shard.run("OBJECT IDLETIME k"), "(integer) 5", "{look}");
    }
    for usage in ["TOUCH k", "GET k", "DUMP k", "EXPIRE k 100", "COPY k c"] {
        let mut shard = Shard::new();
        shard.run("SET k v");
        shard.pass(5_000);
        shard.run(usage);
        assert_eq!(shard.run("OBJECT IDLETIME k"), "(integer) 0", "{usage}");
    }
}

#[test]
fn subcommands_are_counted_and_named_as_a_whole() {
    Shard::new().check(&[
        ("OBJECT FOO", "(error) ERR unknown subcommand 'FOO'. Try OBJECT HELP."),
        (
            "OBJECT foo bar",
            "(error) ERR unknown subcommand 'foo'. Try OBJECT HELP.",
        ),
        ("OBJECT", "(error) ERR wrong number of arguments for 'object' command"),
        (
            "OBJECT ENCODING",
            "(error) ERR wrong number of arguments for 'object|encoding' command",
        ),
        (
            "OBJECT ENCODING a b",
            "(error) ERR wrong number of arguments for 'object|encoding' command",
        ),
        (
            "OBJECT HELP x",
            "(error) ERR wrong number of arguments for 'object|help' command",
        ),
        ("MEMORY FOO", "(error) ERR unknown subcommand 'FOO'. Try MEMORY HELP."),
        ("MEMORY", "(error) ERR wrong number of arguments for 'memory' command"),
        (
            "MEMORY USAGE",
            "(error) ERR wrong number of arguments for 'memory|usage' command",
        ),
    ]);
    let long = format!("OBJECT {}", "x".repeat(200));
    let cut = format!("(error) ERR unknown subcommand '{}'. Try OBJECT HELP.", "x".repeat(128));
    Shard::new().check(&[(&long, &cut)]);
}

#[test]
fn help_has_a_line_for_each_subcommand() {
    for name in ["OBJECT", "MEMORY"] {
        let reply = Shard::new().run(&format!("{name} HELP"));
        let command = harness::find(&[name.into()]).unwrap();
        for subcommand in command.subcommands {
            let word = subcommand.spec.name.split('|').next_back().unwrap().to_uppercase();
            assert!(reply.contains(&word), "{word} in {reply}");
        }
    }
}

#[test]
fn memory_usage_grows_with_what_a_key_holds() {
    let mut shard = Shard::new();
    let mut usage = |bytes: usize| -> i64 {
        shard.run(&format!("SET k {}", "x".repeat(bytes)));
        let reply = shard.run("MEMORY USAGE k");
        reply.strip_prefix("(integer) ").unwrap().parse().unwrap()
    };
    let (small, large) = (usage(10), usage(10_000));
    assert!(small > 10 && large >= small + 9_000, "{small} and {large}");
}

#[test]
fn samples_are_accepted_and_checked() {
    let syntax = "(error) ERR syntax error";
    let mut shard = Shard::new();
    shard.run("SET k v");
    let usage = shard.run("MEMORY USAGE k");
    shard.check(&[
        ("MEMORY USAGE k SAMPLES 0", &usage),
        ("MEMORY USAGE k SAMPLES 1 samples 2", &usage),
        ("MEMORY USAGE k SAMPLES -1", syntax),
        ("MEMORY USAGE k SAMPLES", syntax),
        (
            "MEMORY USAGE k SAMPLES x",
            "(error) ERR value is not an integer or out of range",
        ),
        ("MEMORY USAGE nope FOO 1", syntax),
    ]);
}
