//! The contract with plugins: what a module says of itself, and what passes between a guest and the node that runs it.
//! Promises: pure; a manifest that [`Manifest::parse`] returns keeps every rule of this page, so whoever reads one need
//! not look again. Leaves to `plugins/host`: WebAssembly. Leaves to the data plane: data, clients, who may run what.
//!
//! ```text
//!   wasm ──▶ Compiler::compile ──▶ Module ──▶ instantiate ──▶ Instance::call(command, Host) ──▶ Host, outcome
//!                                    │ Manifest                               │   ▲
//!                                    ▼                                        ▼   │ arguments, data, time
//!                          commands in the cluster's table                 reply, effects
//! ```

pub mod interface;
mod manifest;
mod shape;

pub use interface::{Called, Compiler, Failure, Fault, Fetched, Host, Instance, LogLevel, Module, Piece, Unfit};
pub use manifest::{
    CALL_MILLIS_MAX, COMMAND_NAME_BYTES_MAX, COMMANDS_MAX, CommandManifest, Flag, KeyAccess, KeyManifest, Kind, Limits,
    MANIFEST_BYTES_MAX, MEMORY_BYTES_DEFAULT, MEMORY_BYTES_MAX, Manifest, ManifestError, NAME_BYTES_MAX,
    TEXT_BYTES_MAX,
};
pub use shape::{ReplyShape, ShapeError};

/// The interface of commands: the module that guests import from, and the function that they export. One major version;
/// a minor one only adds.
pub const COMMAND_INTERFACE: &str = "tenure_command_1_0";

/// The custom section of a module that holds its manifest, as JSON.
pub const MANIFEST_SECTION: &str = "tenure_manifest";

/// The largest module that is taken.
pub const MODULE_BYTES_MAX: usize = 4 << 20;
