//! One call of a plugin: the data, the arguments and the output that it works on, for as long as it lasts.
//! Promises: the guest reads and changes keys that its request declares and no others, by native commands only; what it may
//! write, overwrite and be answered is bounded, and past a bound the whole call fails, whatever the guest makes of that.

use std::any::Any;
use std::rc::{Rc, Weak};

use bytes::BytesMut;
use tenure_engine::command::{Call, Command, Flags};
use tenure_engine::eviction::Policy;
use tenure_engine::{Args, CommandError, Effect, Image, ImageOptions, OwnedArgs, Protocol, Random};
use tenure_plugin_abi::{Called, Fetched, Host, LogLevel, Piece};
use tenure_types::{BootTime, WallTime};

use super::{Natives, PluginError, Running};
use crate::layout::REQUEST_BYTES_MAX;
use crate::output::Writer;

/// Bytes of effects that one call may write: as much as the largest request, so a record always fits an append.
pub(crate) const EFFECTS_BYTES_MAX: usize = REQUEST_BYTES_MAX;

/// Bytes of small values that one call may overwrite: they are copied, to be brought back if it fails.
const OVERWRITTEN_BYTES_MAX: usize = 32 << 20;

/// Bytes that a native command may answer to a guest: no guest has more memory.
#[allow(clippy::cast_possible_truncation, reason = "it is 16 MiB")]
const ANSWER_BYTES_MAX: usize = tenure_plugin_abi::MEMORY_BYTES_MAX as usize;

/// What an effect takes beside what it says, at most.
const EFFECT_BYTES: usize = 64;

/// Buffers larger than this are not kept for the next call.
const KEPT_BYTES: usize = 64 << 10;

/// Bytes of a key that an error repeats.
const SHOWN_BYTES_MAX: usize = 64;

/// See the top of the file. Between calls it keeps buffers, and no data.
pub(crate) struct CallHost {
    /// The shard's data.
    image: Image,
    /// Where the reply goes.
    output: BytesMut,
    plugin: Weak<Running>,
    natives: Rc<Natives>,
    args: OwnedArgs,
    /// The places of the declared keys among the arguments, in the order of the keys.
    keys: Vec<usize>,
    terms: Terms,
    random: Random,
    /// Of a native command.
    native_args: OwnedArgs,
    answer: BytesMut,
    /// Why the call fails, whatever the guest says.
    broken: Option<PluginError>,
}

/// Under which a call runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) protocol: Protocol,
    pub(crate) output_bytes_max: usize,
    pub(crate) seed: u64,
    pub(crate) now: BootTime,
    /// What the command's spec says.
    pub(crate) flags: Flags,
    /// How many bytes of effects there may be in all.
    pub(crate) effects_bytes_max: usize,
}

impl CallHost {
    pub(super) fn new(plugin: &Rc<Running>, natives: &Rc<Natives>) -> Self {
        let nothing = ImageOptions {
            seed: 0,
            memory_bytes_max: None,
            policy: Policy::NoEviction,
        };
        Self {
            image: Image::new(nothing),
            output: BytesMut::new(),
            plugin: Rc::downgrade(plugin),
            natives: Rc::clone(natives),
            args: OwnedArgs::default(),
            keys: Vec::new(),
            terms: Terms {
                protocol: Protocol::Resp2,
                output_bytes_max: 0,
                seed: 0,
                now: BootTime::from_nanos(0),
                flags: Flags::NONE,
                effects_bytes_max: 0,
            },
            random: Random::new(0),
            native_args: OwnedArgs::default(),
            answer: BytesMut::new(),
            broken: None,
        }
    }

    /// Before a call. What is swapped is nobody's until [`CallHost::end`].
    pub(crate) fn begin(&mut self, args: Args<'_>, keys: &[usize], terms: Terms) {
        self.args.clear();
        args.iter().for_each(|arg| self.args.push(arg));
        self.keys.clear();
        self.keys.extend_from_slice(keys);
        if keys.len() > 1 {
            self.keys.sort_by_key(|place| args.get(*place));
        }
        self.random = Random::new(terms.seed);
        self.terms = terms;
        self.broken = None;
    }

    /// Exchanges the data and the output with those of the turn: before the call, and after it.
    pub(crate) fn swap(&mut self, image: &mut Image, output: &mut BytesMut) {
        std::mem::swap(&mut self.image, image);
        std::mem::swap(&mut self.output, output);
    }

