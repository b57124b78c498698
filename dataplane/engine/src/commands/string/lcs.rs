//! LCS: the longest text that two strings have in common, gaps allowed.
//! Promises: time and memory are bounded by [`LCS_PAIRS_MAX`]. Where several are longest, it is the one that Redis finds.

use super::limits::LCS_PAIRS_MAX;
use crate::command::{Access, Arity, Call, Category, Command, Flags, Group, KeySpec, Spec};
use crate::{Args, CommandError, Image, Reply, number};

pub(super) const LCS: Command = Command {
    spec: Spec {
        name: "lcs",
        arity: Arity::AtLeast(3),
        flags: Flags::READONLY,
        keys: &[KeySpec::range(1, 1, 1, Access::Read, &["access"])],
        categories: &[Category::String],
        group: Group::String,
        since: "7.0.0",
        summary: "Finds the longest text that two strings have in common, gaps allowed.",
        complexity: "O(N*M), N and M being the lengths of the strings.",
        tips: &[],
    },
    run: lcs,
    subcommands: &[],
};

fn lcs(call: &mut Call<'_>) -> Result<(), CommandError> {
    let (a, b) = (&call.args[1], &call.args[2]);
    let pairs = length(call.image, a)?.saturating_mul(length(call.image, b)?);
    let options = Options::read(call.args.from(3))?;
    if pairs > LCS_PAIRS_MAX {
        return Err(CommandError::LcsTooLong {
            pairs,
            max: LCS_PAIRS_MAX,
        });
    }
    // An empty string has nothing in common with the other, which may be longer than is worth a copy.
    let common = if pairs == 0 {
        Common::default()
    } else {
        let a = call.image.string(a)?.unwrap_or_default().to_vec();
        let b = call.image.string(b)?.unwrap_or_default();
        Common::of(&a, b)
    };
    options.answer(&common, call.reply);
    Ok(())
}

fn length(image: &mut Image, key: &[u8]) -> Result<u64, CommandError> {
    match image.string(key) {
        Err(CommandError::WrongType) => Err(CommandError::LcsNeedsStrings),
        string => Ok(string?.map_or(0, <[u8]>::len) as u64),
    }
}

/// What is to be answered.
struct Options {
    form: Form,
    /// MINMATCHLEN: shorter runs are left out.
    run_bytes_min: i64,
    /// WITHMATCHLEN.
    with_run_length: bool,
}

enum Form {
    Text,
    /// LEN.
    Length,
    /// IDX.
    Runs,
}

impl Options {
    fn read(args: Args<'_>) -> Result<Self, CommandError> {
        let (mut length, mut runs) = (false, false);
        let mut options = Self {
            form: Form::Text,
            run_bytes_min: 0,
            with_run_length: false,
        };
        let mut args = args.iter();
        while let Some(option) = args.next() {
            let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
            if is(b"len") {
                length = true;
            } else if is(b"idx") {
                runs = true;
            } else if is(b"withmatchlen") {
                options.with_run_length = true;
            } else if is(b"minmatchlen") {
                options.run_bytes_min = number::integer(args.next().ok_or(CommandError::Syntax)?)?;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        options.form = match (length, runs) {
            (true, true) => return Err(CommandError::LcsLengthAndIndexes),
            (true, false) => Form::Length,
            (false, true) => Form::Runs,
            (false, false) => Form::Text,
        };
        Ok(options)
    }

    fn answer(&self, common: &Common, reply: &mut dyn Reply) {
        match self.form {
            Form::Text => reply.bulk(&common.text),
            Form::Length => reply.integer(common.text.len() as i64),
            Form::Runs => {
                reply.map(2);
                reply.bulk(b"matches");
                self.answer_runs(&common.runs, reply);
                reply.bulk(b"len");
                reply.integer(common.text.len() as i64);
            }
        }
    }

    fn answer_runs(&self, runs: &[Run], reply: &mut dyn Reply) {
        let long_enough = || runs.iter().filter(|run| run.length as i64 >= self.run_bytes_min);
        reply.array(long_enough().count());
        for run in long_enough() {
            reply.array(if self.with_run_length { 3 } else { 2 });
            for start in [run.a, run.b] {
                reply.array(2);
                reply.integer(start as i64);
                reply.integer((start + run.length) as i64 - 1);
            }
            if self.with_run_length {
                reply.integer(run.length as i64);
            }
        }
    }
}

/// What two strings have in common.
#[derive(Debug, Default, PartialEq, Eq)]
struct Common {
    text: Vec<u8>,
    /// The last one first.
    runs: Vec<Run>,
}

/// Bytes of the common text that stand side by side in both strings.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    /// Where it begins in the first string.
    a: usize,
    /// Where it begins in the second.
    b: usize,
    length: usize,
}

impl Common {
    /// Walks back from the ends of both strings, the way that the table says.
    fn of(a: &[u8], b: &[u8]) -> Self {
        let ways = Ways::between(a, b);
        let mut common = Self::default();
        let (mut a_left, mut b_left) = (a.len(), b.len());
        while let (Some(a_last), Some(b_last)) = (a_left.checked_sub(1), b_left.checked_sub(1)) {
            if a[a_last] == b[b_last] {
                common.push(a_last, b_last, a[a_last]);
                (a_left, b_left) = (a_last, b_last);
            } else if ways.leave_out_of_a(a_last, b_last) {
                a_left = a_last;
            } else {
                b_left = b_last;
            }
        }
        common.text.reverse();
        common
    }

