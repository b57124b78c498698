//! The command line, as somebody at a terminal uses it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::de::DeserializeOwned;
use tenure_admin::ClusterChange;

use super::TENANT;
use super::cluster::Cluster;

/// A terminal with `TENURE_API` and what belongs to it.
#[derive(Debug, Clone)]
pub(crate) struct CommandLine {
    api: String,
    token: String,
    ca: PathBuf,
    home: PathBuf,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl CommandLine {
    pub(crate) fn new(api: String, token: String, ca: &Path, home: &Path) -> Self {
        Self {
            api,
            token,
            ca: ca.to_owned(),
            home: home.to_owned(),
        }
    }

    /// The same with another token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    /// Runs `tenure` to its end. Blocks.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenure"));
        command
            .args(arguments)
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("TENURE_LOG")
            .env("HOME", &self.home)
            .env("TENURE_API", &self.api)
            .env("TENURE_TOKEN", &self.token)
            .env("TENURE_CA", &self.ca)
            .env("TENURE_TENANT", TENANT);
        let output = command.output().unwrap();
        Ran {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What it printed.
    pub(crate) fn succeeds(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
        ran.out
    }

    /// What it printed for programs.
    pub(crate) fn json<T: DeserializeOwned>(&self, arguments: &[&str]) -> T {
        let out = self.succeeds(&[arguments, &["--output", "json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| unreachable!("{arguments:?}: {error}: {out}"))
    }

    /// Makes a cluster, which serves then.
    pub(crate) fn create(&self, name: &str, flags: &[&str]) -> Cluster {
        let made: serde_json::Value = self.json(&[&["cluster", "create", name, "--wait"], flags].concat());
        let password = made["password"].as_str().unwrap().to_owned();
        let made: ClusterChange = serde_json::from_value(made).unwrap();
        Cluster::new(&made, password)
    }
}
