//! The configuration of a data node. The comments here are the manual.
//! Promises: a key that is not known is an error. Relative paths start at the folder of the file that names them.
//! Leaves to `layout_file`: which clusters there are. Leaves to `control`: who tells it instead.

use std::collections::BTreeMap;
use std::fmt;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use tenure_server::Layout;

use super::control::{self, ControlPlane, ControlText};
use super::layout_file::{self, ClusterText};
use crate::failure::Failure;
use crate::logging::LogFormat;
use crate::metrics_port::MetricsPortText;
use crate::settings;
use crate::tls_files::TlsFiles;

pub(super) const WHERE_TO_LOOK: &str = "tenure server data --help shows a configuration";

const EXAMPLE: &str = r#"A configuration (relative paths start at its own folder):

  node = 1                            # as in the layout
  layout = "../layout.toml"           # the same file for all data nodes
  workers = 1                         # threads; each shard lives on one
  profile = "conservative"            # or "fast": quicker failover, for machines that never stall
  reply_deadline_millis = 10000       # a reply that waits longer for the log closes its connection
  log_format = "text"                 # or "json"

  [log]                               # every log node and its address
  1 = "127.0.0.1:7411"
  2 = "127.0.0.1:7412"
  3 = "127.0.0.1:7413"

  [tls]                               # who this node is to the log
  authority = "authority.pem"
  certificate = "certificate.pem"
  key = "key.pem"

  [metrics]                           # where Prometheus scrapes, over TLS; see metrics.md. None without it
  listen = "127.0.0.1:7431"
  # token_file = "metrics.token"      # then it has to show this token
"#;

/// What `--help` shows to begin with.
pub(super) fn example() -> String {
    format!("{EXAMPLE}\n{}\n{}", control::EXAMPLE, layout_file::EXAMPLE)
}

/// Who says what the node hosts.
#[derive(Debug)]
pub(super) enum Source {
    /// A layout that was read, for as long as the process runs.
    Layout(Layout),
    /// A control plane, at any time.
    Control(ControlPlane),
}

/// A data node as its operator describes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The number of this data node. No default: two nodes that take the same one would fight. Since 0.1.
    pub(super) node: NonZeroU64,
    /// The file with the clusters, shared by all data nodes. No default: this, `cluster` or `control` says what the node hosts.
    /// Since 0.1.
    layout: Option<PathBuf>,
    /// The clusters themselves, instead of `layout`. Since 0.1.
    #[serde(default)]
    cluster: Vec<ClusterText>,
    /// The control plane that says what the node hosts, instead of `layout`. Since 0.1.
    control: Option<ControlText>,
    /// The folder in which the node keeps what the control plane said. Made if it is not there. No default; only with
    /// `control`. Since 0.1.
    data_dir: Option<PathBuf>,
    /// Worker threads. A shard lives on one of them. Default 1. Since 0.1.
    #[serde(default = "one_worker")]
    pub(super) workers: NonZeroUsize,
    /// How long a lease is, and the timers that follow from it. `fast` (1.2 s) lets a replica take over within two
    /// seconds and needs machines that never stall; `conservative` (3 s) survives longer stalls. The log quorum's
    /// `lease_max_millis` must allow it. Default conservative. Since 0.1.
    #[serde(default)]
    pub(super) profile: Profile,
    /// How long a reply may wait for the log before its connection is closed. What became of the write is unknown to its
    /// client then. Default 10,000. Since 0.1.
    #[serde(default = "ten_seconds")]
    pub(super) reply_deadline_millis: NonZeroU64,
    /// How a line of the log looks: `text` for people, `json` for machines. Default text. Since 0.1.
    #[serde(default)]
    pub(super) log_format: LogFormat,
    /// The log nodes, all of them: how many copies of a write there are follows from their number. No default. Since 0.1.
    pub(super) log: BTreeMap<LogNode, String>,
    /// Who this node is to the log. No default: log nodes speak mutual TLS only. Since 0.1.
    pub(super) tls: TlsFiles,
    /// Where it tells how it is. Default nowhere. Since 0.1.
    pub(super) metrics: Option<MetricsPortText>,
}

/// Which timers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Profile {
    /// Short ones.
    Fast,
    /// Long ones.
    #[default]
    Conservative,
}

/// The number of a log node, as the key of its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::commands) struct LogNode(NonZeroU64);

