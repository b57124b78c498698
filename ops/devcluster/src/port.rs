//! Ports on loopback that stay with whoever claimed them, also while nobody listens there.
//! Promises: two clusters on one machine never get the same port, and no outgoing connection of anybody takes it while
//! its process is down, so a process can be killed and started again on it. Leaves open: a stranger who listens on a
//! fixed port of his own in the moment between claim and start.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener};
use std::process;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tenure_types::NodeId;
use tokio::time::{Instant, sleep};

use crate::Fleet;

/// Ports below are often those of well-known services.
const LOWEST: u32 = 10_000;
/// Linux's own default, should the machine not say.
const EPHEMERAL_DEFAULT: Range<u32> = 32_768..61_000;

/// How long a port that was asked for by number may still be taken. The children of a process that was killed a moment
/// ago are on their way out too.
const LINGER: Duration = Duration::from_secs(3);
/// Between two looks at it.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Which ports the processes of one role get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ports {
    /// Any that are free. They differ from run to run.
    #[default]
    Claimed,
    /// This one and those after it.
    From(u16),
}

/// A port that was asked for by number is somebody else's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("port {port} of {process} is in use by another process")]
pub struct PortInUse {
    /// Its number.
    pub port: u16,
    /// Who was to have it.
    pub process: String,
}

impl Ports {
    /// As [`claim`](Self::claim), for the metrics of each of these nodes. None without ports.
    pub(crate) async fn claim_for_metrics(ports: Option<Self>, fleet: &Fleet) -> Result<BTreeMap<NodeId, Port>> {
        let Some(ports) = ports else {
            return Ok(BTreeMap::new());
        };
        let nodes = fleet.nodes();
        let names = nodes.iter().map(|node| format!("{} (metrics)", fleet.name(*node)));
        let claimed = ports.claim(names).await?;
        Ok(nodes.into_iter().zip(claimed).collect())
    }

    /// One port for each of these processes, in their order.
    pub async fn claim(self, processes: impl IntoIterator<Item = String>) -> Result<Vec<Port>> {
        let mut ports = Vec::new();
        for (offset, process) in processes.into_iter().enumerate() {
            ports.push(match self {
                Self::Claimed => Port::claim()?,
                Self::From(first) => {
                    let number = u16::try_from(usize::from(first).saturating_add(offset));
                    let number = number.with_context(|| format!("no port is left for {process}"))?;
                    Port::claim_exactly(number, &process).await?
                }
            });
        }
        Ok(ports)
    }
}

/// A claim on one port of 127.0.0.1, for as long as this value lives.
#[derive(Debug)]
pub struct Port {
    number: u16,
    /// An abstract socket named after the port. It lives in the same network namespace as the port does, only one
    /// process can have it, and the kernel drops it with the process. (A lock file would outlive its machine's tests.)
    _claim: UnixListener,
}

impl Port {
    /// Claims a free port.
    pub fn claim() -> Result<Self> {
        let range = outside(&ephemeral());
        // Every process begins its search elsewhere. So a port that was just given up rests for a while, and a client of
        // an earlier test that still dials it meets nobody.
        let offset = process::id().wrapping_mul(31) % (range.end - range.start);
        for candidate in (range.start + offset..range.end).chain(range.start..range.start + offset) {
            let number = u16::try_from(candidate).context("a port is a number of 16 bits")?;
            if let Some(port) = Self::try_claim(number)? {
                return Ok(port);
            }
        }
        bail!("no port of 127.0.0.1 from {} to {} is free", range.start, range.end - 1);
    }

    /// Claims this very port for `process`. Fails with [`PortInUse`] if somebody has it.
    pub async fn claim_exactly(number: u16, process: &str) -> Result<Self> {
        let until = Instant::now() + LINGER;
        loop {
            if let Some(port) = Self::try_claim(number)? {
                return Ok(port);
            }
            if Instant::now() >= until {
                let process = process.to_owned();
                return Err(PortInUse { port: number, process }.into());
            }
            sleep(LOOK_AGAIN_AFTER).await;
        }
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.number))
    }

    /// Claims this very port, if nobody has it.
    pub fn try_claim(number: u16) -> Result<Option<Self>> {
        let name = UnixAddr::from_abstract_name(format!("tenure-devcluster-port-{number}"))?;
        let claim = match UnixListener::bind_addr(&name) {
            Ok(claim) => claim,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("could not claim port {number}")),
        };
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok();
        Ok(free.then_some(Self { number, _claim: claim }))
    }
}

/// The ports that the kernel gives to outgoing connections. A port among them is taken by the first connection that is
/// lucky; worse, a client that dials it while nobody listens may be given that very port and be connected to itself.
fn ephemeral() -> Range<u32> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    parse_range(&text).unwrap_or(EPHEMERAL_DEFAULT)
}

fn parse_range(text: &str) -> Option<Range<u32>> {
    let (low, high) = text.trim().split_once(char::is_whitespace)?;
    Some(low.parse().ok()?..high.trim().parse::<u32>().ok()? + 1)
}

/// The larger part of what lies beside the ephemeral ports; all there is, if they leave nothing.
fn outside(ephemeral: &Range<u32>) -> Range<u32> {
    let below = LOWEST..ephemeral.start.max(LOWEST);
    let above = ephemeral.end.max(LOWEST)..(1 << 16);
    let larger = if below.len() >= above.len() { below } else { above };
    if larger.is_empty() { LOWEST..(1 << 16) } else { larger }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// One test and not two: run side by side they would take each other's ports.
    #[test]
    fn a_claim_is_for_one_only_and_ends_with_its_value() {
        let claims: Vec<Port> = (0..20).map(|_| Port::claim().unwrap()).collect();
        let numbers: BTreeSet<u16> = claims.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), claims.len());
        let number = claims[7].number();
        assert!(Port::try_claim(number).unwrap().is_none());
        drop(claims);
        assert!(Port::try_claim(number).unwrap().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_that_stays_taken_is_named_with_who_was_to_have_it() {
        let taken = Port::claim().unwrap();
        let claimed = Ports::From(taken.number()).claim(["log-1".to_owned()]).await;
        let error = claimed.unwrap_err();
        let expected = format!("port {} of log-1 is in use by another process", taken.number());
        assert_eq!(error.downcast_ref::<PortInUse>().unwrap().to_string(), expected);
    }

    #[tokio::test]
    async fn a_port_that_its_holder_is_about_to_leave_is_waited_for() {
        let taken = Port::claim().unwrap();
        let number = taken.number();
        let (claimed, ()) = tokio::join!(Port::claim_exactly(number, "log-1"), async { drop(taken) });
        assert_eq!(claimed.unwrap().number(), number);
    }

    #[tokio::test]
    async fn there_are_no_ports_past_the_last() {
        let two = ["a", "b"].map(str::to_owned);
        assert!(Ports::From(u16::MAX).claim(two).await.is_err());
    }

    #[test]
    fn claims_lie_outside_the_ports_of_outgoing_connections() {
        let cases = [
            ("32768\t60999\n", 10_000..32_768),
            ("16000\t65535\n", 10_000..16_000),
            ("1024 49151", 49_152..65_536),
            ("1024 65535", 10_000..65_536),
            ("no numbers", 10_000..32_768),
        ];
        for (text, range) in cases {
            let ephemeral = parse_range(text).unwrap_or(EPHEMERAL_DEFAULT);
            assert_eq!(outside(&ephemeral), range, "{text:?}");
        }
    }
}
