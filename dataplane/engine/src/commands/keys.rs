//! Keys of any type: whether they are there, when they go, what they are called, and all of them together.
//! Promises: nothing here reads or changes what a key holds, but for DUMP and RESTORE, which know every type.

mod all_keys;
mod exists;
mod expire;
mod flush;
mod help;
mod memory;
mod object;
mod remove;
mod rename;
mod restore;
mod time_to_live;

use tenure_types::WallTime;

use crate::command::{Access, Command, KeySpec};

pub(super) const COMMANDS: &[Command] = &[
    rename::COPY,
    all_keys::DBSIZE,
    remove::DEL,
    restore::DUMP,
    exists::EXISTS,
    expire::EXPIRE,
    expire::EXPIREAT,
    time_to_live::EXPIRETIME,
    flush::FLUSHALL,
    flush::FLUSHDB,
    all_keys::KEYS,
    memory::MEMORY,
    rename::MOVE,
    object::OBJECT,
    time_to_live::PERSIST,
    expire::PEXPIRE,
    expire::PEXPIREAT,
    time_to_live::PEXPIRETIME,
    time_to_live::PTTL,
    all_keys::RANDOMKEY,
    rename::RENAME,
    rename::RENAMENX,
    restore::RESTORE,
    all_keys::SCAN,
    exists::TOUCH,
    time_to_live::TTL,
    exists::TYPE,
    remove::UNLINK,
];

/// One key behind the command's name, of which only its entry is read.
const READ_ONE: &[KeySpec] = &[KeySpec::one(1, Access::Read, &[])];
/// One key behind the command's name, of which something is told that it holds.
const ACCESS_ONE: &[KeySpec] = &[KeySpec::one(1, Access::Read, &["access"])];
/// One key behind the command's name, that is changed without a look at what it holds.
const UPDATE_ONE: &[KeySpec] = &[KeySpec::one(1, Access::ReadWrite, &["update"])];
/// One key behind both names of a subcommand.
const READ_SECOND: &[KeySpec] = &[KeySpec::one(2, Access::Read, &[])];

const NONDETERMINISTIC: &[&str] = &["nondeterministic_output"];
/// For commands that take keys of several shards: a client may split them and add up the answers.
const ADD_UP_SHARDS: &[&str] = &["request_policy:multi_shard", "response_policy:agg_sum"];

/// Milliseconds since 1970 as replies show them.
fn unix_millis(time: WallTime) -> i64 {
    i64::try_from(time.as_unix_millis()).unwrap_or(i64::MAX)
}
