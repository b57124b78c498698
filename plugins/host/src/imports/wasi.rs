//! WASI preview 1 as far as guests of Go and C need it to load and to start: a log, a clock that stands, chance from a seed,
//! no arguments, no environment. Everything else is there with its type, and answers that it is not supported.
//! Promises: no function reaches the machine.

use tenure_plugin_abi::{Fault, LogLevel};
use wasmtime::{Caller, Engine, FuncType, Linker, Result, Val, ValType};

use super::{WASI, enter};
use crate::guest::{Guest, LOG_LINE_BYTES_MAX};
use crate::places::Places;

const SUCCESS: i32 = 0;
const BAD_DESCRIPTOR: i32 = 8;
const INVALID: i32 = 28;
const NOT_SUPPORTED: i32 = 52;

const STDOUT: i32 = 1;
const STDERR: i32 = 2;

/// The most parts of one `fd_write`.
const PARTS_MAX: u32 = 1024;

/// The most bytes of one `random_get`.
const RANDOM_BYTES_MAX: u32 = 64 << 10;

/// What does something.
const REAL: [&str; 10] = [
    "args_get",
    "args_sizes_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_prestat_get",
    "fd_write",
    "proc_exit",
    "random_get",
    "sched_yield",
];

/// What is there and not supported, with its parameters: `i` is an i32, `l` an i64. Each gives an error number back.
const STUBS: [(&str, &str); 36] = [
    ("clock_res_get", "ii"),
    ("fd_advise", "illi"),
    ("fd_allocate", "ill"),
    ("fd_close", "i"),
    ("fd_datasync", "i"),
    ("fd_fdstat_get", "ii"),
    ("fd_fdstat_set_flags", "ii"),
    ("fd_fdstat_set_rights", "ill"),
    ("fd_filestat_get", "ii"),
    ("fd_filestat_set_size", "il"),
    ("fd_filestat_set_times", "illi"),
    ("fd_pread", "iiili"),
    ("fd_prestat_dir_name", "iii"),
    ("fd_pwrite", "iiili"),
    ("fd_read", "iiii"),
    ("fd_readdir", "iiili"),
    ("fd_renumber", "ii"),
    ("fd_seek", "ilii"),
    ("fd_sync", "i"),
    ("fd_tell", "ii"),
    ("path_create_directory", "iii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiilli"),
    ("path_link", "iiiiiii"),
    ("path_open", "iiiiillii"),
    ("path_readlink", "iiiiii"),
    ("path_remove_directory", "iii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiiii"),
    ("path_unlink_file", "iii"),
    ("poll_oneoff", "iiii"),
    ("proc_raise", "i"),
    ("sock_accept", "iii"),
    ("sock_recv", "iiiiii"),
    ("sock_send", "iiiii"),
    ("sock_shutdown", "ii"),
];

pub(super) fn is_offered(name: &str) -> bool {
    REAL.contains(&name) || STUBS.iter().any(|(stub, _)| *stub == name)
}

