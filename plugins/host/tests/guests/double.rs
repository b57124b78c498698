//! A double of the data plane, and the shortest way to a module and an instance.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use tenure_plugin_abi::{Called, Compiler, Failure, Fault, Fetched, Host, Instance, LogLevel, Module, Piece, Unfit};
use tenure_plugin_host::{Options, PluginHost};

/// What a guest did, and what it may read.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Double {
    pub(crate) args: Vec<Vec<u8>>,
    pub(crate) data: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) now_millis: u64,
    pub(crate) random: u64,
    /// Native commands that ran.
    pub(crate) called: Vec<Vec<Vec<u8>>>,
    /// What the next native command answers.
    pub(crate) answer: Vec<u8>,
    pub(crate) set: Vec<(Vec<u8>, Vec<u8>, Option<u64>)>,
    pub(crate) reply: Vec<String>,
    pub(crate) logged: Vec<(LogLevel, String)>,
}

impl Double {
    pub(crate) fn with<const N: usize>(args: [&str; N]) -> Self {
        Self {
            args: args.iter().map(|arg| arg.as_bytes().to_vec()).collect(),
            now_millis: 1_700_000_000_000,
            random: 7,
            ..Self::default()
        }
    }

    pub(crate) fn holding(mut self, key: &str, value: &str) -> Self {
        self.data.insert(key.into(), value.into());
        self
    }

    pub(crate) fn answering(mut self, answer: &str) -> Self {
        self.answer = answer.into();
        self
    }
}

impl Host for Double {
    fn arguments(&self) -> usize {
        self.args.len()
    }

    fn argument(&self, index: usize) -> Option<&[u8]> {
        self.args.get(index).map(Vec::as_slice)
    }

    fn call(&mut self, args: &[&[u8]], reply: &mut Vec<u8>) -> Called {
        self.called.push(args.iter().map(|arg| arg.to_vec()).collect());
        reply.extend_from_slice(&self.answer);
        match self.answer.first() {
            Some(b'-') => Called::Error,
            _ => Called::Done,
        }
    }

    /// Keys that begin with `!` cannot be read.
    fn get(&mut self, key: &[u8], value: &mut Vec<u8>) -> Fetched {
        if key.starts_with(b"!") {
            value.extend_from_slice(b"ERR not yours");
            return Fetched::Error;
        }
        match self.data.get(key) {
            Some(found) => {
                value.extend_from_slice(found);
                Fetched::Found
            }
            None => Fetched::Missing,
        }
    }

    fn set(&mut self, key: &[u8], value: &[u8], expires_at: Option<u64>, error: &mut Vec<u8>) -> Called {
        if key.starts_with(b"!") {
            error.extend_from_slice(b"ERR not yours");
            return Called::Error;
        }
        self.data.insert(key.to_vec(), value.to_vec());
        self.set.push((key.to_vec(), value.to_vec(), expires_at));
        Called::Done
    }

    fn reply(&mut self, piece: Piece<'_>) {
        self.reply.push(match piece {
            Piece::Simple(text) => format!("+{text}"),
            Piece::Error(text) => format!("-{text}"),
            Piece::Integer(number) => format!(":{number}"),
            // Quick, since what guests build of this size they build against the clock.
            Piece::Bulk(bytes) if bytes.len() > 1024 => "$ long".to_owned(),
            Piece::Bulk(bytes) => format!("${}", String::from_utf8_lossy(bytes)),
            Piece::Null => "_".to_owned(),
            Piece::Array(replies) => format!("*{replies}"),
            Piece::Map(pairs) => format!("%{pairs}"),
            Piece::Set(replies) => format!("~{replies}"),
            Piece::Double(number) => format!(",{number}"),
            Piece::Boolean(is_true) => format!("#{is_true}"),
            Piece::Verbatim { format, text } => format!("={format}:{text}"),
        });
    }

    fn now_millis(&self) -> u64 {
        self.now_millis
    }

    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_mul(31);
        self.random
    }

    fn log(&mut self, level: LogLevel, text: &str) {
        self.logged.push((level, text.to_owned()));
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// One for all tests of a process, as for all clusters of a node.
pub(crate) fn plugin_host() -> &'static PluginHost {
    static HOST: LazyLock<PluginHost> = LazyLock::new(|| PluginHost::new(Options::default()).unwrap());
    &HOST
}

pub(crate) const MANIFEST: &str = r#"{"name":"plug","version":"1.0.0","kind":"command",
    "commands":[{"name":"PLUG.DO","arity":-1,"flags":["write"],"keys":[]}],
    "limits":{"memory_bytes":131072,"call_millis":5}}"#;

/// A module with the usual manifest.
pub(crate) fn wasm(fields: &str) -> Vec<u8> {
    wasm_with(MANIFEST, fields)
}

pub(crate) fn wasm_with(manifest: &str, fields: &str) -> Vec<u8> {
    let manifest = manifest.replace('"', "\\22").replace('\n', " ");
    wat::parse_str(format!(
        "(module (@custom \"tenure_manifest\" \"{manifest}\") {fields})"
    ))
    .unwrap()
}

/// A command whose body this is, in a module that imports these functions, with one page of memory.
pub(crate) fn command(imports: &str, body: &str) -> Vec<u8> {
    wasm(&format!(
        r#"{imports} (memory (export "memory") 1)
        (func (export "tenure_command_1_0") (param $command i32) (result i32) {body})"#
    ))
}

pub(crate) fn compile(wasm: &[u8]) -> Result<Arc<dyn Module>, Unfit> {
    plugin_host().compile(wasm)
}

pub(crate) fn instance(wasm: &[u8]) -> Box<dyn Instance> {
    compile(wasm).unwrap().instantiate().unwrap()
}

/// Calls a command, and what became of it.
pub(crate) fn call(instance: &mut dyn Instance, number: usize, double: Double) -> (Double, Result<(), Failure>) {
    let (host, outcome) = instance.call(number, Box::new(double));
    (*host.into_any().downcast().unwrap(), outcome)
}

/// The same, of a fresh instance.
pub(crate) fn run(wasm: &[u8], double: Double) -> (Double, Result<(), Failure>) {
    call(&mut *instance(wasm), 0, double)
}

/// How a fresh instance breaks.
pub(crate) fn fault(wasm: &[u8]) -> Fault {
    match run(wasm, Double::with(["PLUG.DO"])).1 {
        Err(Failure::Fault(fault)) => fault,
        other => panic!("no fault: {other:?}"),
    }
}

pub(crate) fn refusal(outcome: Result<(), Failure>) -> String {
    match outcome {
        Err(Failure::Refused { message }) => message,
        other => panic!("no refusal: {other:?}"),
    }
}

/// An import of the interface.
pub(crate) fn import(name: &str, ty: &str) -> String {
    format!(r#"(import "tenure_command_1_0" "{name}" (func ${name} {ty}))"#)
}