    /// A byte in both strings, before all that were pushed.
    fn push(&mut self, a: usize, b: usize, byte: u8) {
        self.text.push(byte);
        match self.runs.last_mut() {
            Some(run) if run.a == a + 1 && run.b == b + 1 => {
                (run.a, run.b) = (a, b);
                run.length += 1;
            }
            Some(_) | None => self.runs.push(Run { a, b, length: 1 }),
        }
    }
}

/// For each pair of bytes: whether what comes before them has more in common without the one of `a` than without the one
/// of `b`. A bit each; the lengths that decide it are kept for one line of the shorter string only.
struct Ways {
    bits: Vec<u64>,
    b_length: usize,
}

impl Ways {
    fn between(a: &[u8], b: &[u8]) -> Self {
        let mut ways = Self {
            bits: vec![0; (a.len() * b.len()).div_ceil(64)],
            b_length: b.len(),
        };
        if b.len() <= a.len() {
            fill(a, b, |a, b, without_a, without_b| {
                ways.note(a, b, without_a > without_b)
            });
        } else {
            fill(b, a, |b, a, without_b, without_a| {
                ways.note(a, b, without_a > without_b)
            });
        }
        ways
    }

    fn note(&mut self, a: usize, b: usize, leave_out_of_a: bool) {
        let at = a * self.b_length + b;
        self.bits[at / 64] |= u64::from(leave_out_of_a) << (at % 64);
    }

    fn leave_out_of_a(&self, a: usize, b: usize) -> bool {
        let at = a * self.b_length + b;
        self.bits[at / 64] >> (at % 64) & 1 == 1
    }
}

/// Goes through all pairs of bytes, and tells for each that differs how long the common text up to there is without the
/// byte of `long`, and without that of `short`.
fn fill(long: &[u8], short: &[u8], mut see: impl FnMut(usize, usize, u32, u32)) {
    // `lengths[i]`: of the text that the first `i` bytes of `short` have in common with those of `long` seen so far.
    let mut lengths = vec![0_u32; short.len() + 1];
    for (at_long, in_long) in long.iter().enumerate() {
        let (mut diagonal, mut without_short) = (0, 0);
        for (at_short, in_short) in short.iter().enumerate() {
            let without_long = lengths[at_short + 1];
            let length = if in_long == in_short {
                diagonal + 1
            } else {
                see(at_long, at_short, without_long, without_short);
                without_long.max(without_short)
            };
            lengths[at_short + 1] = length;
            (diagonal, without_short) = (without_long, length);
        }
    }
}
