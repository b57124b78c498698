//! Prints what the model proves: every scope searched to the end, then every rule taken out and missed.
//! Exits with 1 if a property broke, something was not reached, or a rule was not missed; the run is printed.

use std::process::ExitCode;
use std::time::Instant;

use tenure_log_model::{Rule, scope, search};

fn main() -> ExitCode {
    let scopes_hold = print_scopes();
    let rules_needed = print_rules();
    if scopes_hold && rules_needed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn print_scopes() -> bool {
    println!("With every rule, each scope searched to the end:\n");
    println!(
        "{:<19} {:>11} {:>6} {:>8}  question",
        "scope", "states", "depth", "seconds"
    );
    let mut all_hold = true;
    for scope in scope::ALL {
        let start = Instant::now();
        let report = search::whole(scope);
        let seconds = start.elapsed().as_secs_f32();
        println!(
            "{:<19} {:>11} {:>6} {seconds:>8.1}  {}",
            scope.name, report.states, report.depth, scope.about
        );
        for (property, run) in &report.broken {
            println!("  BROKEN: {property}, after {run:#?}");
        }
        for property in &report.unreached {
            println!("  NOT REACHED: {property}");
        }
        all_hold &= report.broken.is_empty() && report.unreached.is_empty();
    }
    all_hold
}

fn print_rules() -> bool {
    println!("\nWithout one rule, the property that breaks first there:\n");
    println!("{:<33} {:<19} {:>5}  breaks", "without", "scope", "steps");
    let mut all_needed = true;
    for rule in Rule::all() {
        let (scope, property) = rule.missed_in();
        if let Some(run) = search::without(rule) {
            println!(
                "{:<33} {:<19} {:>5}  {property}",
                format!("{rule:?}"),
                scope.name,
                run.len()
            );
        } else {
            println!("{rule:?}: NOT MISSED in scope {}", scope.name);
            all_needed = false;
        }
    }
    all_needed
}
