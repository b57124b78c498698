//! Runs commands on a primary, and replays what they did on a replica: after each command both must hold the same.
//! Replies are shown as text, as `redis-cli` shows them to a terminal, nested with brackets.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "a test fails by panicking, and none uses all of it"
)]

use tenure_engine::command::Command;
use tenure_engine::eviction::Policy;
use tenure_engine::{
    CommandError, Entry, Image, ImageOptions, Mode, OwnedArgs, Position, Protocol, Random, Reply, ValueRef,
};
use tenure_types::WallTime;

/// The time at which every test begins.
pub const START_MILLIS: u64 = 1_700_000_000_000;

/// A primary with its replica.
pub struct Shard {
    pub primary: Image,
    pub replica: Image,
    pub now_millis: u64,
    pub random: Random,
    pub protocol: Protocol,
}

pub fn options() -> ImageOptions {
    ImageOptions {
        seed: 7,
        memory_bytes_max: None,
        policy: Policy::NoEviction,
    }
}

impl Shard {
    pub fn new() -> Self {
        Self::with(options())
    }

    pub fn with(options: ImageOptions) -> Self {
        Self {
            primary: Image::new(options),
            replica: Image::new(options),
            now_millis: START_MILLIS,
            random: Random::new(1),
            protocol: Protocol::Resp2,
        }
    }

    /// Runs a line of words; a word in double quotes may have blanks and the escapes `\n`, `\0`, `\\`, `\"`, `\xNN`.
    pub fn run(&mut self, line: &str) -> String {
        self.run_args(&words(line))
    }

    pub fn run_args(&mut self, words: &[Vec<u8>]) -> String {
        let args: OwnedArgs = words.iter().collect();
        let args = args.as_args();
        let Some(command) = find(words) else {
            return format!("(error) unknown command {:?}", String::from_utf8_lossy(&words[0]));
        };
        if !command.spec.arity.allows(args.len()) {
            return format!(
                "(error) ERR wrong number of arguments for '{}' command",
                command.spec.name
            );
        }
        self.primary
            .begin_turn(WallTime::from_unix_millis(self.now_millis), Mode::Primary);
        self.primary.forget_lookups();
        let mut reply = Shown::new(self.protocol);
        let mut call = tenure_engine::command::Call {
            args,
            image: &mut self.primary,
            random: &mut self.random,
            reply: &mut reply,
        };
        let outcome = (command.run)(&mut call);
        let effects = self.primary.take_effects();
        if let Err(error) = outcome {
            reply = Shown::new(self.protocol);
            reply.error(&error);
        }
        self.replica
            .replay(WallTime::from_unix_millis(self.now_millis), &effects)
            .unwrap();
        assert_eq!(dump(&self.primary), dump(&self.replica), "after {:?}", words);
        reply.finish()
    }

    /// Runs each line and compares what it answered.
    pub fn check(&mut self, script: &[(&str, &str)]) {
        for (line, expected) in script {
            assert_eq!(self.run(line), *expected, "{line}");
        }
    }

    pub fn pass(&mut self, millis: u64) {
        self.now_millis += millis;
    }
}

/// The command that these words name, subcommands first.
pub fn find(words: &[Vec<u8>]) -> Option<&'static Command> {
    let name = String::from_utf8_lossy(&words[0]).to_lowercase();
    let command = tenure_engine::commands::all().find(|command| command.spec.name == name)?;
    let second = words.get(1).map(|word| String::from_utf8_lossy(word).to_lowercase());
    let subcommand = second.and_then(|second| {
        let full = format!("{name}|{second}");
        command.subcommands.iter().find(|command| command.spec.name == full)
    });
    Some(subcommand.unwrap_or(command))
}

pub fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut bytes = line.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' => {}
            b'"' => {
                let mut word = Vec::new();
                while let Some(byte) = bytes.next().filter(|byte| *byte != b'"') {
                    let escaped = if byte == b'\\' { bytes.next().unwrap() } else { 0 };
                    word.push(match (byte, escaped) {
                        (b'\\', b'n') => b'\n',
                        (b'\\', b'0') => 0,
                        (b'\\', b'x') => {
                            let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                            u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                        }
                        (b'\\', other) => other,
                        (byte, _) => byte,
                    });
                }
                words.push(word);
            }
            first => {
                let mut word = vec![first];
                while let Some(byte) = bytes.next_if(|byte| *byte != b' ') {
                    word.push(byte);
                }
                words.push(word);
            }
        }
    }
    words
}

