//! Why a command failed, as its client reads it.
//! Promises: the text is what Redis says where Redis has such an error; the first word is its code.

use crate::DumpError;

/// A command that changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The key holds another type.
    #[error("WRONGTYPE Operation against a key holding the wrong kind of value")]
    WrongType,
    /// An option that is not known, or two that exclude each other.
    #[error("ERR syntax error")]
    Syntax,
    /// Not a whole number of 64 bits.
    #[error("ERR value is not an integer or out of range")]
    NotAnInteger,
    /// Not a number.
    #[error("ERR value is not a valid float")]
    NotAFloat,
    /// A sum past the range of 64 bits.
    #[error("ERR increment or decrement would overflow")]
    Overflow,
    /// A decrement that has no negative in 64 bits.
    #[error("ERR decrement would overflow")]
    DecrementOverflow,
    /// A sum that is no number.
    #[error("ERR increment would produce NaN or Infinity")]
    NotFinite,
    /// Must not be negative.
    #[error("ERR value is out of range, must be positive")]
    NotPositive,
    /// An expiry that cannot be: zero, negative, or past the range.
    #[error("ERR invalid expire time in '{command}' command")]
    InvalidExpireTime {
        /// Lower case.
        command: &'static str,
    },
    /// A position past the end of what a string may be.
    #[error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")]
    StringTooLong,
    /// Only some positions make sense.
    #[error("ERR offset is out of range")]
    OffsetOutOfRange,
    /// There is nothing at this key, and the command needs something.
    #[error("ERR no such key")]
    NoSuchKey,
    /// A cursor that none of our SCANs gave.
    #[error("ERR invalid cursor")]
    InvalidCursor,
    /// The number of arguments is wrong.
    #[error("ERR wrong number of arguments for '{command}' command")]
    WrongArity {
        /// Lower case; a subcommand as `config|get`.
        command: String,
    },
    /// The cluster's memory is full, and its policy found nothing to evict.
    #[error("OOM command not allowed when used memory > 'maxmemory'.")]
    OutOfMemory,
    /// A read met an expired key and could not log its deletion: the log grants no credit.
    #[error("TRYAGAIN the log grants no credit to delete an expired key")]
    NoCreditToExpire,
    /// LCS of a key that holds another type.
    #[error("ERR The specified keys must contain string values")]
    LcsNeedsStrings,
    /// LCS with both LEN and IDX.
    #[error("ERR If you want both the length and indexes, please just use IDX.")]
    LcsLengthAndIndexes,
    /// LCS of strings that would take too long.
    #[error("ERR the strings are too long for LCS: {pairs} pairs of bytes to compare, and {max} are allowed")]
    LcsTooLong {
        /// The length of one times that of the other.
        pairs: u64,
        /// How many may be.
        max: u64,
    },
    /// Two words of EXPIRE and its like that exclude each other.
    #[error("ERR NX and XX, GT or LT options at the same time are not compatible")]
    ExpireNxWithOthers,
    /// Two words of EXPIRE and its like that exclude each other.
    #[error("ERR GT and LT options at the same time are not compatible")]
    ExpireGtWithLt,
    /// A word that a command does not know, where Redis names it.
    #[error("ERR Unsupported option {option}")]
    UnsupportedOption {
        /// As it was sent; what is no UTF-8 is replaced.
        option: String,
    },
    /// A key was to be copied onto itself.
    #[error("ERR source and destination objects are the same")]
    SameKey,
    /// A number of a database that nobody has.
    #[error("ERR DB index is out of range")]
    NoSuchDatabase,
    /// A number of a database that a server without clustering would have.
    #[error("ERR Copying to another database is not allowed in cluster mode")]
    CopyToOtherDatabase,
    /// What makes sense only with several databases.
    #[error("ERR {command} is not allowed in cluster mode")]
    NotInCluster {
        /// Upper case.
        command: &'static str,
    },
    /// The field holds no whole number.
    #[error("ERR hash value is not an integer")]
    HashValueNotAnInteger,
    /// The field holds no number.
    #[error("ERR hash value is not a float")]
    HashValueNotAFloat,
    /// An increment without end.
    #[error("ERR value is NaN or Infinity")]
    IncrementNotFinite,
    /// More than can be answered.
    #[error("ERR value is out of range")]
    OutOfRange,
    /// Not within these bounds. The grammar is that of Redis.
    #[error("ERR value is out of range, value must between {min} and {max}")]
    OutsideRange {
        /// The least that is allowed.
        min: i64,
        /// The most that is allowed.
        max: i64,
    },
    /// The second word of a command of two words is not known.
    #[error("ERR unknown subcommand '{subcommand}'. Try {command} HELP.")]
    UnknownSubcommand {
        /// Upper case.
        command: &'static str,
        /// As it was sent, cut after 128 bytes; what is no UTF-8 is replaced.
        subcommand: String,
    },
    /// A sum of scores that is infinity less infinity.
    #[error("ERR resulting score is not a number (NaN)")]
    ScoreNotANumber,
    /// Options of ZADD that exclude each other.
    #[error("ERR XX and NX options at the same time are not compatible")]
    AddXxWithNx,
    /// Options of ZADD that exclude each other.
    #[error("ERR GT, LT, and/or NX options at the same time are not compatible")]
    AddGtLtNx,
    /// ZADD INCR of several members.
    #[error("ERR INCR option supports a single increment-element pair")]
    AddIncrementOfMany,
    /// An end of a range of scores that is no number.
    #[error("ERR min or max is not a float")]
    BoundNotAFloat,
    /// An end of a range of members that begins with none of the signs that it may begin with.
    #[error("ERR min or max not valid string range item")]
    BoundNotAMember,
    /// LIMIT of a range by ranks.
    #[error("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")]
    LimitOfRanks,
    /// WITHSCORES of a range by members.
    #[error("ERR syntax error, WITHSCORES not supported in combination with BYLEX")]
    ScoresOfMembers,
    /// A weight that is no number.
    #[error("ERR weight value is not a float")]
    WeightNotAFloat,
    /// No sorted set to put together.
    #[error("ERR at least 1 input key is needed for '{command}' command")]
    InputKeyMissing {
        /// Lower case.
        command: &'static str,
    },
    /// A limit that is no number, or negative.
    #[error("ERR LIMIT can't be negative")]
    LimitNegative,
    /// A count of keys that is no number above 0.
    #[error("ERR numkeys should be greater than 0")]
    KeyCountNotPositive,
    /// A count that is no number above 0.
    #[error("ERR count should be greater than 0")]
    CountNotPositive,
    /// More scores and members than one record of the log can hold.
    #[error("ERR scores and members take more than {bytes_max} bytes in the log")]
    TooManyElements {
        /// What they may take.
        bytes_max: usize,
    },
    /// To put so much together would hold up everybody else on the node.
    #[error(
        "ERR the sorted sets named are too much for one command: {steps_max} elements and {keys_max} keys may be looked at"
    )]
    CombinesTooMuch {
        /// Elements, as often as they are looked at.
        steps_max: usize,
        /// Keys, as often as they are named.
        keys_max: usize,
    },
    /// RESTORE met a key that is there, and was not told to replace it.
    #[error("BUSYKEY Target key name already exists.")]
    BusyKey,
    /// RESTORE with a negative time to live.
    #[error("ERR Invalid TTL value, must be >= 0")]
    NegativeTimeToLive,
    /// RESTORE with a negative idle time.
    #[error("ERR Invalid IDLETIME value, must be >= 0")]
    NegativeIdleTime,
    /// RESTORE with a frequency that does not fit into a byte.
    #[error("ERR Invalid FREQ value, must be >= 0 and <= 255")]
    FrequencyOutOfRange,
    /// How often keys are used is not counted under the policy there is.
    #[error(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching \
         between policies at runtime LRU and LFU data will take some time to adjust."
    )]
    FrequencyNotTracked,
    /// When keys were used is not noted under the policy there is.
    #[error(
        "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between \
         policies at runtime LRU and LFU data will take some time to adjust."
    )]
    IdleTimeNotTracked,
    /// RESTORE with a payload that nothing was restored from.
    #[error(transparent)]
    Dump(#[from] DumpError),
    /// A command over counted fields does not say where they begin.
    #[error("ERR Mandatory argument FIELDS is missing or not at the right position")]
    FieldsMissing,
    /// The count of fields is no number above 0.
    #[error("ERR Number of fields must be a positive integer")]
    FieldCountNotPositive,
    /// There are more or fewer fields than counted.
    #[error("ERR The `numfields` parameter must match the number of arguments")]
    FieldCountMismatch,
}