    /// After a call: why it fails, whatever the guest said. Large buffers are given back.
    pub(crate) fn end(&mut self) -> Option<PluginError> {
        let kept = self.args.as_args().bytes() <= KEPT_BYTES && self.native_args.as_args().bytes() <= KEPT_BYTES;
        if !kept || self.answer.capacity() > KEPT_BYTES {
            self.args = OwnedArgs::default();
            self.native_args = OwnedArgs::default();
            self.answer = BytesMut::new();
        }
        self.broken.take()
    }

    fn name(&self) -> String {
        self.plugin.upgrade().map(|plugin| plugin.name()).unwrap_or_default()
    }

    fn is_declared(&self, key: &[u8]) -> bool {
        let args = self.args.as_args();
        match self.keys.as_slice() {
            [] => false,
            [only] => args.get(*only) == Some(key),
            keys => keys.binary_search_by(|place| args.get(*place).cmp(&Some(key))).is_ok(),
        }
    }

    /// Whether a native command may run.
    fn admit(&self, command: &Command, args: Args<'_>) -> Result<(), Denied> {
        let spec = &command.spec;
        if !spec.arity.allows(args.len()) {
            let command = spec.name.to_owned();
            return Err(CommandError::WrongArity { command }.into());
        }
        let writes = spec.flags.has(Flags::WRITE);
        if writes && !self.terms.flags.has(Flags::WRITE) {
            return Err(Denied::ReadOnly { name: self.name() });
        }
        for place in spec.key_places(args).ok_or(CommandError::Syntax)? {
            self.admit_key(&args[place])?;
        }
        if spec.flags.has(Flags::DENYOOM) {
            self.admit_memory()?;
        }
        Ok(())
    }

    fn admit_key(&self, key: &[u8]) -> Result<(), Denied> {
        if self.is_declared(key) {
            return Ok(());
        }
        let shown = key.get(..SHOWN_BYTES_MAX).unwrap_or(key);
        Err(Denied::Undeclared {
            name: self.name(),
            key: String::from_utf8_lossy(shown).into_owned(),
        })
    }

    /// One that says that it needs memory was admitted with that; what it needs beyond, one command more or less, is borne.
    fn admit_memory(&self) -> Result<(), Denied> {
        if !self.terms.flags.has(Flags::DENYOOM) && self.image.is_over_limit() {
            return Err(CommandError::OutOfMemory.into());
        }
        Ok(())
    }

    /// Whether so many bytes more may be written.
    fn admit_bytes(&mut self, bytes: usize) -> Result<(), Denied> {
        let sum = self
            .image
            .effects_bytes()
            .saturating_add(bytes)
            .saturating_add(EFFECT_BYTES);
        if sum > self.terms.effects_bytes_max {
            return Err(self.break_with(PluginError::WritesTooMuch {
                name: self.name(),
                bytes_max: EFFECTS_BYTES_MAX,
            }));
        }
        Ok(())
    }

    /// After something was written.
    fn check_written(&mut self) -> Result<(), Denied> {
        if self.image.undo_bytes() > OVERWRITTEN_BYTES_MAX {
            return Err(self.break_with(PluginError::OverwritesTooMuch {
                name: self.name(),
                bytes_max: OVERWRITTEN_BYTES_MAX,
            }));
        }
        self.admit_bytes(0)
    }

    /// From now on the call fails.
    fn break_with(&mut self, error: PluginError) -> Denied {
        self.broken.get_or_insert(error);
        Denied::Broken
    }

    fn run_native(&mut self, words: &[&[u8]]) -> Result<(), Denied> {
        self.answer.clear();
        if self.broken.is_some() {
            return Err(Denied::Broken);
        }
        let command = self
            .natives
            .find(words)
            .ok_or_else(|| Denied::NoSuchCommand { name: self.name() })?;
        let mut args = std::mem::take(&mut self.native_args);
        args.clear();
        words.iter().for_each(|word| args.push(word));
        let outcome = self.run_admitted(command, args.as_args());
        self.native_args = args;
        outcome
    }

