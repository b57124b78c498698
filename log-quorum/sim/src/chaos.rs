//! What is done to the machines and the network of a world, and when: drawn from the seed.
//! Promises: everything that is broken is mended in the end. Leaves to the oracle: what must hold meanwhile.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;

use crate::host::Host;

/// Between two harms.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_millis(1_500);
/// How long a harm lasts.
const HARM_MIN: Duration = Duration::from_millis(50);
const HARM_MAX: Duration = Duration::from_millis(3_000);

const CUT_OFF_MORE: Duration = Duration::from_secs(2);

/// Does harm and mends it.
pub struct Chaos {
    rng: SmallRng,
    kinds: Vec<Harm>,
    next: Duration,
    open: Vec<Open>,
    /// How often each kind was done.
    pub done: Counts,
}

/// One kind of harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// A process is killed; what it wrote is in the page cache.
    Kill,
    /// A machine loses power.
    PowerCut,
    /// All machines lose power at once.
    QuorumPowerCut,
    /// Two machines hear nothing of each other.
    Partition,
    /// One machine does not hear another, which hears it.
    OneWay,
    /// A machine hears nobody, callers included.
    Isolate,
    /// A machine hears callers, and no other node: where a leader that is none any more would answer.
    CutOff,
    /// The next sync of a disk fails.
    FailSync,
}

/// How often each kind was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Processes killed.
    pub kills: usize,
    /// Single machines that lost power.
    pub power_cuts: usize,
    /// Times that all machines lost power at once.
    pub quorum_power_cuts: usize,
    /// Cuts in the network, of any kind.
    pub partitions: usize,
    /// Syncs made to fail.
    pub failed_syncs: usize,
}

impl Counts {
    /// All together.
    pub fn all(&self) -> usize {
        self.kills + self.power_cuts + self.quorum_power_cuts + self.partitions + self.failed_syncs
    }
}

/// A harm that is not mended.
struct Open {
    until: Duration,
    mend: Mend,
}

enum Mend {
    Restart(usize),
    Repair { from: String, to: String },
}

impl Chaos {
    /// Draws from these kinds.
    pub fn new(rng: SmallRng, kinds: Vec<Harm>) -> Self {
        Self {
            rng,
            kinds,
            next: Duration::from_millis(500),
            open: Vec::new(),
            done: Counts::default(),
        }
    }

    /// Does and mends what is due.
    pub fn step(&mut self, sim: &mut turmoil::Sim<'_>, hosts: &[Host], callers: &[String]) {
        let now = sim.elapsed();
        self.restart_failed(sim, hosts, now);
        self.mend(sim, hosts, |open| open.until <= now);
        if now >= self.next {
            self.next = now + self.rng.random_range(PAUSE_MIN..PAUSE_MAX);
            let kind = self.kinds.choose(&mut self.rng).copied();
            if let Some(kind) = kind {
                self.harm(kind, sim, hosts, callers, now);
            }
        }
    }

    /// Mends everything.
    pub fn end(&mut self, sim: &mut turmoil::Sim<'_>, hosts: &[Host]) {
        // First, or a machine that is started again fails at once.
        hosts.iter().for_each(|host| host.disk().fail_syncs(0));
        self.mend(sim, hosts, |_| true);
        for (index, host) in hosts.iter().enumerate() {
            if host.has_failed() || !sim.is_host_running(host.name.as_str()) {
                self.restart(sim, hosts, index);
            }
        }
    }

    fn harm(&mut self, kind: Harm, sim: &mut turmoil::Sim<'_>, hosts: &[Host], callers: &[String], now: Duration) {
        let victim = self.rng.random_range(0..hosts.len());
        let other = (victim + self.rng.random_range(1..hosts.len())) % hosts.len();
        let until = now + self.rng.random_range(HARM_MIN..HARM_MAX);
        tracing::info!(?kind, victim = hosts[victim].name, at = ?now, "harm");
        match kind {
            Harm::Kill => {
                self.done.kills += 1;
                self.down(sim, hosts, victim, until, false);
            }
            Harm::PowerCut => {
                self.done.power_cuts += 1;
                self.down(sim, hosts, victim, until, true);
            }
            Harm::QuorumPowerCut => {
                self.done.quorum_power_cuts += 1;
                (0..hosts.len()).for_each(|index| self.down(sim, hosts, index, until, true));
            }
            Harm::Partition => {
                self.done.partitions += 1;
                let (one, two) = (&hosts[victim].name, &hosts[other].name);
                self.cut(sim, one, two, until);
                self.cut(sim, two, one, until);
            }
            Harm::OneWay => {
                self.done.partitions += 1;
                self.cut(sim, &hosts[victim].name, &hosts[other].name, until);
            }
            Harm::Isolate => {
                self.done.partitions += 1;
                let others = hosts.iter().map(|host| &host.name).chain(callers);
                for other in others.filter(|other| **other != hosts[victim].name) {
                    self.cut(sim, other, &hosts[victim].name, until);
                    self.cut(sim, &hosts[victim].name, other, until);
                }
            }
            Harm::CutOff => {
                self.done.partitions += 1;
                // Long enough for the others to elect, and for callers to find the one they elected.
                let until = until + CUT_OFF_MORE;
                for other in hosts.iter().filter(|other| other.name != hosts[victim].name) {
                    self.cut(sim, &other.name, &hosts[victim].name, until);
                    self.cut(sim, &hosts[victim].name, &other.name, until);
                }
            }
            Harm::FailSync => {
                self.done.failed_syncs += 1;
                hosts[victim].disk().fail_syncs(1);
            }
        }
    }

    fn down(&mut self, sim: &mut turmoil::Sim<'_>, hosts: &[Host], victim: usize, until: Duration, power: bool) {
        let host = &hosts[victim];
        if !sim.is_host_running(host.name.as_str()) {
            return;
        }
        if power {
            host.cut_power(sim, &mut self.rng);
        } else {
            host.kill(sim);
        }
        let mend = Mend::Restart(victim);
        self.open.push(Open { until, mend });
    }

    fn cut(&mut self, sim: &mut turmoil::Sim<'_>, from: &str, to: &str, until: Duration) {
        sim.partition_oneway(from, to);
        let mend = Mend::Repair {
            from: from.to_owned(),
            to: to.to_owned(),
        };
        self.open.push(Open { until, mend });
    }

    fn mend(&mut self, sim: &mut turmoil::Sim<'_>, hosts: &[Host], due: impl Fn(&Open) -> bool) {
        let (due, open) = std::mem::take(&mut self.open).into_iter().partition(due);
        self.open = open;
        let due: Vec<Open> = due;
        for open in due {
            match open.mend {
                Mend::Restart(index) => self.restart(sim, hosts, index),
                Mend::Repair { from, to } => sim.repair_oneway(from.as_str(), to.as_str()),
            }
        }
    }

    /// A process whose disk failed has ended itself; its machine starts it again after a while, on what the disk has.
    fn restart_failed(&mut self, sim: &mut turmoil::Sim<'_>, hosts: &[Host], now: Duration) {
        for (index, host) in hosts.iter().enumerate() {
            if host.has_failed() && sim.is_host_running(host.name.as_str()) {
                let until = now + self.rng.random_range(HARM_MIN..HARM_MAX);
                self.down(sim, hosts, index, until, true);
            }
        }
    }

    fn restart(&self, sim: &mut turmoil::Sim<'_>, hosts: &[Host], index: usize) {
        tracing::info!(host = hosts[index].name, at = ?sim.elapsed(), "restart");
        hosts[index].restart(sim);
    }
}
