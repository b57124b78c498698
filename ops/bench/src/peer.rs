//! redis-server and valkey-server, as their users run them.
//! Promises: each serves when it is returned; none reads a configuration of the machine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tenure_devcluster::{Authority, PRIVATE, PUBLIC, Port, Process, replace};

use crate::channel::{Channel, Door};
use crate::server::{Kind, Member, Server, ask};

/// Longest wait for a server to answer. Generous: the machine may be busy with others.
const SERVES_WITHIN: Duration = Duration::from_secs(20);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Where the binaries of the peers are.
#[derive(Debug, Clone)]
pub(crate) struct Peers {
    pub(crate) redis: PathBuf,
    /// `None`: there is none on this machine.
    pub(crate) valkey: Option<PathBuf>,
}

/// One peer to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) kind: Kind,
    pub(crate) channel: Channel,
    /// One shard with all slots, as a cluster: it keeps more beside each key.
    pub(crate) in_cluster_mode: bool,
}

impl Peers {
    /// Finds them. redis-server must be there.
    pub(crate) fn find(valkey: Option<PathBuf>) -> Result<Self> {
        let missing = "there is no redis-server on the PATH; apt install redis-server redis-tools";
        for tool in ["redis-benchmark", "redis-cli"] {
            ensure!(
                on_path(tool).is_some(),
                "there is no {tool} on the PATH; apt install redis-tools"
            );
        }
        if let Some(named) = &valkey {
            ensure!(named.is_file(), "{} is no file", named.display());
        }
        Ok(Self {
            redis: on_path("redis-server").context(missing)?,
            valkey: valkey.or_else(|| on_path("valkey-server")),
        })
    }

    /// What each says of its version.
    pub(crate) fn versions(&self) -> Result<Vec<String>> {
        let binaries = std::iter::once(&self.redis).chain(&self.valkey);
        binaries
            .map(|binary| {
                let output = Command::new(binary).arg("--version").output();
                let output = output.with_context(|| format!("could not start {}", binary.display()))?;
                Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
            })
            .collect()
    }

    /// Starts one.
    pub(crate) async fn start(&self, shape: Shape, within: &Path) -> Result<Server> {
        let files = tempfile::Builder::new().prefix("tenure-bench-").tempdir_in(within)?;
        let copies = match shape.kind {
            Kind::ValkeyThreeCopies => 3,
            Kind::Tenure | Kind::Redis | Kind::RedisAlways | Kind::Valkey => 1,
        };
        let authority = match shape.channel {
            Channel::Plain => None,
            Channel::Tls => Some(certificates(&files)?),
        };
        let (mut running, mut processes, mut ports, mut first) = (Vec::new(), Vec::new(), Vec::new(), None::<Door>);
        for copy in 1..=copies {
            // For clients and, in cluster mode, for other nodes.
            let (port, bus) = (Port::claim()?, Port::claim()?);
            let door = Door {
                port: port.number(),
                password: None,
                authority: authority.clone(),
            };
            let name = format!("{}-{copy}", shape.kind).to_lowercase().replace([' ', ','], "-");
            let folder = files.path().join(&name);
            std::fs::create_dir(&folder)?;
            let mut command = self.command(shape, &door, bus.number(), files.path())?;
            command.arg("--dir").arg(&folder);
            if let Some(first) = &first {
                command.args(["--replicaof", "127.0.0.1", &first.port.to_string()]);
            }
            let process = Process::start(&name, command, &files.path().join(format!("{name}.log")))?;
            until_serves(&process, &door)?;
            processes.push(Member {
                name,
                pid: process.id(),
            });
            running.push(process);
            ports.extend([port, bus]);
            first.get_or_insert(door);
        }
        let door = first.context("a server has at least one process")?;
        if shape.in_cluster_mode {
            ask(&door, &["CLUSTER", "ADDSLOTSRANGE", "0", "16383"])?;
            until("it serves its slots", || {
                Ok(ask(&door, &["CLUSTER", "INFO"])?.contains("cluster_state:ok"))
            })?;
        }
        if copies > 1 {
            until("both replicas follow", || {
                Ok(ask(&door, &["WAITAOF", "1", "2", "100"])?.lines().eq(["1", "2"]))
            })?;
        }
        Ok(Server {
            kind: shape.kind,
            door,
            processes,
            running,
            _ports: ports,
            _files: files,
        })
    }

    fn command(&self, shape: Shape, door: &Door, bus: u16, files: &Path) -> Result<Command> {
        let binary = match shape.kind {
            Kind::Redis | Kind::RedisAlways => &self.redis,
            Kind::Valkey | Kind::ValkeyThreeCopies => self
                .valkey
                .as_ref()
                .context("there is no valkey-server on the PATH; name one: --valkey-server FILE")?,
            Kind::Tenure => bail!("Tenure is started by `tenure dev`"),
        };
        // They know no flag to die with a parent; setpriv asks the kernel for it and becomes the server.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(binary);
        let port = door.port.to_string();
        match shape.channel {
            Channel::Plain => command.args(["--port", &port]),
            Channel::Tls => {
                command.args(["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"]);
                for (flag, file) in [
                    ("--tls-ca-cert-file", "ca.pem"),
                    ("--tls-cert-file", "certificate.pem"),
                    ("--tls-key-file", "key.pem"),
                ] {
                    command.arg(flag).arg(files.join(file));
                }
                &mut command
            }
        };
        command.args(["--bind", "127.0.0.1", "--save", "", "--daemonize", "no"]);
        command.args(match shape.kind {
            Kind::RedisAlways | Kind::ValkeyThreeCopies => {
                ["--appendonly", "yes", "--appendfsync", "always"].as_slice()
            }
            Kind::Tenure | Kind::Redis | Kind::Valkey => ["--appendonly", "no"].as_slice(),
        });
        if shape.in_cluster_mode {
            command.args(["--cluster-enabled", "yes", "--cluster-port", &bus.to_string()]);
        }
        Ok(command)
    }
}

/// Writes what a server shows to clients; where its authority is.
fn certificates(files: &TempDir) -> Result<PathBuf> {
    let shown = Authority::new()?.loopback_server()?;
    let path = |name: &str| files.path().join(name);
    replace(&path("ca.pem"), &shown.authority_pem, PUBLIC)?;
    replace(&path("certificate.pem"), &shown.certificate_pem, PUBLIC)?;
    replace(&path("key.pem"), &shown.key_pem, PRIVATE)?;
    Ok(path("ca.pem"))
}

fn until_serves(process: &Process, door: &Door) -> Result<()> {
    until("it answers PING", || {
        if let tenure_devcluster::State::Ended(status) = process.state() {
            bail!(
                "{} ended with {status}: {}",
                process.name(),
                process.last_lines(5).join("; ")
            );
        }
        Ok(ask(door, &["PING"]).is_ok_and(|said| said == "PONG"))
    })
    .with_context(|| format!("{} does not serve", process.name()))
}

fn until(what: &str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let begun = Instant::now();
    while !is_so()? {
        ensure!(
            begun.elapsed() < SERVES_WITHIN,
            "waited {SERVES_WITHIN:?} in vain until {what}"
        );
        std::thread::sleep(LOOK_AGAIN_AFTER);
    }
    Ok(())
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
