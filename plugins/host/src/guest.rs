//! What the host keeps about one running guest: whom it asks, what was said, what was spent.
//! Promises: what a guest asks for in one call, and what is held for it, is bounded. Between calls nothing of a call is left.

use std::any::Any;
use std::sync::Arc;

use tenure_plugin_abi::{Called, Failure, Fault, Fetched, Host, LogLevel, Manifest, Piece, ReplyShape};
use wasmtime::Memory;

use crate::clock::Clock;
use crate::refusal;
use crate::room::Room;

/// Functions of its host that a guest may call in one call.
pub const HOST_CALLS_MAX: usize = 100_000;

/// Bytes that may pass between a guest and its host in one call: arguments of native commands, what they answered, values,
/// and the reply.
pub const CALL_BYTES_MAX: usize = 8 << 20;

/// Lines of one call's log that are kept. More are not; that is no fault.
pub const LOG_LINES_MAX: usize = 16;

/// Bytes of a line of the log that are kept.
pub const LOG_LINE_BYTES_MAX: usize = 256;

/// What a piece of a reply costs beside its bytes.
const PIECE_BYTES: usize = 16;

/// A buffer that grew larger than this is given back after the call.
const KEPT_BYTES_MAX: usize = 64 << 10;

pub(crate) struct Guest {
    pub(crate) name: Arc<str>,
    /// Known once the guest is instantiated.
    pub(crate) memory: Option<Memory>,
    pub(crate) host: Box<dyn Host>,
    /// What the newest `call`, `get` or `set` answered.
    pub(crate) result: Vec<u8>,
    pub(crate) room: Room,
    pub(crate) clock: Clock,
    shape: ReplyShape,
    refusal: Option<String>,
    spent: Spent,
}

#[derive(Default)]
struct Spent {
    host_calls: usize,
    bytes: usize,
    log_lines: usize,
}

impl Guest {
    /// Before its first call: it has memory and time for its start, and nobody to ask.
    pub(crate) fn new(name: Arc<str>, manifest: &Manifest, start_millis: u32) -> Self {
        Self {
            name,
            memory: None,
            host: Box::new(Nobody),
            result: Vec::new(),
            room: Room::new(manifest.limits.memory_bytes),
            clock: Clock::new(start_millis),
            shape: ReplyShape::default(),
            refusal: None,
            spent: Spent::default(),
        }
    }

    pub(crate) fn begin(&mut self, host: Box<dyn Host>, limit_millis: u32) {
        self.host = host;
        self.room.restart();
        self.clock.restart(limit_millis);
        self.shape.clear();
        self.refusal = None;
        self.spent = Spent::default();
        self.result.clear();
    }

    /// Gives the host back.
    pub(crate) fn end(&mut self) -> Box<dyn Host> {
        self.result.clear();
        self.result.shrink_to(KEPT_BYTES_MAX);
        std::mem::replace(&mut self.host, Box::new(Nobody))
    }

    /// What a guest that returned has said. Anything but 0 is a refusal.
    pub(crate) fn outcome(&mut self, returned: i32) -> Result<(), Failure> {
        if returned == 0 {
            return Ok(self.shape.finish().map_err(Fault::from)?);
        }
        let refusal = self.refusal.take();
        let message = refusal.unwrap_or_else(|| format!("ERR plugin {} refused the command", self.name));
        Err(Failure::Refused { message })
    }

    pub(crate) fn refuse(&mut self, text: &[u8]) {
        self.refusal = refusal::message(text);
    }

    /// Adds to the reply.
    pub(crate) fn reply(&mut self, piece: Piece<'_>) -> Result<(), Fault> {
        let bytes = match piece {
            Piece::Simple(text) | Piece::Error(text) => text.len(),
            Piece::Bulk(bytes) => bytes.len(),
            Piece::Verbatim { format, text } => format.len() + text.len(),
            Piece::Integer(_)
            | Piece::Null
            | Piece::Array(_)
            | Piece::Map(_)
            | Piece::Set(_)
            | Piece::Double(_)
            | Piece::Boolean(_) => 0,
        };
        self.spend_bytes(bytes.saturating_add(PIECE_BYTES))?;
        self.shape.add(&piece)?;
        self.host.reply(piece);
        Ok(())
    }

    /// A line of the log, if there is room for one more.
    pub(crate) fn log(&mut self, level: LogLevel, text: &[u8]) {
        if self.spent.log_lines == LOG_LINES_MAX {
            return;
        }
        self.spent.log_lines += 1;
        let line = refusal::line(text, LOG_LINE_BYTES_MAX);
        self.host.log(level, &line);
    }

    pub(crate) fn spend_host_call(&mut self) -> Result<(), Fault> {
        if self.spent.host_calls == HOST_CALLS_MAX {
            return Err(Fault::TooMuch {
                what: "calls of its host",
                max: HOST_CALLS_MAX,
            });
        }
        self.spent.host_calls += 1;
        Ok(())
    }

    pub(crate) fn spend_bytes(&mut self, bytes: usize) -> Result<(), Fault> {
        self.spent.bytes = self.spent.bytes.saturating_add(bytes);
        if self.spent.bytes > CALL_BYTES_MAX {
            return Err(Fault::TooMuch {
                what: "bytes from and to its host",
                max: CALL_BYTES_MAX,
            });
        }
        Ok(())
    }
}

/// Whom a guest asks outside of a call, as it does in its start: there is no data, no time and no chance.
struct Nobody;

impl Host for Nobody {
    fn arguments(&self) -> usize {
        0
    }

    fn argument(&self, _index: usize) -> Option<&[u8]> {
        None
    }

    fn call(&mut self, _args: &[&[u8]], reply: &mut Vec<u8>) -> Called {
        reply.extend_from_slice(b"-ERR there is no data outside of a command\r\n");
        Called::Error
    }

    fn get(&mut self, _key: &[u8], value: &mut Vec<u8>) -> Fetched {
        value.extend_from_slice(b"ERR there is no data outside of a command");
        Fetched::Error
    }

    fn set(&mut self, _key: &[u8], _value: &[u8], _expires_at: Option<u64>, error: &mut Vec<u8>) -> Called {
        error.extend_from_slice(b"ERR there is no data outside of a command");
        Called::Error
    }

    fn reply(&mut self, _piece: Piece<'_>) {}

    fn now_millis(&self) -> u64 {
        0
    }

    /// The same at every start, so that two instances begin alike.
    fn random(&mut self) -> u64 {
        0x9e37_79b9_7f4a_7c15
    }

    fn log(&mut self, _level: LogLevel, _text: &str) {}

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
