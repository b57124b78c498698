//! The interface of commands, version 1.0, as guests see it: `ops/docs/plugins.md` is its manual.
//! Promises: every place is checked, every text is text, and every number means something, or the call is at fault.

use tenure_plugin_abi::{COMMAND_INTERFACE, Called, Fault, Fetched, LogLevel, Piece};
use wasmtime::{Caller, Linker, Result};

use super::enter;
use crate::guest::Guest;
use crate::places::Places;
use crate::refusal;

/// Every function of it.
pub(super) const NAMES: [&str; 23] = [
    "arg_count",
    "arg_len",
    "arg_read",
    "call",
    "get",
    "set",
    "result_len",
    "result_read",
    "reply_simple",
    "reply_error",
    "reply_integer",
    "reply_bulk",
    "reply_null",
    "reply_array",
    "reply_map",
    "reply_set",
    "reply_double",
    "reply_boolean",
    "reply_verbatim",
    "fail",
    "now_millis",
    "random",
    "log",
];

pub(super) fn link(linker: &mut Linker<Guest>) -> Result<()> {
    let module = COMMAND_INTERFACE;
    linker.func_wrap(module, "arg_count", arg_count)?;
    linker.func_wrap(module, "arg_len", arg_len)?;
    linker.func_wrap(module, "arg_read", arg_read)?;
    linker.func_wrap(module, "call", call)?;
    linker.func_wrap(module, "get", get)?;
    linker.func_wrap(module, "set", set)?;
    linker.func_wrap(module, "result_len", result_len)?;
    linker.func_wrap(module, "result_read", result_read)?;
    linker.func_wrap(module, "reply_simple", reply_simple)?;
    linker.func_wrap(module, "reply_error", reply_error)?;
    linker.func_wrap(module, "reply_integer", reply_integer)?;
    linker.func_wrap(module, "reply_bulk", reply_bulk)?;
    linker.func_wrap(module, "reply_null", reply_null)?;
    linker.func_wrap(module, "reply_array", reply_array)?;
    linker.func_wrap(module, "reply_map", reply_map)?;
    linker.func_wrap(module, "reply_set", reply_set)?;
    linker.func_wrap(module, "reply_double", reply_double)?;
    linker.func_wrap(module, "reply_boolean", reply_boolean)?;
    linker.func_wrap(module, "reply_verbatim", reply_verbatim)?;
    linker.func_wrap(module, "fail", fail)?;
    linker.func_wrap(module, "now_millis", now_millis)?;
    linker.func_wrap(module, "random", random)?;
    linker.func_wrap(module, "log", log)?;
    Ok(())
}

fn arg_count(mut caller: Caller<'_, Guest>) -> Result<i32> {
    let (places, guest) = enter(&mut caller, "arg_count")?;
    Ok(count(&places, guest.host.arguments())?)
}

fn arg_len(mut caller: Caller<'_, Guest>, index: u32) -> Result<i32> {
    let (places, guest) = enter(&mut caller, "arg_len")?;
    match argument(guest, index) {
        Some(argument) => Ok(count(&places, argument.len())?),
        None => Ok(-1),
    }
}

fn arg_read(mut caller: Caller<'_, Guest>, index: u32, at: u32, capacity: u32) -> Result<i32> {
    let (mut places, guest) = enter(&mut caller, "arg_read")?;
    match argument(guest, index) {
        Some(argument) => Ok(places.copy(argument, at, capacity)?),
        None => Ok(-1),
    }
}

fn argument(guest: &Guest, index: u32) -> Option<&[u8]> {
    guest.host.argument(usize::try_from(index).ok()?)
}

fn call(mut caller: Caller<'_, Guest>, list: u32, list_len: u32) -> Result<i32> {
    let (places, guest) = enter(&mut caller, "call")?;
    // Between two calls of a guest that does not loop nobody else looks, and native commands take their time.
    guest.clock.look()?;
    let args = places.list(list, list_len)?;
    // The same bytes may be named again and again, so what counts is what the host is given.
    guest.spend_bytes(args.iter().map(|arg| arg.len()).fold(0, usize::saturating_add))?;
    guest.result.clear();
    let called = guest.host.call(&args, &mut guest.result);
    guest.spend_bytes(guest.result.len())?;
    Ok(match called {
        Called::Done => 0,
        Called::Error => 1,
    })
}

fn get(mut caller: Caller<'_, Guest>, key: u32, key_len: u32) -> Result<i32> {
    let (places, guest) = enter(&mut caller, "get")?;
    let key = places.read(key, key_len)?;
    guest.spend_bytes(key.len())?;
    guest.result.clear();
    let fetched = guest.host.get(key, &mut guest.result);
    guest.spend_bytes(guest.result.len())?;
    Ok(match fetched {
        Fetched::Found => 0,
        Fetched::Missing => 1,
        Fetched::Error => 2,
    })
}

fn set(
    mut caller: Caller<'_, Guest>,
    key: u32,
    key_len: u32,
    value: u32,
    value_len: u32,
    expires_at_millis: i64,
) -> Result<i32> {
    let (places, guest) = enter(&mut caller, "set")?;
    let key = places.read(key, key_len)?;
    let value = places.read(value, value_len)?;
    let expires_at = u64::try_from(expires_at_millis).map_err(|_| places.misuse())?;
    let expires_at = (expires_at != 0).then_some(expires_at);
    guest.spend_bytes(key.len().saturating_add(value.len()))?;
    guest.result.clear();
    let called = guest.host.set(key, value, expires_at, &mut guest.result);
    guest.spend_bytes(guest.result.len())?;
    Ok(match called {
        Called::Done => 0,
        Called::Error => 2,
    })
}

