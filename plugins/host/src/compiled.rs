//! A module that was compiled and fits.
//! Promises: an instance of it needs no further check.

use std::fmt;
use std::sync::Arc;

use tenure_plugin_abi::{COMMAND_INTERFACE, Fault, Instance, Manifest, Module, Unfit};
use wasmtime::{ExternType, FuncType, InstancePre, Linker, ValType};

use crate::guest::Guest;
use crate::running::Running;
use crate::ticker::Ticker;

pub(crate) struct Compiled {
    manifest: Manifest,
    name: Arc<str>,
    instance: InstancePre<Guest>,
    ticker: Arc<Ticker>,
}

impl Compiled {
    pub(crate) fn new(
        linker: &Linker<Guest>,
        ticker: Arc<Ticker>,
        wasm: &[u8],
        manifest: Manifest,
    ) -> Result<Self, Unfit> {
        let module = wasmtime::Module::from_binary(linker.engine(), wasm).map_err(|error| invalid(&error))?;
        check_exports(&module)?;
        let instance = linker.instantiate_pre(&module).map_err(|error| invalid(&error))?;
        Ok(Self {
            name: Arc::from(manifest.name.as_str()),
            manifest,
            instance,
            ticker,
        })
    }
}

impl Module for Compiled {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn instantiate(&self) -> Result<Box<dyn Instance>, Fault> {
        let running = Running::start(&self.instance, Arc::clone(&self.ticker), &self.name, &self.manifest)?;
        Ok(Box::new(running))
    }
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Compiled");
        debug.field("manifest", &self.manifest).finish_non_exhaustive()
    }
}

fn check_exports(module: &wasmtime::Module) -> Result<(), Unfit> {
    let lacks = |name: &str, expected: &str| Unfit::Export {
        name: name.to_owned(),
        expected: expected.to_owned(),
    };
    match module.get_export("memory") {
        Some(ExternType::Memory(_)) => {}
        _ => return Err(lacks("memory", "its memory")),
    }
    let is_command = |ty: &FuncType| {
        ty.params().all(is_i32) && ty.params().len() == 1 && ty.results().all(is_i32) && ty.results().len() == 1
    };
    match module.get_export(COMMAND_INTERFACE) {
        Some(ExternType::Func(ty)) if is_command(&ty) => {}
        _ => return Err(lacks(COMMAND_INTERFACE, "a function of one i32 that returns an i32")),
    }
    match module.get_export("_initialize") {
        None => Ok(()),
        Some(ExternType::Func(ty)) if ty.params().len() == 0 && ty.results().len() == 0 => Ok(()),
        Some(_) => Err(lacks(
            "_initialize",
            "a function that takes and returns nothing, or not at all",
        )),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for all()")]
fn is_i32(ty: ValType) -> bool {
    matches!(ty, ValType::I32)
}

fn invalid(error: &wasmtime::Error) -> Unfit {
    let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
    Unfit::Invalid {
        reason: chain.join(": "),
    }
}
