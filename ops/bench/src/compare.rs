//! A whole comparison: which servers have which load, in turn, and what comes of it.
//! Promises: the servers take turns with each load, round by round, in an order that reverses; so what else happens on the machine
//! meets all of them. Ratios are of figures of one round.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::channel::Channel;
use crate::dev;
use crate::fill::{benchmark_keys, fill};
use crate::load::{KEYS, Load, Seen, VALUE_BYTES, Verb};
use crate::machine::{Machine, Others, load_average};
use crate::memory::{self, BytesPerKey};
use crate::peer::{Peers, Shape};
use crate::server::{Kind, Member, Server};
use crate::target::{Section, Target, all_loads, targets};
use crate::three_copies::{self, ThreeCopies};
use crate::usage::{Cpu, scheduling};

/// How long one figure takes, about.
const FIGURE: Duration = Duration::from_secs(2);
const FIGURE_QUICK: Duration = Duration::from_millis(500);

/// How long servers are watched while nobody asks them anything.
const IDLE: Duration = Duration::from_secs(2);

/// What to compare.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) rounds: u32,
    /// Empty: everything.
    pub(crate) only: Vec<Section>,
    pub(crate) quick: bool,
    pub(crate) tenure: Option<PathBuf>,
    pub(crate) valkey: Option<PathBuf>,
    pub(crate) data_dir: Option<PathBuf>,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub(crate) struct Compared {
    pub(crate) machine: Machine,
    pub(crate) command: String,
    pub(crate) load_average_after: String,
    /// The busiest processes beside ours, with their CPU seconds. Those that ended before the end are not seen.
    pub(crate) others: Vec<(String, f64)>,
    pub(crate) versions: Vec<String>,
    pub(crate) rounds: u32,
    pub(crate) figure_seconds: f64,
    pub(crate) idle: Vec<Idle>,
    pub(crate) targets: Vec<Target>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) three_copies: Vec<ThreeCopies>,
    pub(crate) bytes_per_key: Vec<BytesPerKey>,
}

/// What a server uses while nobody asks it anything: it takes that from the others too.
#[derive(Debug, Serialize)]
pub(crate) struct Idle {
    pub(crate) kind: Kind,
    pub(crate) channel: Channel,
    /// CPU seconds per second, of all its processes.
    pub(crate) cpu: f64,
    /// How its threads are scheduled, by process.
    pub(crate) scheduling: Vec<(String, String)>,
}

/// One server's turn with one load.
#[derive(Debug, Serialize)]
pub(crate) struct Sample {
    pub(crate) kind: Kind,
    pub(crate) load: Load,
    pub(crate) round: u32,
    pub(crate) seen: Seen,
    /// CPU of each process of the server.
    pub(crate) server_cpu: Vec<(String, Cpu)>,
    /// CPU of redis-benchmark.
    pub(crate) load_cpu: Cpu,
}

impl Sample {
    /// CPU seconds of the server for 100,000 requests.
    pub(crate) fn server_cpu_per_100k(&self, of: impl Fn(&str) -> bool) -> f64 {
        let of = self.server_cpu.iter().filter(|(name, _)| of(name));
        self.per_100k(of.map(|(_, cpu)| cpu.seconds()).sum())
    }

    pub(crate) fn load_cpu_per_100k(&self) -> f64 {
        self.per_100k(self.load_cpu.seconds())
    }

    #[allow(clippy::cast_precision_loss, reason = "requests of a run are far below 2^52")]
    fn per_100k(&self, seconds: f64) -> f64 {
        seconds * 100_000.0 / self.seen.requests as f64
    }
}

/// Compares.
pub(crate) async fn compare(options: Options) -> Result<Compared> {
    let peers = Peers::find(options.valkey.clone())?;
    let binary = dev::find(options.tenure.clone())?;
    let within = options.data_dir.clone().unwrap_or_else(std::env::temp_dir);
    std::fs::create_dir_all(&within).with_context(|| format!("could not make {}", within.display()))?;
    let machine = Machine::look()?;
    let before = Others::look()?;
    let figure = if options.quick { FIGURE_QUICK } else { FIGURE };
    let wanted = |section: Section| options.only.is_empty() || options.only.contains(&section);
    let mut targets = targets(peers.valkey.is_some());
    targets.retain(|target| wanted(target.section));
    let mut run = Run {
        peers: &peers,
        binary: &binary,
        within: &within,
        rounds: options.rounds,
        figure,
        ours: vec![std::process::id()],
        idle: Vec::new(),
        samples: Vec::new(),
    };
    for channel in [Channel::Plain, Channel::Tls] {
        run.channel(&run.turns(channel, &targets, options.only.is_empty()))
            .await?;
    }
    let mut three_copies = Vec::new();
    if wanted(Section::S5) && peers.valkey.is_some() {
        three_copies = run.three_copies().await?;
    }
    let mut bytes_per_key = Vec::new();
    if wanted(Section::S10) {
        bytes_per_key = memory::compare(&peers, &binary, &within, options.quick).await?;
    }
    let Run {
        ours, idle, samples, ..
    } = run;
    Ok(Compared {
        machine,
        command: std::env::args().collect::<Vec<_>>().join(" "),
        load_average_after: load_average()?,
        others: Others::look()?.busiest_since(&before, &ours),
        versions: peers.versions()?,
        rounds: options.rounds,
        figure_seconds: figure.as_secs_f64(),
        idle,
        targets,
        samples,
        three_copies,
        bytes_per_key,
    })
}

