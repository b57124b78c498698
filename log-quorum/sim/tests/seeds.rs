//! A few seeds of the simulation, each in a process of its own. Many: `cargo run --release -p tenure-log-sim -- --seeds 1000`.

use std::process::{Command, Output};

/// Runs the program of this package.
fn sim(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tenure-log-sim"))
        .args(arguments)
        .env("RUST_BACKTRACE", "0")
        .output()
        .expect("the simulation runs")
}

fn assert_all_hold(arguments: &[&str]) {
    let output = sim(arguments);
    let (said, erred) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{said}\n{erred}");
}

#[test]
fn nothing_acknowledged_is_lost_whatever_is_done_to_the_quorum() {
    assert_all_hold(&["--seeds", "15", "--seconds", "8"]);
}

/// Apart from the others, so that two processors share the longest test of all.
#[test]
fn nothing_acknowledged_is_lost_whatever_is_done_to_the_quorum_by_more_seeds() {
    assert_all_hold(&["--from", "16", "--seeds", "15", "--seconds", "8"]);
}

/// The whole quorum loses power, ten times or so a seed, at moments drawn from the seed, while writers write.
#[test]
fn a_power_cut_of_the_whole_quorum_loses_nothing_acknowledged() {
    assert_all_hold(&["--power-cuts", "--seeds", "12", "--seconds", "10"]);
}

#[test]
fn a_seed_gives_the_same_run_again() {
    let run = || {
        let output = sim(&["--seed", "5", "--seconds", "6"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    assert_eq!(run(), run());
}

#[test]
fn disks_that_do_not_sync_are_found_out() {
    for seed in ["1", "2", "3"] {
        let output = sim(&["--seed", seed, "--power-cuts", "--no-sync", "--seconds", "10"]);
        assert!(!output.status.success(), "seed {seed} found nothing");
        // By the marks in the journal, which say that more was on the disk than there is.
        let erred = String::from_utf8_lossy(&output.stderr);
        assert!(erred.contains("the journal cannot be recovered"), "{erred}");
    }
}
