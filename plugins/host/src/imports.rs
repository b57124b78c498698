//! What guests may import: the interface of commands, and as much of WASI preview 1 as guests of Go and C need to load.
//! Promises: nothing else is linked, and nothing that is linked reaches the machine: no file, no socket, no clock.

mod command;
mod wasi;

use tenure_plugin_abi::{COMMAND_INTERFACE, Fault};
use wasmtime::{Caller, Extern, Linker};

use crate::guest::Guest;
use crate::places::Places;

/// The other module that is offered.
pub(crate) const WASI: &str = "wasi_snapshot_preview1";

/// All of it.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    command::link(linker)?;
    wasi::link(linker)
}

pub(crate) fn is_offered(module: &str, name: &str) -> bool {
    match module {
        COMMAND_INTERFACE => command::NAMES.contains(&name),
        WASI => wasi::is_offered(name),
        _ => false,
    }
}

/// A guest calls a function of its host: its memory, and what is kept about it.
fn enter<'a>(caller: &'a mut Caller<'_, Guest>, function: &'static str) -> Result<(Places<'a>, &'a mut Guest), Fault> {
    caller.data_mut().spend_host_call()?;
    // A start function runs before anybody could note where the memory is.
    let memory = match caller.data().memory {
        Some(memory) => memory,
        None => match caller.get_export("memory") {
            Some(Extern::Memory(memory)) => memory,
            _ => return Err(Fault::Misuse { function }),
        },
    };
    let (bytes, guest) = memory.data_and_store_mut(caller);
    Ok((Places { bytes, function }, guest))
}