/// Everything an image holds, as text.
pub fn dump(image: &Image) -> Vec<String> {
    let mut all = Vec::new();
    let mut from = Some(Position::FIRST);
    while let Some(position) = from {
        from = image.keyspace().scan(position, 100, |entry| all.push(shown(entry)));
    }
    all.sort();
    all
}

fn shown(entry: &Entry) -> String {
    let value = match entry.value() {
        ValueRef::String(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
        ValueRef::Hash(hash) => {
            let mut fields: Vec<_> = hash
                .iter()
                .map(|(field, value)| (String::from_utf8_lossy(field), String::from_utf8_lossy(value)))
                .collect();
            fields.sort();
            format!("{fields:?}")
        }
        ValueRef::SortedSet(set) => {
            let elements = set.iter();
            let elements: Vec<_> = elements
                .map(|(score, member)| (score.get(), String::from_utf8_lossy(member)))
                .collect();
            format!("{} {elements:?}", set.encoding())
        }
    };
    format!(
        "{:?} = {value} until {:?}",
        String::from_utf8_lossy(entry.key()),
        entry.expires_at()
    )
}

/// A reply as text: `OK`, `(error) …`, `(integer) 1`, `"bytes"`, `(nil)`, `["a" "b"]`, `{"k" => "v"}`, `~["a"]`.
pub struct Shown {
    protocol: Protocol,
    done: String,
    open: Vec<Open>,
}

struct Open {
    left: usize,
    close: &'static str,
    map: bool,
    first: bool,
}

impl Shown {
    pub fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            done: String::new(),
            open: Vec::new(),
        }
    }

    pub fn finish(self) -> String {
        assert!(self.open.is_empty(), "replies are missing after {}", self.done);
        self.done
    }

    fn put(&mut self, text: &str) {
        self.before();
        self.done.push_str(text);
        self.after();
    }

    fn before(&mut self) {
        if let Some(open) = self.open.last_mut() {
            if !open.first {
                let separator = if open.map && open.left % 2 == 1 { " => " } else { " " };
                self.done.push_str(separator);
            }
            open.first = false;
        } else {
            assert!(self.done.is_empty(), "a second reply after {}", self.done);
        }
    }

    fn after(&mut self) {
        while let Some(open) = self.open.last_mut() {
            open.left -= 1;
            if open.left > 0 {
                return;
            }
            self.done.push_str(open.close);
            self.open.pop();
        }
    }

    fn begin(&mut self, text: &str, close: &'static str, left: usize, map: bool) {
        self.before();
        self.done.push_str(text);
        if left == 0 {
            self.done.push_str(close);
            self.after();
        } else {
            self.open.push(Open {
                left,
                close,
                map,
                first: true,
            });
        }
    }
}

impl Reply for Shown {
    fn protocol(&self) -> Protocol {
        self.protocol
    }
    fn simple(&mut self, text: &str) {
        self.put(text);
    }
    fn error(&mut self, error: &CommandError) {
        self.put(&format!("(error) {error}"));
    }
    fn integer(&mut self, number: i64) {
        self.put(&format!("(integer) {number}"));
    }
    fn bulk(&mut self, bytes: &[u8]) {
        self.put(&format!("\"{}\"", bytes.escape_ascii()));
    }
    fn null(&mut self) {
        self.put("(nil)");
    }
    fn null_array(&mut self) {
        self.put("(nil array)");
    }
    fn array(&mut self, replies: usize) {
        self.begin("[", "]", replies, false);
    }
    fn map(&mut self, pairs: usize) {
        match self.protocol {
            Protocol::Resp2 => self.begin("[", "]", pairs * 2, false),
            Protocol::Resp3 => self.begin("{", "}", pairs * 2, true),
        }
    }
    fn set(&mut self, replies: usize) {
        let (open, close) = match self.protocol {
            Protocol::Resp2 => ("[", "]"),
            Protocol::Resp3 => ("~[", "]"),
        };
        self.begin(open, close, replies, false);
    }
    fn double(&mut self, number: f64) {
        self.put(&format!("(double) {number}"));
    }
    fn boolean(&mut self, yes: bool) {
        self.put(&format!("({yes})"));
    }
    fn verbatim(&mut self, _format: &str, text: &str) {
        self.put(text);
    }
}
