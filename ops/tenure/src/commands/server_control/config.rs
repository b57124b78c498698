//! The configuration of a control plane. The comments here are the manual.
//! Promises: a key that is not known is an error. Relative paths start at the folder of the configuration file.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use serde::Deserialize;
use tenure_control_server::Options;

use crate::commands::server_data::LogNode;
use crate::failure::Failure;
use crate::logging::LogFormat;
use crate::metrics_port::MetricsPortText;
use crate::settings;

const WHERE_TO_LOOK: &str = "tenure server control --help shows a configuration";

/// A configuration to begin with, shown by `--help`.
pub(super) const EXAMPLE: &str = r#"A configuration (relative paths start at its own folder):

  data_dir = "/var/lib/tenure/control"  # the database, the authority, operator.token
  listen_api = "127.0.0.1:7400"         # REST, over TLS
  listen_nodes = "127.0.0.1:7401"       # data nodes call here
  hosts = ["127.0.0.1"]                 # IP addresses by which callers name it, if not those above
  log_format = "text"                   # or "json"

  [authority]                           # who signs all certificates of the platform; made in data_dir if this is missing
  certificate = "ca.pem"
  key = "ca.key"

  [log]                                 # every log node and its address
  1 = "127.0.0.1:7411"
  2 = "127.0.0.1:7412"
  3 = "127.0.0.1:7413"

  [metrics]                             # where Prometheus scrapes, over TLS; see metrics.md. None without it
  listen = "127.0.0.1:7402"
  # token_file = "metrics.token"        # then it has to show this token

  [limits]
  node_lease_millis = 3000              # a node that is silent for longer is thought dead
  replace_after_seconds = 300           # its replicas are placed anew after so long
  rescue_after_seconds = 10             # those of shards that have no other replica after so long
  brake_percent = 50                    # unless so many nodes look dead at once
  requests_per_second = 50              # of all keys of a tenant together, or of one of the platform
"#;

/// A control plane as its operator describes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The folder of the database, the authority and the operator's token; made if it is missing. No default. Since 0.1.
    pub(super) data_dir: PathBuf,
    /// Where the REST API listens. No default. Since 0.1.
    pub(super) listen_api: SocketAddr,
    /// Where data nodes call. No default. Since 0.1.
    pub(super) listen_nodes: SocketAddr,
    /// IP addresses that its certificate names. Default those that it listens on. Since 0.1.
    #[serde(default)]
    hosts: BTreeSet<IpAddr>,
    /// How a line of the log looks: `text` for people, `json` for machines. Default text. Since 0.1.
    #[serde(default)]
    pub(super) log_format: LogFormat,
    /// Files of the authority. It must be the one whom the log nodes believe. Default `ca.pem` and `ca.key` in `data_dir`, which are
    /// made at the first start. Since 0.1.
    pub(super) authority: Option<AuthorityFiles>,
    /// The log nodes: number and address. No default. Since 0.1.
    pub(super) log: BTreeMap<LogNode, String>,
    /// Where it tells how it is. Default nowhere. Since 0.1.
    pub(super) metrics: Option<MetricsPortText>,
    /// When it acts.
    #[serde(default)]
    limits: Limits,
}

/// PEM files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuthorityFiles {
    /// The authority's certificate. Since 0.1.
    pub(super) certificate: PathBuf,
    /// The key to it. Nobody else should be able to read it. Since 0.1.
    pub(super) key: PathBuf,
}

/// When a control plane acts. Each is explained at [`Options`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    /// Default 3000. Since 0.1.
    node_lease_millis: Option<NonZeroU64>,
    /// Default 300. Since 0.1.
    replace_after_seconds: Option<NonZeroU64>,
    /// Default 10. Since 0.1.
    rescue_after_seconds: Option<NonZeroU64>,
    /// 1 to 100. Default 50. Since 0.1.
    brake_percent: Option<u8>,
    /// Default 50. Since 0.1.
    requests_per_second: Option<NonZeroU32>,
}

