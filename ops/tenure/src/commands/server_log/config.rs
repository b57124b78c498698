//! The configuration of a log node. The comments here are the manual.
//! Promises: a key that is not known is an error. Relative paths start at the folder of the configuration file, wherever
//! the process was started.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::failure::Failure;
use crate::logging::LogFormat;
use crate::metrics_port::MetricsPortText;
use crate::settings;
use crate::tls_files::TlsFiles;

const WHERE_TO_LOOK: &str = "tenure server log --help shows a configuration";

/// A configuration to begin with, shown by `--help`.
pub(crate) const EXAMPLE: &str = r#"A configuration (relative paths start at its own folder):

  node = 1                            # as in the bootstrap file
  listen = "127.0.0.1:7411"
  data_dir = "/var/lib/tenure/log"    # must exist
  bootstrap_file = "bootstrap.toml"   # for the first start; see tenure log bootstrap
  profile = "conservative"            # or "fast": quicker elections, for disks that never stall
  log_format = "text"                 # or "json"

  [tls]
  authority = "authority.pem"
  certificate = "certificate.pem"
  key = "key.pem"

  [disk]
  cap_bytes = 8589934592              # no more credit is granted from here on
  segment_bytes = 67108864

  [metrics]                           # where Prometheus scrapes, over TLS; see metrics.md. None without it
  listen = "127.0.0.1:7421"
  # token_file = "metrics.token"      # then it has to show this token

  [dial]                              # rarely: other addresses for those in the bootstrap file
  "10.0.0.2:7411" = "192.0.2.2:7411"
"#;

/// A log node as its operator describes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The number of this log node in its quorum. No default: two nodes that take the same one would fight. Since 0.1.
    pub(crate) node: NonZeroU64,
    /// Where others reach this node: address and port to listen on. No default. Since 0.1.
    pub(crate) listen: SocketAddr,
    /// The folder of the log. It must exist: one that is not there may be a disk that is not mounted, and a voter that
    /// starts on an empty folder has lost its vote. No default. Since 0.1.
    pub(crate) data_dir: PathBuf,
    /// What `tenure log bootstrap` wrote for this quorum. Needed for the first start on an empty folder only; later it
    /// may be gone, and is compared with the folder as long as it is there. Default none. Since 0.1.
    pub(crate) bootstrap_file: Option<PathBuf>,
    /// Timers of the log groups. `fast` finds a new leader in half a second and needs disks that never stall;
    /// `conservative` survives a stall of half a second without an election. Default conservative. Since 0.1.
    #[serde(default)]
    pub(crate) profile: Profile,
    /// How a line of the log looks: `text` for people, `json` for machines. Default text. Since 0.1.
    #[serde(default)]
    pub(crate) log_format: LogFormat,
    /// Who this node is to others. No default: a log node speaks mutual TLS only. Since 0.1.
    pub(crate) tls: TlsFiles,
    /// How much of the disk the log may take.
    #[serde(default)]
    pub(crate) disk: Disk,
    /// Where it tells how it is. Default nowhere. Since 0.1.
    pub(crate) metrics: Option<MetricsPortText>,
    /// Addresses to dial instead of those that the quorum names: for a node behind address translation, and for tests
    /// that stand between two nodes. Who answers there must have the certificate of the node that was meant. Default
    /// none. Since 0.1.
    #[serde(default)]
    pub(crate) dial: BTreeMap<String, String>,
}

/// Sizes on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Disk {
    /// Where the log stops granting credit, so that it never fills the disk. Leave a tenth of the disk free beyond it.
    /// Default 8 GiB. Since 0.1.
    pub(crate) cap_bytes: Option<NonZeroU64>,
    /// Size of one segment file. Default 64 MiB: a rotation costs three syncs, and a segment is freed as a whole. May be
    /// changed at any start. Since 0.1.
    pub(crate) segment_bytes: Option<NonZeroU64>,
}

/// Timers of the log groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Profile {
    /// Short ones.
    Fast,
    /// Long ones.
    #[default]
    Conservative,
}

impl Config {
    /// Reads the file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let config: Self = settings::read(path, WHERE_TO_LOOK)?;
        Ok(config.relative_to(path.parent().unwrap_or(Path::new(""))))
    }

    fn relative_to(mut self, folder: &Path) -> Self {
        for path in [&mut self.data_dir].into_iter().chain(&mut self.bootstrap_file) {
            *path = folder.join(&*path);
        }
        self.tls.start_at(folder);
        if let Some(metrics) = &mut self.metrics {
            metrics.start_at(folder);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORTEST: &str = r#"
        node = 1
        listen = "127.0.0.1:7411"
        data_dir = "data"
        [tls]
        authority = "a.pem"
        certificate = "/etc/c.pem"
        key = "k.pem"
    "#;

    fn parse(text: &str) -> Result<Config, String> {
        settings::parse(text, Path::new("config.toml"), WHERE_TO_LOOK).map_err(|failure| failure.to_string())
    }

    #[test]
    fn the_example_can_be_read_and_names_every_key() {
        let (_, example) = EXAMPLE.split_once("\n\n").unwrap();
        let config = parse(example).unwrap();
        assert_eq!(config.disk.cap_bytes, NonZeroU64::new(8 << 30));
        assert_eq!(config.disk.segment_bytes, NonZeroU64::new(64 << 20));
        assert!(config.bootstrap_file.is_some() && !config.dial.is_empty());
    }

    #[test]
    fn the_shortest_configuration_takes_the_defaults() {
        let config = parse(SHORTEST).unwrap();
        assert_eq!(config.profile, Profile::Conservative);
        assert_eq!(config.log_format, LogFormat::Text);
        assert_eq!(config.disk, Disk::default());
        assert_eq!(config.bootstrap_file, None);
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_that_is_known() {
        let cases = [
            ("listen", "listn", "did you mean listen?"),
            ("data_dir", "data-dir", "did you mean data_dir?"),
            ("certificate", "cert", "did you mean certificate?"),
            ("[tls]", "[TLS]", "did you mean tls?"),
        ];
        for (from, to, hint) in cases {
            let said = parse(&SHORTEST.replace(from, to)).unwrap_err();
            assert!(said.contains("unknown field"), "{said}");
            assert!(said.ends_with(&format!("\nhint: {hint}\n")), "{said}");
        }
    }

    #[test]
    fn node_zero_is_no_node() {
        let said = parse(&SHORTEST.replace("node = 1", "node = 0")).unwrap_err();
        assert!(said.contains("expected a nonzero u64"), "{said}");
    }

    #[test]
    fn relative_paths_start_at_the_folder_of_the_configuration() {
        let config = parse(SHORTEST).unwrap().relative_to(Path::new("/srv/log-1"));
        assert_eq!(config.data_dir, Path::new("/srv/log-1/data"));
        assert_eq!(config.tls.key, Path::new("/srv/log-1/k.pem"));
        assert_eq!(config.tls.certificate, Path::new("/etc/c.pem"));
    }
}
