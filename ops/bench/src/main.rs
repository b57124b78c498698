//! `tenure-bench`: Tenure beside its peers, in turn, in one run on one machine.
//! Promises: ratios and what they were made of, never a judgement by exit code: no figure here passes or fails a build. Every
//! server listens on loopback, dies with this process and leaves no files. Leaves to `redis-benchmark` of Debian's redis-tools:
//! making load. It is a well-kept tool, and the one behind the figures in DESIGN section 16.

mod channel;
mod compare;
mod dev;
mod figures;
mod fill;
mod load;
mod machine;
mod memory;
mod peer;
mod report;
mod server;
mod target;
mod three_copies;
mod usage;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::compare::{Options, compare};
use crate::target::Section;

/// Tenure beside its peers, in turn, in one run on one machine.
#[derive(Debug, Parser)]
#[command(name = "tenure-bench", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure every server in turn and print ratios.
    Compare(Arguments),
}

#[derive(Debug, clap::Args)]
struct Arguments {
    /// How often every server has its turn with each load. Figures are medians, with the lowest and the highest beside them.
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Only these targets of DESIGN section 16. Default: S1 to S6 and S10, and every load of SET and GET at 1 and 50
    /// connections, pipeline 1 and 16, TLS and plain.
    #[arg(long, value_name = "TARGET", value_delimiter = ',', ignore_case = true)]
    only: Vec<Section>,
    /// A short look: half a second for each figure instead of two, fewer keys. To see whether all works.
    #[arg(long)]
    quick: bool,
    /// For whom the result is.
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// The binary to measure. Default: `tenure` beside this program.
    #[arg(long, value_name = "FILE")]
    tenure: Option<PathBuf>,
    /// The valkey-server to measure against. Default: the one on the PATH, if there is one.
    #[arg(long, value_name = "FILE")]
    valkey_server: Option<PathBuf>,
    /// Where all servers keep their files. One disk for all of them. Default: the folder for temporary files.
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// People: Markdown tables, as they stand in ops/docs/benchmarks.
    Table,
    /// Programs: one JSON document, with every single figure.
    Json,
}

fn main() -> ExitCode {
    let Cli {
        command: Command::Compare(arguments),
    } = Cli::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when stderr is closed.
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let compared = runtime.block_on(compare(Options {
        rounds: arguments.rounds,
        only: arguments.only,
        quick: arguments.quick,
        tenure: arguments.tenure,
        valkey: arguments.valkey_server,
        data_dir: arguments.data_dir,
    }))?;
    let text = match arguments.output {
        Output::Table => report::tables(&compared),
        Output::Json => serde_json::to_string(&compared)? + "\n",
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
