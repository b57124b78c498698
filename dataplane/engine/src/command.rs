//! What is known of a command: the one source for dispatch, COMMAND, access control, docs and the compatibility page.
//! Promises: what can be derived is not written twice: the categories read, write, fast, slow, admin, dangerous and
//! blocking follow from the flags.

use crate::{Args, CommandError, Image, Random, Reply};

/// A command that reads or changes an [`Image`].
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// What is known of it.
    pub spec: Spec,
    /// What it does. The caller checked the arity.
    pub run: Run,
    /// Commands of two words that begin with this one, such as OBJECT ENCODING. If there are any, `run` is for the word
    /// alone.
    pub subcommands: &'static [Command],
}

/// What a command does. An error means that nothing was changed; what was written to the reply by then is dropped.
pub type Run = fn(&mut Call<'_>) -> Result<(), CommandError>;

/// One run of a command.
pub struct Call<'a> {
    /// What was asked, the command's name first (for a subcommand both names).
    pub args: Args<'a>,
    /// What it works on.
    pub image: &'a mut Image,
    /// For what is left to chance.
    pub random: &'a mut Random,
    /// Where the reply goes.
    pub reply: &'a mut dyn Reply,
}

/// What is known of a command of ours without running it.
pub type Spec = SpecOf<'static>;

/// What is known of a command without running it. Of a plugin's command it lives as long as the plugin.
#[derive(Debug, Clone, Copy)]
pub struct SpecOf<'a> {
    /// Lower case; of a subcommand both names, `config|get`.
    pub name: &'a str,
    /// How many arguments, the name (both names) included.
    pub arity: Arity,
    /// What it is like.
    pub flags: Flags,
    /// Where its keys are.
    pub keys: &'a [KeySpec],
    /// The categories that do not follow from the flags, such as [`Category::String`].
    pub categories: &'a [Category],
    /// The chapter of the documentation.
    pub group: Group,
    /// The version of Redis that first had it.
    pub since: &'a str,
    /// One sentence, in our own words.
    pub summary: &'a str,
    /// In our own words, such as `O(1)`.
    pub complexity: &'a str,
    /// Hints for clients and proxies, as in `command_tips` of COMMAND: `nondeterministic_output` and its like.
    pub tips: &'a [&'a str],
}

/// How many arguments a command takes, its name included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// Exactly so many.
    Exactly(usize),
    /// So many or more.
    AtLeast(usize),
}

impl Arity {
    /// Whether so many arguments are right.
    pub const fn allows(self, args: usize) -> bool {
        match self {
            Self::Exactly(number) => args == number,
            Self::AtLeast(number) => args >= number,
        }
    }

    /// As COMMAND shows it: negative for "at least".
    pub const fn as_number(self) -> i64 {
        match self {
            Self::Exactly(number) => number as i64,
            Self::AtLeast(number) => -(number as i64),
        }
    }
}

/// What a command is like. Combine with [`Flags::and`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u32);

impl Flags {
    /// Nothing special.
    pub const NONE: Self = Self(0);
    /// May change data.
    pub const WRITE: Self = Self(1);
    /// Reads data and never changes it.
    pub const READONLY: Self = Self(1 << 1);
    /// Needs memory, so it is refused when the cluster's is full.
    pub const DENYOOM: Self = Self(1 << 2);
    /// For operators.
    pub const ADMIN: Self = Self(1 << 3);
    /// Publishes or subscribes.
    pub const PUBSUB: Self = Self(1 << 4);
    /// Not from scripts.
    pub const NOSCRIPT: Self = Self(1 << 5);
    /// May wait.
    pub const BLOCKING: Self = Self(1 << 6);
    /// Runs while the shard is loading.
    pub const LOADING: Self = Self(1 << 7);
    /// Runs where data may be old: on a replica, or on a shard that cannot reach its log.
    pub const STALE: Self = Self(1 << 8);
    /// Takes constant or logarithmic time.
    pub const FAST: Self = Self(1 << 9);
    /// Runs before AUTH.
    pub const NO_AUTH: Self = Self(1 << 10);
    /// Not within MULTI.
    pub const NO_MULTI: Self = Self(1 << 11);
    /// Where its keys are cannot be told by key specs alone.
    pub const MOVABLEKEYS: Self = Self(1 << 12);
    /// Runs while a script is busy.
    pub const ALLOW_BUSY: Self = Self(1 << 13);
    /// Works on all keys of the shard, or on ones that are no arguments.
    pub const ALL_KEYS: Self = Self(1 << 14);
    /// Leaves no trace in the slow log and the monitor, for it carries secrets.
    pub const SKIP_MONITOR: Self = Self(1 << 15);
    /// Leaves no trace in the slow log, for the commands that it runs leave their own.
    pub const SKIP_SLOWLOG: Self = Self(1 << 16);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names that COMMAND shows, in its order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        const NAMES: [(Flags, &str); 16] = [
            (Flags::WRITE, "write"),
            (Flags::READONLY, "readonly"),
            (Flags::DENYOOM, "denyoom"),
            (Flags::ADMIN, "admin"),
            (Flags::PUBSUB, "pubsub"),
            (Flags::NOSCRIPT, "noscript"),
            (Flags::BLOCKING, "blocking"),
            (Flags::LOADING, "loading"),
            (Flags::STALE, "stale"),
            (Flags::SKIP_MONITOR, "skip_monitor"),
            (Flags::SKIP_SLOWLOG, "skip_slowlog"),
            (Flags::FAST, "fast"),
            (Flags::NO_AUTH, "no_auth"),
            (Flags::NO_MULTI, "no_multi"),
            (Flags::MOVABLEKEYS, "movablekeys"),
            (Flags::ALLOW_BUSY, "allow_busy"),
        ];
        NAMES
            .into_iter()
            .filter(move |(flag, _)| self.has(*flag))
            .map(|(_, name)| name)
    }
}