impl Config {
    /// Reads the file.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let config: Self = settings::read(path, WHERE_TO_LOOK)?;
        config.checked(path)
    }

    fn checked(mut self, path: &Path) -> Result<Self, Failure> {
        let refused = |problem: &str, hint: &str| Failure::new(anyhow!("{}: {problem}", path.display()), hint);
        if self.log.is_empty() {
            return Err(refused(
                "the list of log nodes is empty",
                "name the log nodes under [log]",
            ));
        }
        if self
            .limits
            .brake_percent
            .is_some_and(|percent| !(1..=100).contains(&percent))
        {
            return Err(refused(
                "brake_percent is not a share",
                "give it a number from 1 to 100",
            ));
        }
        if self.hosts().is_empty() {
            let hint = "add hosts = [\"<address>\"]: nobody can call 0.0.0.0";
            return Err(refused("there is no address that the certificate could name", hint));
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        self.data_dir = folder.join(&self.data_dir);
        if let Some(metrics) = &mut self.metrics {
            metrics.start_at(folder);
        }
        if let Some(files) = &mut self.authority {
            for path in [&mut files.certificate, &mut files.key] {
                *path = folder.join(&*path);
            }
        }
        Ok(self)
    }

    /// What its certificate names.
    pub(super) fn hosts(&self) -> BTreeSet<IpAddr> {
        if !self.hosts.is_empty() {
            return self.hosts.clone();
        }
        let listens = [self.listen_api, self.listen_nodes].into_iter();
        let listens = listens.chain(self.metrics.as_ref().map(|metrics| metrics.listen));
        listens
            .map(|address| address.ip())
            .filter(|host| !host.is_unspecified())
            .collect()
    }

    /// How the control plane works.
    pub(super) fn options(&self) -> Options {
        let default = Options::default();
        let seconds = |set: Option<NonZeroU64>, default| set.map_or(default, |set| Duration::from_secs(set.get()));
        let limits = &self.limits;
        Options {
            node_lease: limits
                .node_lease_millis
                .map_or(default.node_lease, |set| Duration::from_millis(set.get())),
            replace_after: seconds(limits.replace_after_seconds, default.replace_after),
            rescue_after: seconds(limits.rescue_after_seconds, default.rescue_after),
            brake_percent: limits.brake_percent.unwrap_or(default.brake_percent),
            requests_per_second: limits
                .requests_per_second
                .map_or(default.requests_per_second, NonZeroU32::get),
            ..default
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORTEST: &str = r#"
        data_dir = "data"
        listen_api = "127.0.0.1:7400"
        listen_nodes = "127.0.0.1:7401"
        [log]
        1 = "127.0.0.1:7411"
    "#;

    fn parse(text: &str) -> Result<Config, String> {
        let path = Path::new("/etc/tenure/control.toml");
        let config = settings::parse::<Config>(text, path, WHERE_TO_LOOK);
        let config = config.and_then(|config| config.checked(path));
        config.map_err(|failure| failure.to_string())
    }

    #[test]
    fn the_example_can_be_read_and_says_the_defaults() {
        let (_, example) = EXAMPLE.split_once("\n\n").unwrap();
        let (example, shortest) = (parse(example).unwrap(), parse(SHORTEST).unwrap());
        assert_eq!(example.options(), shortest.options());
        assert_eq!(example.options(), Options::default());
        assert_eq!(example.hosts(), shortest.hosts());
        assert_eq!(shortest.data_dir, Path::new("/etc/tenure/data"));
        assert_eq!(example.authority.unwrap().key, Path::new("/etc/tenure/ca.key"));
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_to_do() {
        let cases = [
            ("data_dir", "datadir", "did you mean data_dir?"),
            ("1 = \"127.0.0.1:7411\"", "", "name the log nodes under [log]"),
            (
                "127.0.0.1:740",
                "0.0.0.0:740",
                "add hosts = [\"<address>\"]: nobody can call 0.0.0.0",
            ),
            (
                "[log]",
                "[limits]\nbrake_percent = 0\n[log]",
                "give it a number from 1 to 100",
            ),
        ];
        for (from, to, hint) in cases {
            let said = parse(&SHORTEST.replace(from, to)).unwrap_err();
            assert!(said.ends_with(&format!("\nhint: {hint}\n")), "{said}");
        }
    }
}
