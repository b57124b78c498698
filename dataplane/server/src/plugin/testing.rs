//! Plugins that are functions of the tests, and a compiler that makes them of a manifest.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use sha2::{Digest, Sha256};
use tenure_plugin_abi::{
    Called, Compiler, Failure, Fault, Fetched, Host, Instance, LogLevel, Manifest, Module, Piece, Unfit,
};

use crate::layout::PluginLayout;

/// A plugin whose commands do what their names say.
#[derive(Debug)]
pub(crate) struct Double {
    manifest: Manifest,
    wasm: Vec<u8>,
    /// Instances that are alive.
    instances: Arc<AtomicUsize>,
    /// Whether there can be no more.
    is_full: AtomicBool,
}

/// What stands for a module's bytes: its manifest.
pub(crate) fn wasm(name: &str, version: &str) -> Vec<u8> {
    let command = |word: &str, arity: i32, flags: &str, keys: &str| {
        let upper = name.to_uppercase();
        format!(r#"{{"name":"{upper}.{word}","arity":{arity},"flags":[{flags}],"keys":[{keys}],"summary":"A test."}}"#)
    };
    let (one, all) = (r#"{"begin":1,"access":"RW"}"#, r#"{"begin":1,"last":-1,"access":"RW"}"#);
    let commands = [
        command("NOOP", 1, r#""readonly","fast""#, ""),
        command("READ", 2, r#""readonly","fast""#, r#"{"begin":1,"access":"RO"}"#),
        command("PEEP", -2, r#""readonly""#, r#"{"begin":1,"access":"RO"}"#),
        command("PUT", 3, r#""write","denyoom""#, one),
        command("PUTALL", -3, r#""write""#, r#"{"begin":1,"last":-2,"access":"OW"}"#),
        command("TRAP", 3, r#""write""#, one),
        command("REFUSE", 3, r#""write""#, one),
        command("RUN", -3, r#""write""#, one),
        command("FLOOD", 2, r#""write""#, one),
        command("PANIC", 2, r#""write""#, one),
        command("DELALL", -2, r#""write""#, all),
        command("ROLL", 1, r#""readonly""#, ""),
    ];
    let commands = commands.join(",");
    format!(r#"{{"name":"{name}","version":"{version}","kind":"command","commands":[{commands}]}}"#).into_bytes()
}

impl Double {
    pub(crate) fn new(name: &str, version: &str) -> Arc<Self> {
        Self::of(&wasm(name, version)).unwrap()
    }

    fn of(wasm: &[u8]) -> Result<Arc<Self>, Unfit> {
        Ok(Arc::new(Self {
            manifest: Manifest::parse(wasm)?,
            wasm: wasm.to_vec(),
            instances: Arc::default(),
            is_full: AtomicBool::new(false),
        }))
    }

    /// As it is attached.
    pub(crate) fn layout(self: &Arc<Self>) -> PluginLayout {
        PluginLayout {
            name: self.manifest.name.clone(),
            version: self.manifest.version.clone(),
            sha256: Sha256::digest(&self.wasm).into(),
            module: Some(Arc::clone(self) as Arc<dyn Module>),
        }
    }

    pub(crate) fn instances(&self) -> usize {
        self.instances.load(Ordering::SeqCst)
    }

    pub(crate) fn fill(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::SeqCst);
    }
}

impl Module for Double {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn instantiate(&self) -> Result<Box<dyn Instance>, Fault> {
        if self.is_full.load(Ordering::SeqCst) {
            return Err(Fault::NoRoom);
        }
        self.instances.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Alive {
            words: self
                .manifest
                .commands
                .iter()
                .map(|command| word(&command.name))
                .collect(),
            version: self.manifest.version.clone(),
            instances: Arc::clone(&self.instances),
            calls: 0,
        }))
    }
}

fn word(name: &str) -> String {
    name.split('.').nth(1).unwrap().to_owned()
}

struct Alive {
    words: Vec<String>,
    version: String,
    instances: Arc<AtomicUsize>,
    calls: usize,
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.instances.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Instance for Alive {
    fn call(&mut self, command: usize, mut host: Box<dyn Host>) -> (Box<dyn Host>, Result<(), Failure>) {
        self.calls += 1;
        let outcome = self.act(&self.words[command].clone(), &mut *host);
        (host, outcome)
    }

    fn memory_bytes(&self) -> usize {
        65_536 + self.calls
    }
}

impl Alive {
    fn act(&self, word: &str, host: &mut dyn Host) -> Result<(), Failure> {
        let args: Vec<Vec<u8>> = (0..host.arguments())
            .map(|at| host.argument(at).unwrap().to_vec())
            .collect();
        let trap = || Fault::Trap {
            trap: "unreachable".to_owned(),
        };
        match word {
            "NOOP" => host.reply(Piece::Simple(&self.version)),
            "READ" => read(host, &args[1]),
            "PEEP" => run(host, &args[2..]),
            "PUT" => {
                put(host, &args[1], &args[2])?;
                host.reply(Piece::Simple("OK"));
            }
            "PUTALL" => {
                let (value, keys) = args[1..].split_last().unwrap();
                keys.iter().try_for_each(|key| put(host, key, value))?;
                host.reply(Piece::Integer(i64::try_from(keys.len()).unwrap()));
            }
            "TRAP" => {
                host.reply(Piece::Array(2));
                put(host, &args[1], &args[2])?;
                call(host, &[b"APPEND", &args[1], b"!"])?;
                call(host, &[b"PEXPIRE", &args[1], b"100000"])?;
                return Err(trap().into());
            }
            "REFUSE" => {
                put(host, &args[1], &args[2])?;
                let message = "LIMIT you had enough".to_owned();
                return Err(Failure::Refused { message });
            }
            "RUN" => run(host, &args[2..]),
            "FLOOD" => {
                let large = vec![b'x'; 1 << 20];
                for _ in 0..20 {
                    let _ = host.set(&args[1], &large, None, &mut Vec::new());
                }
                host.reply(Piece::Simple("never mind"));
            }
            "PANIC" => panic!("a defect of the runtime"),
            "DELALL" => {
                let words: Vec<&[u8]> = [&b"DEL"[..]]
                    .into_iter()
                    .chain(args[1..].iter().map(Vec::as_slice))
                    .collect();
                call(host, &words)?;
                host.reply(Piece::Simple("OK"));
            }
            "ROLL" => {
                let (one, two) = (host.random(), host.random());
                host.log(LogLevel::Info, "rolled");
                assert_ne!(one, two);
                host.reply(Piece::Integer(i64::from_ne_bytes(one.to_ne_bytes())));
            }
            other => panic!("no command {other}"),
        }
        Ok(())
    }
}

fn refused(message: &[u8]) -> Failure {
    let message = String::from_utf8_lossy(message)
        .trim_start_matches('-')
        .trim_end()
        .to_owned();
    Failure::Refused { message }
}

fn put(host: &mut dyn Host, key: &[u8], value: &[u8]) -> Result<(), Failure> {
    let mut error = Vec::new();
    match host.set(key, value, None, &mut error) {
        Called::Done => Ok(()),
        Called::Error => Err(refused(&error)),
    }
}

fn call(host: &mut dyn Host, words: &[&[u8]]) -> Result<Vec<u8>, Failure> {
    let mut reply = Vec::new();
    match host.call(words, &mut reply) {
        Called::Done => Ok(reply),
        Called::Error => Err(refused(&reply)),
    }
}

fn read(host: &mut dyn Host, key: &[u8]) {
    let mut value = Vec::new();
    match host.get(key, &mut value) {
        Fetched::Found => host.reply(Piece::Bulk(&value)),
        Fetched::Missing => host.reply(Piece::Null),
        Fetched::Error => host.reply(Piece::Error(&String::from_utf8_lossy(&value))),
    }
}

/// Answers what the native command answered, as bytes.
fn run(host: &mut dyn Host, words: &[Vec<u8>]) {
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let mut reply = Vec::new();
    let _ = host.call(&words, &mut reply);
    host.reply(Piece::Bulk(&reply));
}

/// Makes doubles of what [`wasm`] made.
#[derive(Debug, Default)]
pub(crate) struct DoubleCompiler {
    pub(crate) compiled: AtomicUsize,
    /// While it is held, nothing comes of any.
    pub(crate) busy: tokio::sync::Mutex<()>,
}

impl Compiler for DoubleCompiler {
    fn compile(&self, wasm: &[u8]) -> Result<Arc<dyn Module>, Unfit> {
        drop(self.busy.blocking_lock());
        self.compiled.fetch_add(1, Ordering::SeqCst);
        Ok(Double::of(wasm)?)
    }
}