fn result_len(mut caller: Caller<'_, Guest>) -> Result<i32> {
    let (places, guest) = enter(&mut caller, "result_len")?;
    Ok(count(&places, guest.result.len())?)
}

fn result_read(mut caller: Caller<'_, Guest>, offset: u32, at: u32, capacity: u32) -> Result<i32> {
    let (mut places, guest) = enter(&mut caller, "result_read")?;
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    let rest = guest.result.get(offset..).unwrap_or_default();
    Ok(places.copy(rest, at, capacity)?)
}

fn reply_simple(mut caller: Caller<'_, Guest>, text: u32, text_len: u32) -> Result<()> {
    let (places, guest) = enter(&mut caller, "reply_simple")?;
    let text = places.text(text, text_len)?;
    if text.contains(['\r', '\n']) {
        return Err(places.misuse().into());
    }
    Ok(guest.reply(Piece::Simple(text))?)
}

fn reply_error(mut caller: Caller<'_, Guest>, text: u32, text_len: u32) -> Result<()> {
    let (places, guest) = enter(&mut caller, "reply_error")?;
    let message = refusal::message(places.read(text, text_len)?).ok_or_else(|| places.misuse())?;
    Ok(guest.reply(Piece::Error(&message))?)
}

fn reply_integer(mut caller: Caller<'_, Guest>, number: i64) -> Result<()> {
    let (_, guest) = enter(&mut caller, "reply_integer")?;
    Ok(guest.reply(Piece::Integer(number))?)
}

fn reply_bulk(mut caller: Caller<'_, Guest>, bytes: u32, bytes_len: u32) -> Result<()> {
    let (places, guest) = enter(&mut caller, "reply_bulk")?;
    Ok(guest.reply(Piece::Bulk(places.read(bytes, bytes_len)?))?)
}

fn reply_null(mut caller: Caller<'_, Guest>) -> Result<()> {
    let (_, guest) = enter(&mut caller, "reply_null")?;
    Ok(guest.reply(Piece::Null)?)
}

fn reply_array(mut caller: Caller<'_, Guest>, replies: i32) -> Result<()> {
    let (places, guest) = enter(&mut caller, "reply_array")?;
    Ok(guest.reply(Piece::Array(header(&places, replies)?))?)
}

fn reply_map(mut caller: Caller<'_, Guest>, pairs: i32) -> Result<()> {
    let (places, guest) = enter(&mut caller, "reply_map")?;
    Ok(guest.reply(Piece::Map(header(&places, pairs)?))?)
}

fn reply_set(mut caller: Caller<'_, Guest>, replies: i32) -> Result<()> {
    let (places, guest) = enter(&mut caller, "reply_set")?;
    Ok(guest.reply(Piece::Set(header(&places, replies)?))?)
}

fn reply_double(mut caller: Caller<'_, Guest>, number: f64) -> Result<()> {
    let (_, guest) = enter(&mut caller, "reply_double")?;
    Ok(guest.reply(Piece::Double(number))?)
}

fn reply_boolean(mut caller: Caller<'_, Guest>, is_true: i32) -> Result<()> {
    let (_, guest) = enter(&mut caller, "reply_boolean")?;
    Ok(guest.reply(Piece::Boolean(is_true != 0))?)
}

fn reply_verbatim(mut caller: Caller<'_, Guest>, format: u32, format_len: u32, text: u32, text_len: u32) -> Result<()> {
    let (places, guest) = enter(&mut caller, "reply_verbatim")?;
    let format = places.text(format, format_len)?;
    let text = places.text(text, text_len)?;
    if format.len() != 3 || !format.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(places.misuse().into());
    }
    Ok(guest.reply(Piece::Verbatim { format, text })?)
}

fn fail(mut caller: Caller<'_, Guest>, text: u32, text_len: u32) -> Result<()> {
    let (places, guest) = enter(&mut caller, "fail")?;
    guest.refuse(places.read(text, text_len)?);
    Ok(())
}

fn now_millis(mut caller: Caller<'_, Guest>) -> Result<i64> {
    let (places, guest) = enter(&mut caller, "now_millis")?;
    Ok(i64::try_from(guest.host.now_millis()).map_err(|_| places.misuse())?)
}

fn random(mut caller: Caller<'_, Guest>) -> Result<i64> {
    let (_, guest) = enter(&mut caller, "random")?;
    Ok(guest.host.random().cast_signed())
}

fn log(mut caller: Caller<'_, Guest>, level: i32, text: u32, text_len: u32) -> Result<()> {
    let (places, guest) = enter(&mut caller, "log")?;
    let level = match level {
        0 => LogLevel::Debug,
        1 => LogLevel::Info,
        2 => LogLevel::Warn,
        3 => LogLevel::Error,
        _ => return Err(places.misuse().into()),
    };
    guest.log(level, places.read(text, text_len)?);
    Ok(())
}

/// What a header promises.
fn header(places: &Places<'_>, replies: i32) -> Result<usize, Fault> {
    usize::try_from(replies).map_err(|_| places.misuse())
}

fn count(places: &Places<'_>, count: usize) -> Result<i32, Fault> {
    i32::try_from(count).map_err(|_| places.misuse())
}
