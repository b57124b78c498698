//! `tenure plugin-check`: looks at one module for the control plane, in a process that ends with it. Not for people.
//! Promises: limits are set before a byte is read, so whatever the module makes of the compiler, this process is stopped and nobody
//! else feels it; machine code that was made here ends with it. Says one line of JSON on stdout, an [`Outcome`].

use std::io::{self, Read, Write};
use std::num::NonZeroU32;

use anyhow::Context;
use clap::Args;
use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
use serde::{Deserialize, Serialize};
use tenure_plugin_abi::{MEMORY_BYTES_MAX, MODULE_BYTES_MAX};
use tenure_plugin_host::{Options, PluginHost};

use crate::failure::{DEFECT, Failure, OrHint};

/// Standard input, output and error, and what the runtime opens for a moment.
const FILES_MAX: u64 = 16;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Addresses that this process may use.
    #[arg(long, value_name = "BYTES")]
    memory_bytes: u64,
    /// Processor time that it may use.
    #[arg(long, value_name = "SECONDS")]
    cpu_seconds: u64,
}

/// What is said of a module.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// It can be run, and says this of itself. The reader looks at it again: whoever took over this process could say anything.
    Manifest(serde_json::Value),
    /// It cannot: a sentence for its author.
    Unfit(String),
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    confine(arguments)
        .context("could not limit this process")
        .or_hint(DEFECT)?;
    let mut module = Vec::new();
    // One byte more shows that there are more.
    let bytes_max = u64::try_from(MODULE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let read = io::stdin().lock().take(bytes_max).read_to_end(&mut module);
    read.context("could not read the module").or_hint(DEFECT)?;
    let options = Options {
        instances_max: NonZeroU32::MIN,
    };
    let host = PluginHost::new(options).or_hint(DEFECT)?;
    let outcome = match host.check(&module) {
        Ok(manifest) => {
            let manifest = serde_json::to_value(&manifest);
            Outcome::Manifest(manifest.context("could not write the manifest").or_hint(DEFECT)?)
        }
        Err(unfit) => Outcome::Unfit(unfit.to_string()),
    };
    let line = serde_json::to_string(&outcome)
        .context("could not write the outcome")
        .or_hint(DEFECT)?;
    let written = writeln!(io::stdout().lock(), "{line}");
    written.context("could not write to stdout").or_hint(DEFECT)
}

/// What is left to this process. It cannot take any of it back.
fn confine(arguments: &Arguments) -> io::Result<()> {
    let limit = |resource, max: u64, most: u64| {
        let limit = Rlimit {
            current: Some(max),
            maximum: Some(most),
        };
        setrlimit(resource, limit)
    };
    set_parent_process_death_signal(Some(Signal::KILL))?;
    limit(Resource::Core, 0, 0)?;
    // The runtime keeps what a memory begins with in a file that is nowhere but in memory.
    limit(Resource::Fsize, MEMORY_BYTES_MAX, MEMORY_BYTES_MAX)?;
    limit(Resource::Nofile, FILES_MAX, FILES_MAX)?;
    limit(Resource::As, arguments.memory_bytes, arguments.memory_bytes)?;
    // A signal that can be told from others, and a second later one that cannot be caught.
    limit(
        Resource::Cpu,
        arguments.cpu_seconds,
        arguments.cpu_seconds.saturating_add(1),
    )?;
    Ok(())
}
