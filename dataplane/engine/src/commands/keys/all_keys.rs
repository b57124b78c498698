//! DBSIZE, KEYS, SCAN, RANDOMKEY: the keys of the shard, without their values.
//! Promises: a key that is expired is not shown, and on a primary it is deleted before the answer leaves: what an answer
//! does not show must not come back after a failover. DBSIZE alone counts expired keys that nobody met yet.

use crate::command::{Arity, Call, Category, Command, Flags, Group, Spec};
use crate::{Args, CommandError, Entry, Image, Position, glob, number};

const READS_ALL: Flags = Flags::READONLY.and(Flags::ALL_KEYS);

pub(super) const DBSIZE: Command = Command {
    spec: Spec {
        name: "dbsize",
        arity: Arity::Exactly(1),
        flags: READS_ALL.and(Flags::FAST),
        keys: &[],
        categories: &[Category::Keyspace],
        group: Group::Server,
        since: "1.0.0",
        summary: "Counts the keys.",
        complexity: "O(1)",
        tips: &["request_policy:all_shards", "response_policy:agg_sum"],
    },
    run: dbsize,
    subcommands: &[],
};

fn dbsize(call: &mut Call<'_>) -> Result<(), CommandError> {
    call.image.look_at_all();
    let keys = call.image.keyspace().len();
    call.reply.integer(i64::try_from(keys).unwrap_or(i64::MAX));
    Ok(())
}

pub(super) const KEYS: Command = Command {
    spec: Spec {
        name: "keys",
        arity: Arity::Exactly(2),
        flags: READS_ALL,
        keys: &[],
        categories: &[Category::Keyspace, Category::Dangerous],
        group: Group::Generic,
        since: "1.0.0",
        summary: "Lists all keys that match a pattern; SCAN does so in steps.",
        complexity: "O(N) with N keys in the shard.",
        tips: &["request_policy:all_shards", "nondeterministic_output_order"],
    },
    run: keys,
    subcommands: &[],
};

fn keys(call: &mut Call<'_>) -> Result<(), CommandError> {
    let pattern = &call.args[1];
    call.image.look_at_all();
    let matches = |entry: &Entry| glob::matches(pattern, entry.key());
    let (names, _) = walk(call.image, Position::FIRST, usize::MAX, matches)?;
    reply_names(call, &names);
    Ok(())
}

pub(super) const SCAN: Command = Command {
    spec: Spec {
        name: "scan",
        arity: Arity::AtLeast(2),
        flags: READS_ALL,
        keys: &[],
        categories: &[Category::Keyspace],
        group: Group::Generic,
        since: "2.8.0",
        summary: "Lists some of the keys, and a cursor for the next call.",
        complexity: "O(N) with COUNT N, and O(K) for a whole scan of K keys.",
        tips: &[
            "nondeterministic_output",
            "request_policy:special",
            "response_policy:special",
        ],
    },
    run: scan,
    subcommands: &[],
};

fn scan(call: &mut Call<'_>) -> Result<(), CommandError> {
    let args = call.args;
    let from = parse_cursor(&args[1]).ok_or(CommandError::InvalidCursor)?;
    let filter = Filter::parse(args.from(2))?;
    call.image.look_at_all();
    let count = filter.count.min(call.image.keyspace().len());
    let (names, next) = walk(call.image, from, count, |entry| filter.takes(entry))?;
    call.reply.array(2);
    let cursor = next.map_or(0, Position::get);
    call.reply.bulk(cursor.to_string().as_bytes());
    reply_names(call, &names);
    Ok(())
}

pub(super) const RANDOMKEY: Command = Command {
    spec: Spec {
        name: "randomkey",
        arity: Arity::Exactly(1),
        flags: READS_ALL,
        keys: &[],
        categories: &[Category::Keyspace],
        group: Group::Generic,
        since: "1.0.0",
        summary: "Names one of the keys, each about as likely.",
        complexity: "O(1)",
        tips: &[
            "request_policy:all_shards",
            "response_policy:special",
            "nondeterministic_output",
        ],
    },
    run: random_key,
    subcommands: &[],
};

/// How often RANDOMKEY picks an expired key before it looks for any that is not.
const PICKS_MAX: usize = 100;

fn random_key(call: &mut Call<'_>) -> Result<(), CommandError> {
    call.image.look_at_all();
    for _ in 0..PICKS_MAX {
        let Some(entry) = call.image.keyspace().random(call.random) else {
            break;
        };
        let name = entry.key().to_vec();
        if call.image.peek(&name)?.is_some() {
            call.reply.bulk(&name);
            return Ok(());
        }
    }
    // Most of the keys are expired, or all are. Only a walk can tell.
    let mut next = Some(Position::FIRST);
    while let Some(from) = next {
        let (names, behind) = walk(call.image, from, PICKS_MAX, |_| true)?;
        if let Some(name) = names.first() {
            call.reply.bulk(name);
            return Ok(());
        }
        next = behind;
    }
    call.reply.null();
    Ok(())
}

/// The names of those of about `count` keys that are not expired and wanted, and where the next call goes on.
fn walk(
    image: &mut Image,
    from: Position,
    count: usize,
    wanted: impl Fn(&Entry) -> bool,
) -> Result<(Vec<Vec<u8>>, Option<Position>), CommandError> {
    let (mut names, mut expired) = (Vec::new(), Vec::new());
    let next = image.keyspace().scan(from, count, |entry| {
        if wanted(entry) {
            let names = if image.is_expired(entry) {
                &mut expired
            } else {
                &mut names
            };
            names.push(entry.key().to_vec());
        }
    });
    for name in expired {
        image.peek(&name)?;
    }
    Ok((names, next))
}

fn reply_names(call: &mut Call<'_>, names: &[Vec<u8>]) {
    call.reply.array(names.len());
    for name in names {
        call.reply.bulk(name);
    }
}

/// A cursor as C's `strtoul` reads it, for so does Redis: with leading zeros, with a sign, or as no digits at all.
fn parse_cursor(text: &[u8]) -> Option<Position> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() && !text.is_empty() {
        return None;
    }
    let mut number: u64 = 0;
    for digit in digits {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(Position::new(if negative { number.wrapping_neg() } else { number }))
}

/// What SCAN shows.
struct Filter<'a> {
    pattern: Option<&'a [u8]>,
    type_name: Option<&'a [u8]>,
    /// How many keys are looked at, shown or not.
    count: usize,
}

impl<'a> Filter<'a> {
    fn parse(options: Args<'a>) -> Result<Self, CommandError> {
        let mut filter = Self {
            pattern: None,
            type_name: None,
            count: 10,
        };
        let mut words = options.iter();
        while let Some(option) = words.next() {
            let value = words.next().ok_or(CommandError::Syntax)?;
            match option.to_ascii_uppercase().as_slice() {
                b"MATCH" => filter.pattern = Some(value),
                b"TYPE" => filter.type_name = Some(value),
                b"COUNT" => filter.count = parse_count(value)?,
                _ => return Err(CommandError::Syntax),
            }
        }
        Ok(filter)
    }

    fn takes(&self, entry: &Entry) -> bool {
        let right_type = |name: &[u8]| name.eq_ignore_ascii_case(entry.value().type_name().as_bytes());
        self.type_name.is_none_or(right_type) && self.pattern.is_none_or(|pattern| glob::matches(pattern, entry.key()))
    }
}

fn parse_count(value: &[u8]) -> Result<usize, CommandError> {
    match number::integer(value)? {
        count @ 1.. => Ok(usize::try_from(count).unwrap_or(usize::MAX)),
        _ => Err(CommandError::Syntax),
    }
}
