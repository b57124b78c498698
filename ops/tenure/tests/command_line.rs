//! What an operator sees of the binary: exit codes, errors with hints, help.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends there; clippy sees only its functions as tests"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn tenure(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenure"));
    command.args(arguments).env_remove("TENURE_LOG").output().unwrap()
}

/// Runs it and expects it to fail in this way; gives what it said.
fn refused(arguments: &[&str], exit_code: i32) -> String {
    let output = tenure(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(exit_code), "{said}");
    assert!(output.stdout.is_empty(), "{:?}", output.stdout);
    let last = said.lines().last().unwrap_or_default();
    assert!(said.starts_with("error: ") && last.starts_with("hint: "), "{said}");
    said
}

fn text_of(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_wrong_command_line_is_exit_code_2_and_a_hint() {
    for line in [
        &["serve"][..],
        &["server", "log"],
        &["server", "log", "--confg", "a"],
        &["server", "log", "--config", "a", "--die-with-parent=me"],
        &["server", "data"],
        &["dev", "--memory", "much"],
        &["dev", "--shards", "-1"],
        &["dev", "--shards", "0"],
        &["dev", "--replicas", "3"],
        &["dev", "--base-port", "65500"],
        &["log", "bootstrap", "--out", "a"],
        &["log", "bootstrap", "--out", "a", "--node", "127.0.0.1:7411"],
        &["log", "bootstrap", "--out", "a", "--node", "1=127.0.0.1"],
        &["log", "bootstrap", "--out", "a", "--node", "1=a:1", "--node", "1=b:1"],
        &["log", "bootstrap", "--out", "a", "--node", "1=a:1", "--groups", "0"],
        &[
            "log",
            "bootstrap",
            "--out",
            "a",
            "--node",
            "1=a:1",
            "--lease-max-millis",
            "0",
        ],
    ] {
        refused(line, 2);
    }
}

#[test]
fn an_unfinished_command_line_is_exit_code_2_and_shows_how_it_goes_on() {
    for line in [&[][..], &["server"], &["log"]] {
        let output = tenure(line);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("Commands:") && said.contains("\nhint: "), "{said}");
    }
}

#[test]
fn help_is_no_error() {
    for line in [
        &["--help"][..],
        &["--version"],
        &["server", "log", "--help"],
        &["server", "data", "--help"],
        &["dev", "--help"],
        &["log", "--help"],
    ] {
        let output = tenure(line);
        assert!(output.status.success() && output.stderr.is_empty(), "{line:?}");
        assert!(!output.stdout.is_empty(), "{line:?}");
    }
}

#[test]
fn a_configuration_that_is_not_there_is_exit_code_1_and_a_hint() {
    for role in ["log", "data"] {
        let said = refused(&["server", role, "--config", "/no/such.toml"], 1);
        assert!(said.contains("could not read /no/such.toml"), "{said}");
    }
}

#[test]
fn a_layout_that_cannot_be_used_is_named_and_not_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let text = "node = 1\nlayout = \"layout.toml\"\nlog.1 = \"a:1\"\n\
        tls = { authority = \"a\", certificate = \"c\", key = \"k\" }\n";
    fs::write(&config, text).unwrap();
    let said = refused(&["server", "data", "--config", text_of(&config)], 1);
    assert!(said.contains("layout.toml: No such file"), "{said}");
    fs::write(folder.path().join("layout.toml"), "[[cluster]]\nnam = \"demo\"\n").unwrap();
    let said = refused(&["server", "data", "--config", text_of(&config)], 1);
    assert!(said.contains("layout.toml, line 2: unknown field `nam`"), "{said}");
    assert!(said.ends_with("hint: did you mean name?\n"), "{said}");
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_that_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    fs::write(&config, "node = 1\nlisten = \"127.0.0.1:0\"\ndatadir = \"data\"\n").unwrap();
    let said = refused(&["server", "log", "--config", text_of(&config)], 1);
    assert!(said.contains("config.toml, line 3: unknown field `datadir`"), "{said}");
    assert!(said.ends_with("hint: did you mean data_dir?\n"), "{said}");
}

#[test]
fn a_bootstrap_file_is_written_once_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("bootstrap.toml");
    let line = [
        "log",
        "bootstrap",
        "--out",
        text_of(&out),
        "--node",
        "1=127.0.0.1:7411",
        "--node",
        "2=127.0.0.1:7412",
    ];
    let output = tenure(&line);
    assert!(output.status.success(), "{output:?}");
    let written = fs::read_to_string(&out).unwrap();
    assert!(written.contains("groups = 1\nlease_max_millis = 3000\n"), "{written}");

    let said = refused(&line, 1);
    assert!(said.contains("is there already"), "{said}");
    assert_eq!(fs::read_to_string(&out).unwrap(), written);
}
