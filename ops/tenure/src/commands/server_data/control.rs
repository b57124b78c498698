//! The control plane as a data node's configuration names it. The comments here are the manual.
//! Promises: the node speaks mutual TLS with it, as who it is to the log, and with nobody who is not the control plane; a
//! connection that fell silent is noticed within two seconds. Leaves to `tenure_server::Control`: what is said.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use tenure_log_node::transport::Credentials;
use tenure_plugin_host::{Options, PluginHost};
use tenure_server::{Control, Introduction, KeptDesired, Modules};
use tenure_types::NodeId;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::failure::{Failure, OrHint};

pub(super) const EXAMPLE: &str = r#"The same with a control plane instead of a layout:

  node = 1
  data_dir = "data"                   # what it is to host is kept here

  [control]
  addresses = ["127.0.0.1:7401"]      # of every control plane
  zone = "default"                    # replicas of one shard are kept in different zones
  host = "127.0.0.1"                  # the IP address at which clients reach this node
  ports = ["7501-7516", "7520"]       # on which it may serve shards
  # memory_bytes = 1073741824         # for all shards together; default: three quarters of the machine's

  [log]
  1 = "127.0.0.1:7411"

  [tls]                               # who this node is to the log and to the control plane
  authority = "authority.pem"
  certificate = "certificate.pem"
  key = "key.pem"
"#;

/// The name in the certificate of every control plane.
const SERVER_NAME: &str = "control.tenure.internal";

/// The folder of modules in `data_dir`.
const MODULES: &str = "modules";

/// How long connecting may take, how long a connection may be silent before it is asked whether it is there, and how long
/// until it has answered that.
const PATIENCE: Duration = Duration::from_secs(1);

/// The section `[control]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ControlText {
    /// Every control plane, as host:port. One at a time is spoken with. No default. Since 0.1.
    addresses: Vec<String>,
    /// Where the node stands. Replicas of one shard are kept in different zones. Default `default`. Since 0.1.
    #[serde(default = "default_zone")]
    zone: String,
    /// The IP address at which clients reach the node, and on which it listens. Default 127.0.0.1. Since 0.1.
    #[serde(default = "loopback")]
    host: IpAddr,
    /// Ports on which it may be told to serve shards, one each: `7501-7516`, or one alone. No default. Since 0.1.
    ports: Vec<PortsText>,
    /// Memory that all shards on it may be promised together. Default three quarters of the machine's. Since 0.1.
    memory_bytes: Option<NonZeroU64>,
}

/// `7501-7516`, or one port alone.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PortsText(RangeInclusive<u16>);

impl<'de> Deserialize<'de> for PortsText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (first, last) = text.split_once('-').unwrap_or((&text, &text));
        match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) if 0 < first && first <= last => Ok(Self(first..=last)),
            _ => Err(D::Error::custom(format_args!(
                "{text:?} is no range of ports: expected such as \"7501-7516\""
            ))),
        }
    }
}

fn default_zone() -> String {
    "default".to_owned()
}

fn loopback() -> IpAddr {
    IpAddr::V4(Ipv4Addr::LOCALHOST)
}

/// What was said of the control plane, and makes sense.
#[derive(Debug)]
pub(super) struct ControlPlane {
    addresses: Vec<String>,
    zone: String,
    host: IpAddr,
    ports: Vec<RangeInclusive<u16>>,
    memory_bytes: u64,
    pub(super) data_dir: PathBuf,
}

impl ControlText {
    /// Tells what makes no sense.
    pub(super) fn check(self, data_dir: PathBuf) -> Result<ControlPlane, String> {
        let wrong = |said: &str| Err(said.to_owned());
        if self.addresses.is_empty() {
            return wrong("the list of control planes is empty");
        }
        if self.zone.is_empty() {
            return wrong("the zone has no name");
        }
        if self.host.is_unspecified() {
            return wrong("host is the address at which clients reach this node, not one for all");
        }
        if self.ports.is_empty() {
            return wrong("the list of ports is empty");
        }
        let mut ports: Vec<_> = self.ports.into_iter().map(|ports| ports.0).collect();
        ports.sort_by_key(|ports| *ports.start());
        if ports.windows(2).any(|two| two[0].end() >= two[1].start()) {
            return wrong("a port is named twice");
        }
        Ok(ControlPlane {
            addresses: self.addresses,
            zone: self.zone,
            host: self.host,
            ports,
            memory_bytes: self.memory_bytes.map_or_else(most_of_memory, NonZeroU64::get),
            data_dir,
        })
    }
}

fn most_of_memory() -> u64 {
    let machine = rustix::system::sysinfo();
    let bytes = machine.totalram.saturating_mul(u64::from(machine.mem_unit));
    bytes / 4 * 3
}