pub(super) fn link(linker: &mut Linker<Guest>) -> Result<()> {
    linker.func_wrap(WASI, "args_get", |_: i32, _: i32| SUCCESS)?;
    linker.func_wrap(WASI, "args_sizes_get", args_sizes_get)?;
    linker.func_wrap(WASI, "clock_time_get", clock_time_get)?;
    linker.func_wrap(WASI, "environ_get", |_: i32, _: i32| SUCCESS)?;
    linker.func_wrap(WASI, "environ_sizes_get", environ_sizes_get)?;
    // The libraries of C look for open folders until there is none, and stop the program at any other error.
    linker.func_wrap(WASI, "fd_prestat_get", |_: i32, _: i32| BAD_DESCRIPTOR)?;
    linker.func_wrap(WASI, "fd_write", fd_write)?;
    linker.func_wrap(WASI, "proc_exit", proc_exit)?;
    linker.func_wrap(WASI, "random_get", random_get)?;
    linker.func_wrap(WASI, "sched_yield", || SUCCESS)?;
    let engine = linker.engine().clone();
    for (name, parameters) in STUBS {
        linker.func_new(WASI, name, stub_type(&engine, parameters), |_, _, results| {
            if let Some(result) = results.first_mut() {
                *result = Val::I32(NOT_SUPPORTED);
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn stub_type(engine: &Engine, parameters: &str) -> FuncType {
    let parameters = parameters.bytes().map(|letter| match letter {
        b'l' => ValType::I64,
        _ => ValType::I32,
    });
    FuncType::new(engine, parameters, [ValType::I32])
}

fn args_sizes_get(caller: Caller<'_, Guest>, count: u32, bytes: u32) -> Result<i32> {
    no_strings(caller, "args_sizes_get", count, bytes)
}

fn environ_sizes_get(caller: Caller<'_, Guest>, count: u32, bytes: u32) -> Result<i32> {
    no_strings(caller, "environ_sizes_get", count, bytes)
}

fn no_strings(mut caller: Caller<'_, Guest>, function: &'static str, count: u32, bytes: u32) -> Result<i32> {
    let (mut places, _) = enter(&mut caller, function)?;
    places.write(count, &[0; 4])?;
    places.write(bytes, &[0; 4])?;
    Ok(SUCCESS)
}

/// Every clock shows the time of the call, in nanoseconds.
fn clock_time_get(mut caller: Caller<'_, Guest>, _clock: i32, _precision: i64, at: u32) -> Result<i32> {
    let (mut places, guest) = enter(&mut caller, "clock_time_get")?;
    let nanos = guest.host.now_millis().saturating_mul(1_000_000);
    places.write(at, &nanos.to_le_bytes())?;
    Ok(SUCCESS)
}

/// What is written to the standard streams becomes a line of the log.
fn fd_write(mut caller: Caller<'_, Guest>, descriptor: i32, parts: u32, parts_len: u32, written: u32) -> Result<i32> {
    let (mut places, guest) = enter(&mut caller, "fd_write")?;
    let level = match descriptor {
        STDOUT => LogLevel::Info,
        STDERR => LogLevel::Warn,
        _ => return Ok(BAD_DESCRIPTOR),
    };
    if parts_len > PARTS_MAX {
        return Ok(INVALID);
    }
    let (line, bytes) = gather(&places, parts, parts_len)?;
    guest.log(level, line.trim_ascii_end());
    places.write(written, &bytes.to_le_bytes())?;
    Ok(SUCCESS)
}

/// The parts one after the other, as much as a line takes, and how many bytes there were.
fn gather(places: &Places<'_>, parts: u32, parts_len: u32) -> Result<(Vec<u8>, u32), Fault> {
    let mut line = Vec::new();
    let mut bytes = 0_u32;
    for part in 0..parts_len {
        let entry = parts.checked_add(part * 8).ok_or_else(|| places.misuse())?;
        let len_at = entry.checked_add(4).ok_or_else(|| places.misuse())?;
        let part = places.read(places.read_u32(entry)?, places.read_u32(len_at)?)?;
        // One more than a line takes, so that it is seen to be cut.
        let room = (LOG_LINE_BYTES_MAX + 1).saturating_sub(line.len());
        line.extend(part.iter().take(room));
        bytes = bytes.saturating_add(u32::try_from(part.len()).unwrap_or(u32::MAX));
    }
    Ok((line, bytes))
}

fn proc_exit(code: i32) -> Result<()> {
    let trap = format!("it exited with code {code}");
    Err(Fault::Trap { trap }.into())
}

fn random_get(mut caller: Caller<'_, Guest>, at: u32, len: u32) -> Result<i32> {
    let (mut places, guest) = enter(&mut caller, "random_get")?;
    if len > RANDOM_BYTES_MAX {
        return Ok(INVALID);
    }
    for chunk in places.place(at, len)?.chunks_mut(8) {
        let random = guest.host.random().to_le_bytes();
        chunk.copy_from_slice(random.get(..chunk.len()).unwrap_or_default());
    }
    Ok(SUCCESS)
}
