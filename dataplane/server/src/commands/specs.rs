//! All specs, of the engine's commands and of sessions', are sound, and say what redis-server 7.0.15 says.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use tenure_engine::command::{Arity, Begin, Find, Flags, KeySpec, Spec};

use super::acl::CATEGORIES;
use super::command::Legacy;
use crate::table::Table;

/// What redis-server tells of its commands; see tests/facts/make.sh.
const FACTS: &str = include_str!("../../tests/facts/commands.txt");

fn listed_and_refused() -> Vec<&'static Spec> {
    let refused = super::refused().map(|command| &command.spec);
    // The tests of connections have commands of their own, `t.…`.
    let listed = Table::new()
        .specs()
        .into_iter()
        .filter(|spec| !spec.name.starts_with("t."));
    listed.chain(refused).collect()
}

#[test]
fn names_are_unique_and_in_lower_case() {
    let mut seen = BTreeSet::new();
    for spec in listed_and_refused() {
        assert!(seen.insert(spec.name), "{} is there twice", spec.name);
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_|".contains(&byte);
        assert!(spec.name.bytes().all(is_plain), "{}", spec.name);
    }
}

#[test]
fn a_subcommand_begins_with_the_name_of_its_container() {
    for command in Table::new().all() {
        for subcommand in command.subcommands() {
            let (first, second) = subcommand.spec().name.split_once('|').unwrap();
            assert_eq!(first, command.spec().name);
            assert!(!second.is_empty() && !second.contains('|'), "{second}");
            assert!(subcommand.subcommands().is_empty(), "{second}");
        }
    }
}

/// As its container has it, no one could say both words.
#[test]
fn a_subcommand_takes_at_least_both_its_names() {
    for spec in listed_and_refused() {
        let words = spec.name.split('|').count();
        let (Arity::Exactly(args) | Arity::AtLeast(args)) = spec.arity;
        assert!(args >= words, "{}", spec.name);
    }
}

/// The shortest request that is allowed has the argument where its first keys begin, or the keys may be missing.
#[test]
fn keys_begin_within_the_arguments() {
    for spec in listed_and_refused() {
        let (Arity::Exactly(args) | Arity::AtLeast(args)) = spec.arity;
        for key in spec.keys {
            if let Begin::At(at) = key.begin {
                assert!(at > 0, "{}: the name is no key", spec.name);
                let may_miss = matches!(spec.arity, Arity::AtLeast(_));
                assert!(at < args || may_miss, "{}", spec.name);
            }
            let (Find::Range { step, .. } | Find::Counted { step, .. }) = key.find;
            assert!(step > 0, "{}: a step of 0 never ends", spec.name);
        }
    }
}

#[test]
fn every_spec_is_described() {
    for spec in listed_and_refused() {
        assert!(spec.all_categories().next().is_some(), "{}", spec.name);
        assert!(spec.summary.ends_with('.'), "{}: {:?}", spec.name, spec.summary);
        let is_told = ["O(", "Depends on"]
            .iter()
            .any(|start| spec.complexity.starts_with(start));
        assert!(is_told, "{}: {:?}", spec.name, spec.complexity);
        assert_eq!(spec.since.split('.').count(), 3, "{}", spec.name);
        let unknown = spec.all_categories().find(|category| !CATEGORIES.contains(category));
        assert_eq!(unknown, None, "{}", spec.name);
        let both = spec.flags.has(Flags::WRITE) && spec.flags.has(Flags::READONLY);
        assert!(!both, "{}", spec.name);
    }
}

/// Where a listed command differs from redis 7.0.15 on purpose: its name, the fact, ours, and why.
const ALLOWED: &[(&str, &str, &str, &str)] = &[
    ("cluster|info", "flags", LOADING, TOPOLOGY),
    ("cluster|myid", "flags", LOADING, TOPOLOGY),
    ("cluster|nodes", "flags", LOADING, TOPOLOGY),
    ("cluster|shards", "flags", LOADING, TOPOLOGY),
    ("cluster|slots", "flags", LOADING, TOPOLOGY),
    ("msetnx", "tips", "", AGREED),
    (
        "randomkey",
        "tips",
        "nondeterministic_output,request_policy:all_shards,response_policy:special",
        AGREED,
    ),
    (
        "scan",
        "tips",
        "nondeterministic_output,request_policy:special,response_policy:special",
        AGREED,
    ),
    ("zrank", "arity", "-3", WITHSCORE),
    ("zrevrank", "arity", "-3", WITHSCORE),
    ("wait", "flags", "blocking", AGREED),
    ("wait", "categories", "blocking,connection,slow", AGREED),
    ("cluster|countkeysinslot", "flags", "", OF_DATA),
    ("cluster|getkeysinslot", "flags", "", OF_DATA),
];
const AGREED: &str = "as newer servers tell it";
const WITHSCORE: &str = "WITHSCORE is of 7.2";
const LOADING: &str = "loading,stale";
const TOPOLOGY: &str = "clients must find their way while a shard is loading; newer servers have it too";
const OF_DATA: &str = "it reads data, which a shard past its lease must not tell";

