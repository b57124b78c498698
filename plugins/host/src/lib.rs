//! Runs plugins: WebAssembly behind the traits of `plugins/abi`.
//! Promises: whatever bytes are given, a module is taken or refused with a sentence, and whatever a guest does, its call
//! ends with a reply, a refusal or a fault. Memory, stack, time, what a guest asks for and what it says are bounded.
//! Leaves to the data plane: data, undoing, quarantine. Leaves to the control plane: that a module was checked in a
//! process of its own before a node compiles it. Never loads machine code from anywhere: each process compiles for itself.
//!
//! ```text
//!   bytes ──▶ inspect ──▶ compile ──▶ Compiled ──▶ Running::call ──▶ guest ──▶ imports ──▶ Host
//!                                                       ▲
//!                              Ticker: once a millisecond, while calls run, each looks at its clock
//! ```

mod clock;
mod compiled;
mod guest;
mod imports;
mod inspect;
mod places;
mod plugin_host;
mod refusal;
mod room;
mod running;
mod ticker;

pub use guest::{CALL_BYTES_MAX, HOST_CALLS_MAX, LOG_LINE_BYTES_MAX, LOG_LINES_MAX};
pub use inspect::{FUNCTION_BYTES_MAX, FUNCTIONS_MAX, LOCALS_MAX, TABLE_ELEMENTS_MAX};
pub use plugin_host::{HostError, Options, PluginHost};
pub use refusal::MESSAGE_BYTES_MAX;
pub use running::START_MILLIS_MAX;
