//! Ports on loopback that stay with whoever claimed them, also while nobody listens there.
//! Promises: two clusters on one machine never get the same port, and no outgoing connection of anybody takes it while
//! its process is down, so a process can be killed and started again on it. Leaves open: a stranger who listens on a
//! fixed port of his own in the moment between claim and start.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener};
use std::process;

use anyhow::{Context, Result, bail};

/// Ports below are often those of well-known services.
const LOWEST: u32 = 10_000;
/// Linux's own default, should the machine not say.
const EPHEMERAL_DEFAULT: Range<u32> = 32_768..61_000;

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

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.number))
    }

    fn try_claim(number: u16) -> Result<Option<Self>> {
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
