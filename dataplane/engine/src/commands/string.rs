//! Strings: bytes of any kind, and what numbers can be written as.
//! Promises: what a command needs is read and judged before its first effect; a command that changes nothing has none.
//! Leaves to `server`: limits below [`limits::STRING_BYTES_MAX`], and whether there is memory.

mod delete_if;
mod expiry;
mod get;
mod increment;
mod lcs;
mod limits;
mod many;
mod range;
mod set;
mod stored;

use crate::command::{Access, Command, KeySpec};

pub(super) const COMMANDS: &[Command] = &[
    range::APPEND,
    increment::DECR,
    increment::DECRBY,
    delete_if::DELIFEQ,
    get::GET,
    get::GETDEL,
    get::GETEX,
    range::GETRANGE,
    get::GETSET,
    increment::INCR,
    increment::INCRBY,
    increment::INCRBYFLOAT,
    lcs::LCS,
    many::MGET,
    many::MSET,
    many::MSETNX,
    set::PSETEX,
    set::SET,
    set::SETEX,
    set::SETNX,
    range::SETRANGE,
    get::STRLEN,
    range::SUBSTR,
];

/// One key that is read.
const READ: &[KeySpec] = &[KeySpec::one(1, Access::Read, &["access"])];
/// One key whose old value has a part in the new one, or is answered.
const UPDATE: &[KeySpec] = &[KeySpec::one(1, Access::ReadWrite, &["access", "update"])];
/// One key that is written whatever it held.
const OVERWRITE: &[KeySpec] = &[KeySpec::one(1, Access::Overwrite, &["update"])];
