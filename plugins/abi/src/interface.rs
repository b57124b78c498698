//! What passes between a node and a plugin that it runs. The data plane sees these traits and no WebAssembly.
//! Promises: a call owns its [`Host`] and gives it back, whatever becomes of the guest. A guest that fails is told apart
//! from one that refuses: the first is a fault of the plugin, the second is an answer.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::{Manifest, ManifestError, ShapeError};

/// Makes modules of what tenants pushed.
pub trait Compiler: Send + Sync + fmt::Debug {
    /// Validates and compiles. Heavy: not for a thread that serves clients.
    fn compile(&self, wasm: &[u8]) -> Result<Arc<dyn Module>, Unfit>;
}

/// A compiled plugin, shared by all who run it.
pub trait Module: Send + Sync + fmt::Debug {
    /// What it says of itself.
    fn manifest(&self) -> &Manifest;
    /// A fresh instance, with memory of its own. Costs microseconds.
    fn instantiate(&self) -> Result<Box<dyn Instance>, Fault>;
}

/// A running plugin. It belongs to one thread. What its memory holds stays from call to call.
pub trait Instance {
    /// Runs the command of this number in the manifest, to its end. After a [`Failure::Fault`] the instance is dropped:
    /// its memory may be half-way.
    fn call(&mut self, command: usize, host: Box<dyn Host>) -> (Box<dyn Host>, Result<(), Failure>);
    /// Bytes of its memory now.
    fn memory_bytes(&self) -> usize;
}

/// What a guest may ask for during one call.
pub trait Host: 'static {
    /// How many arguments, the command's name included.
    fn arguments(&self) -> usize;
    /// One of them.
    fn argument(&self, index: usize) -> Option<&[u8]>;
    /// Runs a native command on keys that the call declared. Its reply is added to `reply` as RESP3, an error too.
    fn call(&mut self, args: &[&[u8]], reply: &mut Vec<u8>) -> Called;
    /// The string at a key that the call declared, added to `value`; or why not.
    fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> Fetched;
    /// Sets a string at a key that the call declared; `expires_at` in milliseconds since 1970. Why not is added to `error`.
    fn set(&mut self, key: &[u8], value: &[u8], expires_at: Option<u64>, error: &mut Vec<u8>) -> Called;
    /// Adds to the reply of the command. The caller holds it against a [`crate::ReplyShape`].
    fn reply(&mut self, piece: Piece<'_>);
    /// Milliseconds since 1970. The same throughout a call.
    fn now_millis(&self) -> u64;
    /// The next of a series that is drawn anew for every call.
    fn random(&mut self) -> u64;
    /// A line for whoever watches the plugin.
    fn log(&mut self, level: LogLevel, text: &str);
    /// To get it back as what it was.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

/// What became of a native command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called {
    /// It ran.
    Done,
    /// It answered an error, and changed nothing.
    Error,
}

/// What became of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// Here it is.
    Found,
    /// There is none.
    Missing,
    /// It could not be read; the text says why.
    Error,
}

/// A piece of a reply. A header is followed by as many whole replies as it says.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "they are the types of RESP3")]
pub enum Piece<'a> {
    Simple(&'a str),
    /// An error within a reply. A command that fails as a whole says so by its return instead.
    Error(&'a str),
    Integer(i64),
    Bulk(&'a [u8]),
    Null,
    Array(usize),
    Map(usize),
    Set(usize),
    Double(f64),
    Boolean(bool),
    Verbatim {
        format: &'a str,
        text: &'a str,
    },
}

/// How loud a line of a guest's log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are what logs have everywhere")]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// Why a call has no reply. Whatever it is, the caller undoes what the call wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The guest refused: this is what its client reads, a code and a sentence.
    #[error("{message}")]
    Refused {
        /// Without line ends.
        message: String,
    },
    /// The guest broke.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// How a guest broke. Its instance is gone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It ran for too long.
    #[error("ran for longer than its {limit_millis} ms")]
    TimeOut {
        /// Milliseconds of processor time.
        limit_millis: u32,
    },
    /// It did what WebAssembly forbids, such as a read outside of its memory.
    #[error("trapped: {trap}")]
    Trap {
        /// As the runtime names it.
        trap: String,
    },
    /// It called too deep.
    #[error("used up its stack")]
    StackOverflow,
    /// It needs more memory than its limit.
    #[error("needs more than its {limit_bytes} bytes of memory")]
    Memory {
        /// The limit.
        limit_bytes: u64,
    },
    /// It gave its host places that are not in its memory, or numbers that mean nothing.
    #[error("called {function} with arguments that make no sense")]
    Misuse {
        /// The function of the interface.
        function: &'static str,
    },
    /// It did not build one whole reply.
    #[error("its reply is not whole: {0}")]
    Reply(#[from] ShapeError),
    /// It asked for more than a call may: host calls, bytes.
    #[error("asked for more {what} than a call may, {max}")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How much is allowed.
        max: usize,
    },
    /// The node has no room for another instance.
    #[error("this node has no room for another instance of a plugin")]
    NoRoom,
}

impl Fault {
    /// For a label of a metric.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TimeOut { .. } => "timeout",
            Self::Trap { .. } => "trap",
            Self::StackOverflow => "stack",
            Self::Memory { .. } => "memory",
            Self::Misuse { .. } => "misuse",
            Self::Reply(_) => "reply",
            Self::TooMuch { .. } => "too-much",
            Self::NoRoom => "no-room",
        }
    }
}

/// Why a module is not taken. A sentence for its author.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Its manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// It has none.
    #[error("the module has no custom section {}", crate::MANIFEST_SECTION)]
    NoManifest,
    /// It is larger than is taken.
    #[error("the module has {bytes} bytes, and at most {max} are taken")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// It is no valid WebAssembly, or uses what is not offered.
    #[error("the module is not valid here: {reason}")]
    Invalid {
        /// As the runtime says it.
        reason: String,
    },
    /// It imports what is not offered.
    #[error("the module imports {module}.{name}, which is not offered: {offered}")]
    UnknownImport {
        /// From where.
        module: String,
        /// What.
        name: String,
        /// What is offered.
        offered: String,
    },
    /// It lacks an export, or has one of another type.
    #[error("the module must export {name} as {expected}")]
    Export {
        /// Its name.
        name: String,
        /// Its type.
        expected: String,
    },
    /// It asks for more than its limits at its start.
    #[error("the module wants {what} of {wants}, and {max} is the most")]
    OverLimit {
        /// Of what.
        what: String,
        /// How much.
        wants: u64,
        /// The most.
        max: u64,
    },
    /// It does not start.
    #[error("the module does not start: it {fault}")]
    DoesNotStart {
        /// What happened.
        fault: Fault,
    },
}
