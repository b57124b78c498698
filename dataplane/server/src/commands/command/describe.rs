//! One command as COMMAND and COMMAND INFO describe it.
//! Promises: the ten fields of Redis 7; the old triple of first key, last key and step follows from the key specs as
//! Redis derives it.

use tenure_engine::Reply;
use tenure_engine::command::{Access, Begin, Find, KeySpec};

use crate::table::Registered;

pub(super) fn describe(reply: &mut dyn Reply, command: &Registered) {
    let spec = command.spec();
    reply.array(10);
    reply.bulk(spec.name.as_bytes());
    reply.integer(spec.arity.as_number());
    let flags: Vec<_> = spec.flags.names().collect();
    reply.set(flags.len());
    flags.iter().for_each(|name| reply.simple(name));
    let legacy = Legacy::of(spec.keys);
    for number in [legacy.first, legacy.last, legacy.step] {
        reply.integer(number);
    }
    let categories: Vec<_> = spec.all_categories().collect();
    reply.set(categories.len());
    for category in categories {
        reply.simple(&format!("@{}", category.name()));
    }
    reply.set(spec.tips.len());
    spec.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    reply.set(spec.keys.len());
    spec.keys.iter().for_each(|spec| key_spec(reply, spec));
    let subcommands = command.subcommands();
    reply.set(subcommands.len());
    subcommands.iter().for_each(|command| describe(reply, command));
}

fn key_spec(reply: &mut dyn Reply, spec: &KeySpec) {
    reply.map(3);
    reply.bulk(b"flags");
    flags(reply, spec);
    reply.bulk(b"begin_search");
    match spec.begin {
        Begin::At(at) => typed(reply, "index", &[("index", number(at))]),
        Begin::Keyword(word, from) => {
            reply.map(2);
            reply.bulk(b"type");
            reply.bulk(b"keyword");
            reply.bulk(b"spec");
            reply.map(2);
            reply.bulk(b"keyword");
            reply.bulk(word.as_bytes());
            reply.bulk(b"startfrom");
            reply.integer(i64::from(from));
        }
        Begin::Unknown => typed(reply, "unknown", &[]),
    }
    reply.bulk(b"find_keys");
    match (spec.begin, spec.find) {
        (Begin::Unknown, _) => typed(reply, "unknown", &[]),
        (_, Find::Range { last, step, limit }) => typed(
            reply,
            "range",
            &[
                ("lastkey", i64::from(last)),
                ("keystep", number(step)),
                ("limit", number(limit)),
            ],
        ),
        (_, Find::Counted { count, first, step }) => typed(
            reply,
            "keynum",
            &[
                ("keynumidx", number(count)),
                ("firstkey", number(first)),
                ("keystep", number(step)),
            ],
        ),
    }
}

/// What is done to the keys.
pub(super) fn flags(reply: &mut dyn Reply, spec: &KeySpec) {
    reply.set(1 + spec.flags.len());
    reply.simple(access_name(spec.access));
    spec.flags.iter().for_each(|flag| reply.simple(flag));
}

pub(in crate::commands) const fn access_name(access: Access) -> &'static str {
    match access {
        Access::Read => "RO",
        Access::ReadWrite => "RW",
        Access::Overwrite => "OW",
        Access::Remove => "RM",
    }
}

fn typed(reply: &mut dyn Reply, name: &str, fields: &[(&str, i64)]) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(name.as_bytes());
    reply.bulk(b"spec");
    reply.map(fields.len());
    for (name, value) in fields {
        reply.bulk(name.as_bytes());
        reply.integer(*value);
    }
}

fn number(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Where keys are, as clients knew it before there were key specs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::commands) struct Legacy {
    pub(in crate::commands) first: i64,
    /// Negative: counted from the end.
    pub(in crate::commands) last: i64,
    pub(in crate::commands) step: i64,
}

impl Legacy {
    /// One range as it is; of several those that follow each other, each key by each.
    pub(in crate::commands) fn of(specs: &[KeySpec]) -> Self {
        let ranges = specs.iter().filter_map(range);
        if let ([_], Some(only)) = (specs, ranges.clone().next()) {
            return only;
        }
        let mut joined = Self::default();
        for range in ranges {
            let follows = joined.step == 0 || (joined.last > 0 && joined.last + 1 == range.first);
            if range.step == 1 && follows {
                joined = Self {
                    first: if joined.step == 0 { range.first } else { joined.first },
                    ..range
                };
            }
        }
        joined
    }
}

fn range(spec: &KeySpec) -> Option<Legacy> {
    match (spec.begin, spec.find) {
        (Begin::At(at), Find::Range { last, step, .. }) => {
            let (first, last) = (number(at), i64::from(last));
            Some(Legacy {
                first,
                last: if last >= 0 { first.saturating_add(last) } else { last },
                step: number(step),
            })
        }
        (Begin::At(_) | Begin::Keyword(..) | Begin::Unknown, Find::Range { .. } | Find::Counted { .. }) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn spec(at: usize, last: i32, step: usize) -> KeySpec {
        KeySpec::range(at, last, step, Access::Read, &[])
    }

    const COUNTED: KeySpec = KeySpec {
        begin: Begin::At(2),
        find: Find::Counted {
            count: 0,
            first: 1,
            step: 1,
        },
        access: Access::Read,
        flags: &[],
    };

    /// As redis 7.0.15 shows GET, MSET, DEL, RENAME, ZUNIONSTORE, EVAL, XREAD.
    #[test]
    fn the_old_triple_follows_from_the_key_specs() {
        let keyword = KeySpec {
            begin: Begin::Keyword("STREAMS", 1),
            ..spec(0, -1, 1)
        };
        for (specs, expected) in [
            (vec![spec(1, 0, 1)], (1, 1, 1)),
            (vec![spec(1, -1, 2)], (1, -1, 2)),
            (vec![spec(1, -1, 1)], (1, -1, 1)),
            (vec![spec(1, 0, 1), spec(2, 0, 1)], (1, 2, 1)),
            (vec![spec(1, 0, 1), spec(3, 0, 1)], (1, 1, 1)),
            (vec![spec(1, 0, 1), spec(2, -1, 1)], (1, -1, 1)),
            (vec![spec(1, 0, 1), COUNTED], (1, 1, 1)),
            (vec![COUNTED], (0, 0, 0)),
            (vec![keyword], (0, 0, 0)),
            (vec![], (0, 0, 0)),
        ] {
            let legacy = Legacy::of(&specs);
            assert_eq!((legacy.first, legacy.last, legacy.step), expected, "{specs:?}");
        }
    }
}
