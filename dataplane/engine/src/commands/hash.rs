//! Hashes: fields with values at one key.
//! Leaves to `keyspace`: how the fields are stored, and in which order they are met.

mod increment;
mod random;
mod read;
pub(super) mod scan;
mod write;

use crate::command::{Access, Command, KeySpec};

pub(super) const COMMANDS: &[Command] = &[
    write::HDEL,
    read::HEXISTS,
    read::HGET,
    read::HGETALL,
    write::HGETDEL,
    increment::HINCRBY,
    increment::HINCRBYFLOAT,
    read::HKEYS,
    read::HLEN,
    read::HMGET,
    write::HMSET,
    random::HRANDFIELD,
    scan::HSCAN,
    write::HSET,
    write::HSETNX,
    read::HSTRLEN,
    read::HVALS,
];

/// The key of a command that tells something of the hash, and none of its data.
const ASKED: &[KeySpec] = &[KeySpec::one(1, Access::Read, &[])];
/// The key of a command that tells what is in the hash.
const READ: &[KeySpec] = &[KeySpec::one(1, Access::Read, &["access"])];
/// The key of a command that may change what is there.
const UPDATED: &[KeySpec] = &[KeySpec::one(1, Access::ReadWrite, &["update"])];
/// The key of a command that tells what it made of the hash.
const READ_AND_UPDATED: &[KeySpec] = &[KeySpec::one(1, Access::ReadWrite, &["access", "update"])];
