//! `cargo xtask verify`: every check, one after the other, and a summary that names what failed.
//! Promises: a failed check never hides another one; all of them run. Leaves to `checks`: what is checked.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::checks::{ALL, Check, Outcome};
use crate::repo::Repo;

/// Which checks to run. Default: all.
#[derive(Args)]
pub(crate) struct Options {
    /// Run only this check; may be given several times.
    #[arg(long, value_name = "CHECK", value_parser = PossibleValuesParser::new(ALL.iter().map(|check| check.name)))]
    only: Vec<String>,
}

/// Runs the chosen checks and prints the summary.
pub(crate) fn run(repo: &Repo, options: &Options) -> ExitCode {
    println!("checking {}", repo.root().display());
    let chosen = |check: &&Check| options.only.is_empty() || options.only.iter().any(|name| name == check.name);
    let ends: Vec<_> = ALL
        .iter()
        .filter(chosen)
        .map(|check| (check.name, run_one(repo, check)))
        .collect();
    summarise(&ends)
}

/// How one check ended, as the summary tells it.
enum End {
    Passed,
    Failed,
    NotRun { why: String },
}

fn run_one(repo: &Repo, check: &Check) -> End {
    println!("\n==> {}: {}", check.name, check.promise);
    let started = Instant::now();
    let outcome = (check.run)(repo);
    let took = shown(started.elapsed());
    match outcome {
        Ok(Outcome::Passed) => {
            println!("<== {}: passed ({took})", check.name);
            End::Passed
        }
        Ok(Outcome::Found(findings)) => {
            for finding in &findings {
                println!("{finding}");
            }
            println!("<== {}: failed, {} to put right ({took})", check.name, findings.len());
            End::Failed
        }
        Ok(Outcome::NotRun { why }) => {
            println!("<== {}: not run: {why}", check.name);
            End::NotRun { why }
        }
        Err(error) => {
            println!("error: {error:#}");
            println!("<== {}: failed ({took})", check.name);
            End::Failed
        }
    }
}

/// The last line has the form that test runners end with, so that a machine can read it too.
fn summarise(ends: &[(&str, End)]) -> ExitCode {
    println!();
    let (mut passed, mut failed, mut not_run) = (0, 0, 0);
    for (name, end) in ends {
        match end {
            End::Passed => passed += 1,
            End::Failed => {
                failed += 1;
                println!("failed: {name} (alone: cargo xtask verify --only {name})");
            }
            End::NotRun { why } => {
                not_run += 1;
                println!("not run: {name}: {why}");
            }
        }
    }
    let skipped = if not_run == 0 {
        String::new()
    } else {
        format!(", {not_run} skipped")
    };
    println!("verify: {passed} passed, {failed} failed{skipped}");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn shown(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}
