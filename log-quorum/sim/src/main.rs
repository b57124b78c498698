//! `tenure-log-sim`: runs seeds, each in a process of its own, because randomness is made deterministic per process.
//! A failing seed is printed with the command that runs it again.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Parser;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tenure_log_sim::disk::Sabotage;
use tenure_log_sim::world::{Plan, check};

/// Runs the log quorum in a simulated world.
#[derive(Parser)]
struct Options {
    /// Run this seed only, in this process.
    #[arg(long)]
    seed: Option<u64>,
    /// Run so many seeds, one after the other.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Only cut the power of the whole quorum, again and again.
    #[arg(long)]
    power_cuts: bool,
    /// Disks whose sync does nothing. The run must fail.
    #[arg(long)]
    no_sync: bool,
    /// Simulated seconds of harm.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Say what happens.
    #[arg(long)]
    verbose: bool,
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    match options.seed {
        Some(seed) => run_here(seed, &options),
        None => run_all(&options),
    }
}

fn run_here(seed: u64, options: &Options) -> Result<ExitCode> {
    if options.verbose {
        tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).init();
    }
    mad_turmoil::rand::set_rng(StdRng::seed_from_u64(seed));
    let _clocks = mad_turmoil::time::SimClocksGuard::init();
    let mut plan = if options.power_cuts {
        Plan::power_cuts(seed)
    } else {
        Plan::everything(seed)
    };
    plan.chaos_for = std::time::Duration::from_secs(options.seconds);
    if options.no_sync {
        plan.sabotage = Sabotage::NoSync;
    }
    let report = check(&plan)?;
    println!(
        "seed {seed}: {} acknowledged of {} records, {} epochs, {} renewals, {} harms, trace {:016x}",
        report.acknowledged,
        report.records,
        report.epochs,
        report.renewals,
        report.harm.all(),
        report.trace,
    );
    Ok(ExitCode::SUCCESS)
}

/// Each seed in a child, with the options of this process.
fn run_all(options: &Options) -> Result<ExitCode> {
    let itself = std::env::current_exe().context("where this program is")?;
    let mut failed = Vec::new();
    for seed in options.from..options.from + options.seeds {
        let mut child = Command::new(&itself);
        child.args(["--seed", &seed.to_string(), "--seconds", &options.seconds.to_string()]);
        for (set, flag) in [
            (options.power_cuts, "--power-cuts"),
            (options.no_sync, "--no-sync"),
            (options.verbose, "--verbose"),
        ] {
            if set {
                child.arg(flag);
            }
        }
        if !child.status().context("running a seed")?.success() {
            println!("seed {seed} failed; again with: {child:?}");
            failed.push(seed);
        }
    }
    println!("{} seeds, {} failed: {failed:?}", options.seeds, failed.len());
    Ok(if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