impl ControlPlane {
    /// A connection to each, made when it is used.
    pub(super) fn channels(&self, credentials: &Credentials) -> Result<Vec<Channel>, Failure> {
        let channel = |address: &String| {
            let endpoint = Endpoint::from_shared(format!("https://{address}"));
            let endpoint = endpoint.with_context(|| format!("{address:?} is not an address of the form host:port"));
            let tls = ClientTlsConfig::new()
                .domain_name(SERVER_NAME)
                .ca_certificate(Certificate::from_pem(&credentials.authority_pem))
                .identity(Identity::from_pem(&credentials.certificate_pem, &credentials.key_pem));
            let endpoint = endpoint
                .or_hint("check the addresses under [control]")?
                .connect_timeout(PATIENCE)
                .http2_keep_alive_interval(PATIENCE)
                .keep_alive_timeout(PATIENCE)
                .keep_alive_while_idle(true)
                .tls_config(tls);
            let endpoint = endpoint.context("the certificate or key of this node cannot be used");
            Ok(endpoint.or_hint("check the files under [tls]")?.connect_lazy())
        };
        self.addresses.iter().map(channel).collect()
    }

    /// The modules of plugins, which are compiled here.
    fn modules(&self) -> Result<Modules, Failure> {
        let host = PluginHost::new(Options::default());
        let host = host.or_hint("check the limit of this machine on addresses: ulimit -v")?;
        let modules = Modules::open(&self.data_dir.join(MODULES), Arc::new(host));
        let modules = modules.context("the modules of plugins cannot be kept");
        modules.or_hint("check data_dir, and that this user may read and write there")
    }

    /// Reads what is kept.
    pub(super) fn open(self, node: NodeId) -> Result<Control, Failure> {
        let kept = KeptDesired::open(&self.data_dir).context("what this node is to host cannot be kept");
        let kept = kept.or_hint("check data_dir, and that this user may read and write there")?;
        let modules = self.modules()?;
        let introduction = Introduction {
            node,
            process: rand::random(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            zone: self.zone,
            host: self.host,
            ports: self.ports,
            memory_bytes: self.memory_bytes,
        };
        Ok(Control::new(introduction, kept).with_modules(modules))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<ControlPlane, String> {
        let control: ControlText = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        control.check(PathBuf::from("data"))
    }

    const SHORTEST: &str = "addresses = [\"127.0.0.1:7401\"]\nports = [\"7501-7516\"]";

    #[test]
    fn the_example_can_be_read_and_says_the_defaults() {
        let (_, example) = EXAMPLE.split_once("\n\n").unwrap();
        let example: toml::Table = toml::from_str(example).unwrap();
        let example: ControlText = example["control"].clone().try_into().unwrap();
        let (example, shortest) = (example.check("data".into()).unwrap(), check(SHORTEST).unwrap());
        assert_eq!((&example.zone, example.host), (&shortest.zone, shortest.host));
        assert_eq!(example.ports, [7501..=7516, 7520..=7520]);
        assert_eq!(example.memory_bytes, shortest.memory_bytes);
        assert!(shortest.memory_bytes > 64 << 20, "{}", shortest.memory_bytes);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_reason() {
        let cases = [
            ("\"127.0.0.1:7401\"", "", "the list of control planes is empty"),
            ("\"7501-7516\"", "", "the list of ports is empty"),
            ("7501-7516", "7516-7501", "\"7516-7501\" is no range of ports"),
            ("7501-7516", "0-7", "\"0-7\" is no range of ports"),
            ("7501-7516", "7501-70000", "\"7501-70000\" is no range of ports"),
            ("\"7501-7516\"", "\"7501-7516\", \"7516\"", "a port is named twice"),
            ("ports", "zone = \"\"\nports", "the zone has no name"),
            (
                "ports",
                "host = \"0.0.0.0\"\nports",
                "host is the address at which clients reach",
            ),
            ("ports", "memory_bytes = 0\nports", "invalid value: integer `0`"),
            ("ports", "prots", "unknown field `prots`"),
        ];
        for (from, to, reason) in cases {
            let said = check(&SHORTEST.replace(from, to)).unwrap_err();
            assert!(said.starts_with(reason), "{said}, not {reason}");
        }
    }

    #[tokio::test]
    async fn an_address_or_a_key_that_cannot_be_used_is_said_so() {
        let authority = tenure_devcluster::Authority::new().unwrap();
        let credentials = authority.data_node(NodeId::new(1)).unwrap();
        assert_eq!(check(SHORTEST).unwrap().channels(&credentials).unwrap().len(), 1);
        let plane = check(&SHORTEST.replace("127.0.0.1:7401", "no address")).unwrap();
        let said = plane.channels(&credentials).unwrap_err().to_string();
        assert!(said.contains("\"no address\" is not an address"), "{said}");
        let broken = Credentials {
            key_pem: "none".to_owned(),
            ..credentials
        };
        let said = check(SHORTEST).unwrap().channels(&broken).unwrap_err().to_string();
        assert!(said.contains("cannot be used") && said.contains("[tls]"), "{said}");
    }
}