impl LogNode {
    pub(super) fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for LogNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for LogNode {
    /// Keys are text in TOML. Only one spelling is taken, or two keys could be one node.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = text
            .parse()
            .ok()
            .filter(|number: &NonZeroU64| number.to_string() == text);
        let wrong = || D::Error::custom(format_args!("{text:?} is not the number of a log node"));
        number.map(Self).ok_or_else(wrong)
    }
}

fn one_worker() -> NonZeroUsize {
    NonZeroUsize::MIN
}

fn ten_seconds() -> NonZeroU64 {
    const TEN_SECONDS: NonZeroU64 = NonZeroU64::new(10_000).unwrap();
    TEN_SECONDS
}

impl Config {
    /// Reads the file, and the layout wherever it is.
    pub(super) fn read(path: &Path) -> Result<(Self, Source), Failure> {
        let config: Self = settings::read(path, WHERE_TO_LOOK)?;
        config.with_source(path)
    }

    fn with_source(mut self, path: &Path) -> Result<(Self, Source), Failure> {
        let folder = path.parent().unwrap_or(Path::new(""));
        self.tls.start_at(folder);
        if let Some(metrics) = &mut self.metrics {
            metrics.start_at(folder);
        }
        let wrong = |what: &str, hint: &str| Failure::new(anyhow!("{}: {what}", path.display()), hint);
        if self.log.is_empty() {
            return Err(wrong(
                "the list of log nodes is empty",
                "name every log node under [log]",
            ));
        }
        let clusters = std::mem::take(&mut self.cluster);
        if let Some(control) = self.control.take() {
            if self.layout.is_some() || !clusters.is_empty() {
                let hint = "leave the layout to the control plane, or take [control] out";
                return Err(wrong("[control] and a layout exclude each other", hint));
            }
            let Some(data_dir) = &self.data_dir else {
                let hint = "add data_dir = \"data\": what the control plane says is kept there";
                return Err(wrong("there is no data_dir", hint));
            };
            let control = control
                .check(folder.join(data_dir))
                .map_err(|said| wrong(&said, WHERE_TO_LOOK))?;
            return Ok((self, Source::Control(control)));
        }
        if self.data_dir.is_some() {
            let hint = "take it out, or add [control]";
            return Err(wrong("data_dir is of no use without [control]", hint));
        }
        let layout = match &self.layout {
            Some(_) if !clusters.is_empty() => {
                let hint = "name the file, or write the clusters here, not both";
                return Err(wrong("layout and [[cluster]] exclude each other", hint));
            }
            Some(layout) => layout_file::read(&folder.join(layout))?,
            None if clusters.is_empty() => {
                return Err(wrong(
                    "there is no layout",
                    "add layout = \"layout.toml\", or [control]",
                ));
            }
            None => layout_file::into_layout(clusters, path)?,
        };
        Ok((self, Source::Layout(layout)))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const SHORTEST: &str = r#"
        node = 1
        layout = "layout.toml"
        [log]
        1 = "127.0.0.1:7411"
        [tls]
        authority = "a.pem"
        certificate = "/etc/c.pem"
        key = "k.pem"
    "#;

    const CLUSTER: &str = r#"
        [[cluster]]
        name = "demo"
        tenant = 1
        seed = "0123456789abcdef"
        plaintext = true
        [[cluster.shards]]
        name = "0001"
        stream = "stream-0-1"
        slots = ["0-16383"]
        primary = 1
        replicas = [{ node = 1, address = "127.0.0.1:7501" }]
    "#;

    fn parse(text: &str) -> Result<Config, String> {
        settings::parse(text, Path::new("config.toml"), WHERE_TO_LOOK).map_err(|failure| failure.to_string())
    }

    fn refused(text: &str) -> String {
        let read = parse(text).and_then(|config| {
            let read = config.with_source(Path::new("config.toml"));
            read.map_err(|failure| failure.to_string())
        });
        read.unwrap_err()
    }

    #[test]
    fn the_example_can_be_read_and_says_the_defaults() {
        let (_, example) = EXAMPLE.split_once("\n\n").unwrap();
        let (config, shortest) = (parse(example).unwrap(), parse(SHORTEST).unwrap());
        assert_eq!(config.log.len(), 3);
        assert_eq!(config.layout, Some(PathBuf::from("../layout.toml")));
        assert_eq!(config.workers, shortest.workers);
        assert_eq!(config.profile, shortest.profile);
        assert_eq!(config.reply_deadline_millis, shortest.reply_deadline_millis);
        assert_eq!(config.log_format, shortest.log_format);
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_that_is_known() {
        let cases = [
            ("layout", "layuot", "did you mean layout?"),
            ("[log]", "profil = 'fast'\n[log]", "did you mean profile?"),
            ("certificate", "cert", "did you mean certificate?"),
            ("[log]", "profile = 'quick'\n[log]", "known here: fast, conservative"),
        ];
        for (from, to, hint) in cases {
            let said = parse(&SHORTEST.replace(from, to)).unwrap_err();
            assert!(said.ends_with(&format!("\nhint: {hint}\n")), "{said}");
        }
    }

    #[test]
    fn a_log_node_is_a_number_from_one_in_its_only_spelling() {
        for key in ["0", "01", "node-1", "-1", "18446744073709551616"] {
            let said = parse(&SHORTEST.replace("1 = \"127", &format!("{key} = \"127"))).unwrap_err();
            assert!(
                said.contains(&format!("\"{key}\" is not the number of a log node")),
                "{said}"
            );
        }
    }

    #[test]
    fn clusters_stand_in_the_layout_file_or_in_the_configuration_and_not_in_both() {
        let inline = SHORTEST.replace("layout = \"layout.toml\"", "");
        assert!(refused(&inline).contains("there is no layout"));
        let both = format!("{SHORTEST}{CLUSTER}");
        assert!(refused(&both).contains("exclude each other"));
        let (_, source) = parse(&format!("{inline}{CLUSTER}"))
            .unwrap()
            .with_source(Path::new("config.toml"))
            .unwrap();
        assert_eq!(layout_of(source).clusters.len(), 1);
    }

    fn layout_of(source: Source) -> Layout {
        match source {
            Source::Layout(layout) => layout,
            Source::Control(control) => unreachable!("{control:?}"),
        }
    }

    const CONTROL: &str = r#"
        [control]
        addresses = ["127.0.0.1:7401"]
        ports = ["7501-7516"]
    "#;

    #[test]
    fn the_control_plane_says_what_is_hosted_or_a_layout_does_and_not_both() {
        let with = |data_dir: &str| SHORTEST.replace("layout = \"layout.toml\"", data_dir);
        let told = format!("{}{CONTROL}", with("data_dir = \"data\""));
        let (_, source) = parse(&told)
            .unwrap()
            .with_source(Path::new("node/config.toml"))
            .unwrap();
        let Source::Control(control) = source else {
            unreachable!("{source:?}");
        };
        assert_eq!(control.data_dir, Path::new("node/data"));
        let both = format!("{SHORTEST}{CONTROL}");
        assert!(refused(&both).contains("[control] and a layout exclude each other"));
        let clusters = format!("{told}{CLUSTER}");
        assert!(refused(&clusters).contains("[control] and a layout exclude each other"));
        assert!(refused(&format!("{}{CONTROL}", with(""))).contains("there is no data_dir"));
        let useless = SHORTEST.replace("node = 1", "node = 1\ndata_dir = \"data\"");
        assert!(refused(&useless).contains("data_dir is of no use without [control]"));
    }

    #[test]
    fn a_quorum_without_nodes_is_refused() {
        let said = refused(&SHORTEST.replace("1 = \"127.0.0.1:7411\"", ""));
        assert!(said.contains("the list of log nodes is empty"), "{said}");
    }

    #[test]
    fn relative_paths_start_at_the_file_that_names_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("shared")).unwrap();
        fs::write(
            path("config.toml"),
            SHORTEST.replace("layout.toml", "shared/layout.toml"),
        )
        .unwrap();
        let shown = tenure_devcluster::Authority::new().unwrap().loopback_server().unwrap();
        fs::write(path("shared/c.pem"), &shown.certificate_pem).unwrap();
        fs::write(path("k.pem"), &shown.key_pem).unwrap();
        let key = path("k.pem");
        let tls = format!(
            "[cluster.tls]\ncertificate = \"c.pem\"\nkey = \"{}\"\n[[cluster.shards]]",
            key.display()
        );
        let layout = CLUSTER
            .replace("plaintext = true", "")
            .replace("[[cluster.shards]]", &tls);
        fs::write(path("shared/layout.toml"), layout).unwrap();
        let (config, source) = Config::read(&path("config.toml")).unwrap();
        let layout = layout_of(source);
        assert_eq!(config.tls.key, path("k.pem"));
        assert_eq!(config.tls.certificate, Path::new("/etc/c.pem"));
        let tls = layout.clusters[0].tls.as_ref().unwrap();
        assert_eq!(
            (&tls.certificate_pem, &tls.key_pem),
            (&shown.certificate_pem, &shown.key_pem)
        );
    }
}