/// Where some of a command's keys are, and what happens to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySpec {
    /// Where the search begins.
    pub begin: Begin,
    /// How the keys are found from there.
    pub find: Find,
    /// What is done to them: as COMMAND shows it.
    pub access: Access,
    /// More flags that COMMAND shows: `access`, `update`, `insert`, `delete`, `not_key`, `variable_flags`.
    pub flags: &'static [&'static str],
}

/// Where the search for keys begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// At this argument.
    At(usize),
    /// Behind this word, looked for from this argument on (from the end if negative).
    Keyword(&'static str, i32),
    /// It cannot be told.
    Unknown,
}

/// How keys are found from the beginning of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Find {
    /// Up to `last` (0: the first only; -1: to the end of the arguments; -2: to the one before), each `step`th.
    /// `limit` n > 1: at most an nth of the arguments that are left.
    Range {
        /// See above.
        last: i32,
        /// See above.
        step: usize,
        /// See above.
        limit: usize,
    },
    /// Their number stands at `count`, they begin at `first`, both counted from the beginning.
    Counted {
        /// See above.
        count: usize,
        /// See above.
        first: usize,
        /// Each so manyth is a key.
        step: usize,
    },
}

/// What is done to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// `RO`: it is read.
    Read,
    /// `RW`: it is read and written.
    ReadWrite,
    /// `OW`: it is overwritten.
    Overwrite,
    /// `RM`: it is removed.
    Remove,
}

impl KeySpec {
    /// The one key at this argument.
    pub const fn one(at: usize, access: Access, flags: &'static [&'static str]) -> Self {
        Self::range(at, 0, 1, access, flags)
    }

    /// Keys from this argument on: see [`Find::Range`].
    pub const fn range(at: usize, last: i32, step: usize, access: Access, flags: &'static [&'static str]) -> Self {
        Self {
            begin: Begin::At(at),
            find: Find::Range { last, step, limit: 0 },
            access,
            flags,
        }
    }
}

/// A category of access control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "they are named as ACL CAT names them")]
pub enum Category {
    Keyspace,
    Read,
    Write,
    Set,
    SortedSet,
    List,
    Hash,
    String,
    Bitmap,
    HyperLogLog,
    Geo,
    Stream,
    PubSub,
    Admin,
    Fast,
    Slow,
    Blocking,
    Dangerous,
    Connection,
    Transaction,
    Scripting,
}

impl Category {
    /// As ACL CAT shows it, without the `@`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keyspace => "keyspace",
            Self::Read => "read",
            Self::Write => "write",
            Self::Set => "set",
            Self::SortedSet => "sortedset",
            Self::List => "list",
            Self::Hash => "hash",
            Self::String => "string",
            Self::Bitmap => "bitmap",
            Self::HyperLogLog => "hyperloglog",
            Self::Geo => "geo",
            Self::Stream => "stream",
            Self::PubSub => "pubsub",
            Self::Admin => "admin",
            Self::Fast => "fast",
            Self::Slow => "slow",
            Self::Blocking => "blocking",
            Self::Dangerous => "dangerous",
            Self::Connection => "connection",
            Self::Transaction => "transaction",
            Self::Scripting => "scripting",
        }
    }
}