/// Commands that redis 7.0.15 does not have.
const NEWER: &[&str] = &[
    "client|no-touch",
    "client|setinfo",
    "cluster|myshardid",
    "delifeq",
    "hgetdel",
    "waitaof",
];

/// Flags of Redis that mean nothing here: async loading, replication within scripts, keys that may be absent.
const NOT_OURS: &[&str] = &[
    "no_async_loading",
    "may_replicate",
    "no_mandatory_keys",
    "protected",
    "asking",
];

#[test]
fn specs_say_what_redis_says() {
    let facts: BTreeMap<&str, Vec<&str>> = FACTS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .map(|fields| (fields[0], fields))
        .collect();
    let mut differences = Vec::new();
    let mut used = BTreeSet::new();
    for spec in Table::new().specs() {
        let Some(theirs) = facts.get(spec.name) else {
            if !NEWER.contains(&spec.name) {
                differences.push(format!("{}: redis 7.0.15 has no such command", spec.name));
            }
            continue;
        };
        for ((fact, ours), theirs) in ours(spec).into_iter().zip(&theirs[1..]) {
            let theirs = if fact == "flags" {
                known_flags(theirs)
            } else {
                (*theirs).to_owned()
            };
            let allowed = ALLOWED.iter().find(|row| row.0 == spec.name && row.1 == fact);
            match allowed {
                _ if ours == theirs => {}
                Some(row) if row.2 == ours => drop(used.insert((row.0, row.1))),
                _ => differences.push(format!("{}: {fact} are {ours:?}, in redis {theirs:?}", spec.name)),
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(
        used.len(),
        ALLOWED.len(),
        "a difference is allowed that there is not: {used:?}"
    );
}

#[test]
fn refused_commands_take_as_many_arguments_as_in_redis() {
    for command in super::refused() {
        let spec = &command.spec;
        let row = FACTS
            .lines()
            .find(|line| line.split('\t').next() == Some(spec.name))
            .unwrap();
        let arity = row.split('\t').nth(1).unwrap();
        assert_eq!(spec.arity.as_number().to_string(), arity, "{}", spec.name);
    }
}

/// In the order of the fields.
fn ours(spec: &Spec) -> [(&'static str, String); 8] {
    let legacy = Legacy::of(spec.keys);
    [
        ("arity", spec.arity.as_number().to_string()),
        ("flags", joined(spec.flags.names().map(str::to_owned))),
        ("places", format!("{} {} {}", legacy.first, legacy.last, legacy.step)),
        (
            "categories",
            joined(spec.all_categories().map(|category| category.name().to_owned())),
        ),
        ("tips", joined(spec.tips.iter().map(|tip| (*tip).to_owned()))),
        ("since", spec.since.to_owned()),
        ("group", spec.group.name().to_owned()),
        (
            "key specs",
            spec.keys.iter().map(key_spec).collect::<Vec<_>>().join(" "),
        ),
    ]
}

fn joined(words: impl Iterator<Item = String>) -> String {
    let words: BTreeSet<String> = words.collect();
    words.into_iter().collect::<Vec<_>>().join(",")
}

fn known_flags(theirs: &str) -> String {
    let known = theirs
        .split(',')
        .filter(|flag| !flag.is_empty() && !NOT_OURS.contains(flag));
    joined(known.map(str::to_owned))
}

fn key_spec(spec: &KeySpec) -> String {
    let access = std::iter::once(super::command::access_name(spec.access));
    let flags = joined(access.chain(spec.flags.iter().copied()).map(str::to_owned));
    let begin = match spec.begin {
        Begin::At(at) => format!("index:{at}"),
        Begin::Keyword(word, from) => format!("keyword:{word}:{from}"),
        Begin::Unknown => return format!("{flags};unknown;unknown"),
    };
    let find = match spec.find {
        Find::Range { last, step, limit } => format!("range:{last}:{step}:{limit}"),
        Find::Counted { count, first, step } => format!("keynum:{count}:{first}:{step}"),
    };
    format!("{flags};{begin};{find}")
}
