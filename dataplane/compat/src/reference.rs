//! A redis-server of our own, for as long as it is held.
//! Promises: it listens on loopback only, keeps nothing on disk, and owns all slots of a cluster of one, since Tenure
//! always speaks as a cluster.

use std::io::{BufRead, BufReader, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::client::{Client, Target};
use crate::report::Protocol;

/// How often another port is tried if somebody took the one that was free.
const ATTEMPTS: usize = 5;
/// A cluster of Redis needs two seconds before it takes writes.
const READY_TIMEOUT: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A running redis-server, stopped on drop.
#[derive(Debug)]
pub struct Reference {
    child: Child,
    target: Target,
    /// Kept open: a server that cannot write its log complains.
    log: BufReader<ChildStdout>,
    /// Removed after the server is gone.
    _folder: TempDir,
}

impl Reference {
    /// Starts one on a free port and waits until it takes commands for every slot.
    pub fn start() -> Result<Self> {
        for _ in 0..ATTEMPTS {
            if let Some(reference) = Self::try_start()? {
                reference.take_all_slots()?;
                return Ok(reference);
            }
        }
        bail!("redis-server ended {ATTEMPTS} times before it listened\nhint: start one by hand and read what it says")
    }

    /// Where it is.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// `None`: it ended at once, as it does on a port that is taken.
    fn try_start() -> Result<Option<Self>> {
        let folder = tempfile::tempdir().context("cannot create a folder for redis-server")?;
        // Both are held until both are known, so that they differ.
        let (clients, bus) = (free_port()?, free_port()?);
        let (address, bus_port) = (clients.local_addr()?, bus.local_addr()?.port());
        drop((clients, bus));
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
            .args(["--cluster-enabled", "yes", "--cluster-port", &bus_port.to_string()])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                bail!("there is no redis-server to compare with\nhint: apt-get install redis-server")
            }
            Err(error) => return Err(error).context("cannot start redis-server"),
        };
        let log = child.stdout.take().context("redis-server has no output")?;
        let mut reference = Self {
            child,
            target: Target::open(address),
            log: BufReader::new(log),
            _folder: folder,
        };
        Ok(reference.wait_until_it_listens()?.then_some(reference))
    }

    /// Reads its log up to the line that says so; false if the log ends before.
    fn wait_until_it_listens(&mut self) -> Result<bool> {
        let mut line = String::new();
        while self
            .log
            .read_line(&mut line)
            .context("cannot read the log of redis-server")?
            > 0
        {
            if line.contains("Ready to accept connections") {
                return Ok(true);
            }
            line.clear();
        }
        Ok(false)
    }

    fn take_all_slots(&self) -> Result<()> {
        let mut client = Client::connect(&self.target, Protocol::Resp2)?;
        client.must(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"])?;
        let begun = Instant::now();
        while !client
            .must(&["CLUSTER", "INFO"])?
            .to_string()
            .contains("cluster_state:ok")
        {
            if begun.elapsed() > READY_TIMEOUT {
                bail!("redis-server has no working cluster after {READY_TIMEOUT:?}");
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // It may be gone already; there is nobody to tell.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn free_port() -> Result<TcpListener> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    TcpListener::bind(any).context("there is no free port on loopback")
}