/// A chapter of the documentation of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are named as COMMAND DOCS names them")]
pub enum Group {
    Bitmap,
    Cluster,
    Connection,
    Generic,
    Geo,
    Hash,
    HyperLogLog,
    List,
    Module,
    PubSub,
    Scripting,
    Server,
    Set,
    SortedSet,
    Stream,
    String,
    Transactions,
}

impl Group {
    /// As COMMAND DOCS shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bitmap => "bitmap",
            Self::Cluster => "cluster",
            Self::Connection => "connection",
            Self::Generic => "generic",
            Self::Geo => "geo",
            Self::Hash => "hash",
            Self::HyperLogLog => "hyperloglog",
            Self::List => "list",
            Self::Module => "module",
            Self::PubSub => "pubsub",
            Self::Scripting => "scripting",
            Self::Server => "server",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Stream => "stream",
            Self::String => "string",
            Self::Transactions => "transactions",
        }
    }
}

impl SpecOf<'_> {
    /// All categories, those that follow from the flags included.
    pub fn all_categories(&self) -> impl Iterator<Item = Category> {
        let derived = [
            (self.flags.has(Flags::WRITE), Category::Write),
            (
                self.flags.has(Flags::READONLY) && !self.categories.contains(&Category::Scripting),
                Category::Read,
            ),
            (self.flags.has(Flags::ADMIN), Category::Admin),
            (self.flags.has(Flags::ADMIN), Category::Dangerous),
            (self.flags.has(Flags::PUBSUB), Category::PubSub),
            (self.flags.has(Flags::FAST), Category::Fast),
            (!self.flags.has(Flags::FAST), Category::Slow),
            (self.flags.has(Flags::BLOCKING), Category::Blocking),
        ];
        let derived = derived
            .into_iter()
            .filter(|(applies, _)| *applies)
            .map(|(_, category)| category);
        let own = self.categories.iter().copied();
        own.filter(|category| !matches!(category, Category::Fast | Category::Slow))
            .chain(derived)
    }

    /// The places of all keys among these arguments. `None`: the arguments make no sense, such as a count of keys that is
    /// not there.
    pub fn key_places(&self, args: Args<'_>) -> Option<Vec<usize>> {
        let mut places = Vec::new();
        for spec in self.keys {
            spec.places(args, &mut places)?;
        }
        Some(places)
    }
}

impl KeySpec {
    fn places(&self, args: Args<'_>, places: &mut Vec<usize>) -> Option<()> {
        let begin = match self.begin {
            Begin::At(at) => at,
            Begin::Keyword(word, from) => match find_keyword(args, word, from) {
                Some(at) => at + 1,
                None => return Some(()),
            },
            Begin::Unknown => return Some(()),
        };
        match self.find {
            Find::Range { last, step, limit } => {
                let last = last_place(args.len(), begin, last, limit)?;
                places.extend((begin..=last).step_by(step));
            }
            Find::Counted { count, first, step } => {
                let number = crate::number::parse_i64(args.get(begin + count)?)?;
                let number = usize::try_from(number).ok().filter(|number| *number > 0)?;
                let first = begin + first;
                let last = first.checked_add((number - 1).checked_mul(step)?)?;
                if last >= args.len() {
                    return None;
                }
                places.extend((first..=last).step_by(step));
            }
        }
        Some(())
    }
}

fn last_place(args: usize, begin: usize, last: i32, limit: usize) -> Option<usize> {
    let place = match usize::try_from(last) {
        Ok(further) => begin + further,
        Err(_) if limit > 1 => begin + args.checked_sub(begin)?.checked_div(limit)?.checked_sub(1)?,
        Err(_) => args.checked_sub(usize::try_from(last.unsigned_abs()).ok()?)?,
    };
    (begin <= place && place < args).then_some(place)
}

fn find_keyword(args: Args<'_>, word: &str, from: i32) -> Option<usize> {
    let is_word = |at: &usize| {
        args.get(*at)
            .is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
    };
    match usize::try_from(from) {
        Ok(from) => (from..args.len()).find(is_word),
        Err(_) => {
            let from = args.len().checked_sub(usize::try_from(from.unsigned_abs()).ok()?)?;
            (0..=from).rev().find(is_word)
        }
    }
}