struct Run<'a> {
    peers: &'a Peers,
    binary: &'a Path,
    within: &'a Path,
    rounds: u32,
    figure: Duration,
    /// Process ids that are no strangers.
    ours: Vec<u32>,
    idle: Vec<Idle>,
    samples: Vec<Sample>,
}

/// The loads of one channel, and who has each.
type Turns = BTreeMap<Load, Vec<Kind>>;

impl Run<'_> {
    fn turns(&self, channel: Channel, targets: &[Target], everything: bool) -> Turns {
        let mut turns = Turns::new();
        for target in targets {
            let kinds = turns.entry(target.load).or_insert_with(|| vec![Kind::Tenure]);
            if !kinds.contains(&target.against) {
                kinds.push(target.against);
            }
        }
        if everything {
            for load in all_loads() {
                turns.insert(load, self.all_kinds(load.verb));
            }
        }
        turns.retain(|load, _| load.channel == channel);
        turns
    }

    fn all_kinds(&self, verb: Verb) -> Vec<Kind> {
        let mut kinds = vec![Kind::Tenure, Kind::Redis];
        if verb == Verb::Set {
            kinds.push(Kind::RedisAlways);
        }
        if self.peers.valkey.is_some() {
            kinds.push(Kind::Valkey);
        }
        kinds
    }

    async fn channel(&mut self, turns: &Turns) -> Result<()> {
        let Some(channel) = turns.keys().next().map(|load| load.channel) else {
            return Ok(());
        };
        let mut kinds: Vec<Kind> = turns.values().flatten().copied().collect();
        kinds.sort_unstable();
        kinds.dedup();
        let mut servers = BTreeMap::new();
        for kind in kinds {
            say(&format!("starting {kind}"));
            let server = self.start(kind, channel).await?;
            fill(&server.door, benchmark_keys(KEYS, VALUE_BYTES)).with_context(|| format!("filling {kind}"))?;
            servers.insert(kind, server);
        }
        for server in servers.values() {
            self.watch_idle(server, channel)?;
        }
        for (load, kinds) in turns {
            let having: Vec<&Server> = kinds.iter().filter_map(|kind| servers.get(kind)).collect();
            self.rounds(*load, &having)?;
        }
        Ok(())
    }

    async fn start(&mut self, kind: Kind, channel: Channel) -> Result<Server> {
        let server = match kind {
            Kind::Tenure => dev::start(self.binary, channel, self.within).await?,
            Kind::Redis | Kind::RedisAlways | Kind::Valkey | Kind::ValkeyThreeCopies => {
                let shape = Shape {
                    kind,
                    channel,
                    in_cluster_mode: false,
                };
                self.peers.start(shape, self.within).await?
            }
        };
        self.ours.extend(server.processes.iter().map(|member| member.pid));
        self.ours
            .extend(server.running.iter().map(tenure_devcluster::Process::id));
        Ok(server)
    }

    fn watch_idle(&mut self, server: &Server, channel: Channel) -> Result<()> {
        let before = cpu_of(&server.processes)?;
        std::thread::sleep(IDLE);
        let used = used_since(&before, &server.processes)?;
        let scheduling = server
            .processes
            .iter()
            .map(|member| Ok((member.name.clone(), scheduling(member.pid)?)));
        self.idle.push(Idle {
            kind: server.kind,
            channel,
            cpu: used.iter().map(|(_, cpu)| cpu.seconds()).sum::<f64>() / IDLE.as_secs_f64(),
            scheduling: scheduling.collect::<Result<_>>()?,
        });
        Ok(())
    }

    fn rounds(&mut self, load: Load, servers: &[&Server]) -> Result<()> {
        say(&format!("{load}"));
        let mut sized = Vec::new();
        for server in servers {
            let requests = load.requests_for(&server.door, self.figure);
            sized.push((*server, requests.with_context(|| format!("{load} on {}", server.kind))?));
        }
        for round in 0..self.rounds {
            for (server, requests) in &sized {
                let sample = measure(server, load, round, *requests);
                self.samples
                    .push(sample.with_context(|| format!("{load} on {}", server.kind))?);
            }
            sized.reverse();
        }
        Ok(())
    }

    async fn three_copies(&mut self) -> Result<Vec<ThreeCopies>> {
        say("SET and WAITAOF on three copies");
        let tenure = self.start(Kind::Tenure, Channel::Plain).await?;
        let valkey = self.start(Kind::ValkeyThreeCopies, Channel::Plain).await?;
        three_copies::compare(&tenure, &valkey, self.rounds, self.figure)
    }
}

/// One turn.
pub(crate) fn measure(server: &Server, load: Load, round: u32, requests: u64) -> Result<Sample> {
    let (before, load_before) = (cpu_of(&server.processes)?, Cpu::of_ended_children()?);
    let seen = load.run(&server.door, requests)?;
    Ok(Sample {
        kind: server.kind,
        load,
        round,
        seen,
        server_cpu: used_since(&before, &server.processes)?,
        load_cpu: Cpu::of_ended_children()?.since(load_before),
    })
}

fn cpu_of(processes: &[Member]) -> Result<Vec<Cpu>> {
    processes.iter().map(|member| Cpu::of(member.pid)).collect()
}

fn used_since(before: &[Cpu], processes: &[Member]) -> Result<Vec<(String, Cpu)>> {
    let used = |(member, before): (&Member, &Cpu)| Ok((member.name.clone(), Cpu::of(member.pid)?.since(*before)));
    processes.iter().zip(before).map(used).collect()
}

/// Tells the person at the terminal how far it is, if there is one. stdout is for what was asked for.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
