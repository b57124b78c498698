//! How much memory an instance may have.
//! Promises: no more than its manifest says, and remembered if it asked for more: a guest that breaks after that broke for
//! want of memory.

use tenure_plugin_abi::Fault;
use wasmtime::ResourceLimiter;

use crate::inspect::TABLE_ELEMENTS_MAX;

#[derive(Debug)]
pub(crate) struct Room {
    bytes_max: u64,
    was_refused: bool,
}

impl Room {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self {
            bytes_max,
            was_refused: false,
        }
    }

    /// A call begins.
    pub(crate) fn restart(&mut self) {
        self.was_refused = false;
    }

    /// Why a guest broke that breaks now, if it is for want of memory.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.was_refused.then_some(Fault::Memory {
            limit_bytes: self.bytes_max,
        })
    }
}

impl ResourceLimiter for Room {
    fn memory_growing(&mut self, _now: usize, wanted: usize, _most: Option<usize>) -> wasmtime::Result<bool> {
        let is_allowed = u64::try_from(wanted).is_ok_and(|wanted| wanted <= self.bytes_max);
        self.was_refused |= !is_allowed;
        Ok(is_allowed)
    }

    fn table_growing(&mut self, _now: usize, wanted: usize, _most: Option<usize>) -> wasmtime::Result<bool> {
        Ok(u64::try_from(wanted).is_ok_and(|wanted| wanted <= TABLE_ELEMENTS_MAX))
    }
}