    fn run_admitted(&mut self, command: &Command, args: Args<'_>) -> Result<(), Denied> {
        self.admit(command, args)?;
        let writes = command.spec.flags.has(Flags::WRITE);
        if writes {
            // What it is told, and the names of its keys once more.
            self.admit_bytes(args.bytes().saturating_mul(2))?;
        }
        let mut reply = Writer::new(&mut self.answer, Protocol::Resp3, ANSWER_BYTES_MAX);
        (command.run)(&mut Call {
            args,
            image: &mut self.image,
            random: &mut self.random,
            reply: &mut reply,
        })?;
        if self.answer.len() > ANSWER_BYTES_MAX {
            return Err(self.break_with(PluginError::AnswersTooMuch {
                name: self.name(),
                bytes_max: ANSWER_BYTES_MAX,
            }));
        }
        if writes { self.check_written() } else { Ok(()) }
    }

    fn read_string(&mut self, key: &[u8], value: &mut Vec<u8>) -> Result<bool, Denied> {
        if self.broken.is_some() {
            return Err(Denied::Broken);
        }
        self.admit_key(key)?;
        match self.image.string(key)? {
            None => Ok(false),
            Some(bytes) if bytes.len() <= ANSWER_BYTES_MAX => {
                value.extend_from_slice(bytes);
                Ok(true)
            }
            Some(_) => Err(self.break_with(PluginError::AnswersTooMuch {
                name: self.name(),
                bytes_max: ANSWER_BYTES_MAX,
            })),
        }
    }

    fn write_string(&mut self, key: &[u8], value: &[u8], expires_at: Option<u64>) -> Result<(), Denied> {
        if self.broken.is_some() {
            return Err(Denied::Broken);
        }
        if !self.terms.flags.has(Flags::WRITE) {
            return Err(Denied::ReadOnly { name: self.name() });
        }
        self.admit_key(key)?;
        self.admit_memory()?;
        self.admit_bytes(key.len().saturating_add(value.len()))?;
        let expires_at = expires_at.map(WallTime::from_unix_millis);
        if expires_at.is_none_or(|at| at > self.image.now()) {
            self.image.write(Effect::Set { key, value, expires_at });
        } else if self.image.peek(key)?.is_some() {
            // It is over as soon as it is there.
            self.image.write(Effect::Remove { key });
        }
        self.check_written()
    }
}

/// Why a native command did not run for a guest, as it reads it.
#[derive(Debug, thiserror::Error)]
enum Denied {
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error("ERR plugin {name}: there is no such command, or it is not for plugins")]
    NoSuchCommand { name: String },
    #[error("ERR plugin {name}: key {key:?} is not among the keys of the command")]
    Undeclared { name: String, key: String },
    #[error("ERR plugin {name}: a command that only reads may not write")]
    ReadOnly { name: String },
    /// The call has failed already, or does now.
    #[error("ERR the call went past what a plugin may do, and fails")]
    Broken,
}

impl Host for CallHost {
    fn arguments(&self) -> usize {
        self.args.as_args().len()
    }

    fn argument(&self, index: usize) -> Option<&[u8]> {
        self.args.as_args().get(index)
    }

    fn call(&mut self, args: &[&[u8]], reply: &mut Vec<u8>) -> Called {
        match self.run_native(args) {
            Ok(()) => {
                reply.extend_from_slice(&self.answer);
                Called::Done
            }
            Err(denied) => {
                let mut line = BytesMut::new();
                crate::session::write_error_line(&mut line, denied.to_string().as_bytes());
                reply.extend_from_slice(&line);
                Called::Error
            }
        }
    }

    fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> Fetched {
        match self.read_string(key, value) {
            Ok(true) => Fetched::Found,
            Ok(false) => Fetched::Missing,
            Err(denied) => {
                value.extend_from_slice(denied.to_string().as_bytes());
                Fetched::Error
            }
        }
    }

    fn set(&mut self, key: &[u8], value: &[u8], expires_at: Option<u64>, error: &mut Vec<u8>) -> Called {
        match self.write_string(key, value, expires_at) {
            Ok(()) => Called::Done,
            Err(denied) => {
                error.extend_from_slice(denied.to_string().as_bytes());
                Called::Error
            }
        }
    }

    fn reply(&mut self, piece: Piece<'_>) {
        let mut reply = Writer::new(&mut self.output, self.terms.protocol, self.terms.output_bytes_max);
        reply.piece(piece);
    }

    fn now_millis(&self) -> u64 {
        self.image.now().as_unix_millis()
    }

    fn random(&mut self) -> u64 {
        self.random.next()
    }

    fn log(&mut self, level: LogLevel, text: &str) {
        if let Some(plugin) = self.plugin.upgrade() {
            plugin.lines.log(&plugin.attached, self.terms.now, level, text);
        }
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
