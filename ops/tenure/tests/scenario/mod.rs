//! A run of a shard with replicas under load, while it is broken and mended: real processes, and clients whose operations
//! are judged in the end. What happened when is printed.

mod actor;
mod client;
mod load;
mod spoken;
mod witness;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tenure_histories::{Checked, History, Judge, List, Model};
use tenure_log::{Fence, Log, Nomination, Ownership};
use tenure_log_node::QuorumLog;
use tenure_types::{NodeId, Owner};

use self::client::Endpoints;
use self::load::Load;
use self::witness::Asked;
use crate::quorum::owner::settled;
use crate::shard::{LOOK_AGAIN_AFTER, Shards, WITHIN};

/// A key that is in no history.
const MARKER: &str = "marker";
/// How long the search for one key may take.
const JUDGED_WITHIN: Duration = Duration::from_secs(20);

/// Runs a test: clients on this thread, proxies on others, so that busy clients hold up no log node.
pub(crate) fn run(scenario: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(tokio::task::LocalSet::new().run_until(scenario));
}

/// See the top of the file.
pub(crate) struct Scenario {
    name: &'static str,
    pub(crate) seed: u64,
    begun: Instant,
    pub(crate) shards: Shards,
    log: QuorumLog,
    /// `None`: it is over.
    load: Option<Load>,
}

impl Scenario {
    /// A shard on three data nodes, under load.
    pub(crate) async fn start(name: &'static str) -> Self {
        let seed = match std::env::var("TENURE_SEED") {
            Ok(seed) => seed.parse().expect("TENURE_SEED is a number"),
            Err(_) => rand::random(),
        };
        println!("{name}: TENURE_SEED={seed}");
        let _ = std::fs::remove_dir_all(folder_of(name));
        let shards = Shards::start_adjusted(1, 3, 2, |options| options.log_routes = true).await;
        let begun = Instant::now();
        let scenario = Self {
            name,
            seed,
            begun,
            log: shards.log_client(),
            load: Some(Load::start(Endpoints::of(&shards), begun, seed)),
            shards,
        };
        scenario.answers(200).await;
        scenario
    }

    /// Says what happens, and when.
    pub(crate) fn say(&self, what: &str) {
        println!("{:8.3} s  {what}", self.begun.elapsed().as_secs_f64());
    }

    /// Says what breaks, and measures from here on.
    pub(crate) fn fault(&self, what: &str) {
        self.say(what);
        self.load().note_fault();
    }

    /// As the load does. If it is the first time after a fault, tells how long writes were not answered.
    pub(crate) async fn answers(&self, more: u64) -> Option<Duration> {
        self.load().answers(more).await;
        let gap = self.load().gap();
        if let Some(gap) = gap {
            self.say(&format!("the first write was answered {gap:.3?} after the fault"));
        }
        gap
    }

    /// Who owns the shard.
    pub(crate) async fn owner(&self) -> Ownership {
        self.shards.ownership(&self.log).await
    }

    /// A node with the shard that is not this one.
    pub(crate) fn another(&self, node: NodeId) -> NodeId {
        let nodes = self.shards.addresses().into_iter().map(|(node, _)| node);
        nodes
            .into_iter()
            .find(|other| *other != node)
            .expect("more than one node")
    }

    /// Waits until another node has the shard.
    pub(crate) async fn owner_other_than(&self, node: NodeId) {
        let taken = async {
            loop {
                let owner = self.owner().await;
                if owner.owner.node != node {
                    return owner;
                }
                tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            }
        };
        let owner = tokio::time::timeout(WITHIN, taken)
            .await
            .expect("another owner in time");
        let name = self.shards.data.name(owner.owner.node);
        self.say(&format!("{name} owns epoch {}", owner.epoch));
    }

    /// Has the log make this node the owner, as a control plane does: whether or not the owner before it lives. Tells
    /// whether it is; another may have been faster.
    pub(crate) async fn fence_for(&self, node: NodeId) -> bool {
        let before = self.owner().await;
        let fence = Fence {
            stream: self.shards.stream(),
            expect_epoch: before.epoch,
            owner: Owner {
                node,
                incarnation: self.shards.life_of(node),
            },
            lease: before.lease,
            nomination: Nomination::ByControlPlane,
        };
        let granted = settled(|| self.log.fence(fence)).await;
        let is_granted = granted.is_ok();
        let name = self.shards.data.name(node);
        self.say(&format!(
            "fenced for {name}{}",
            if is_granted { "" } else { ", too late" }
        ));
        is_granted
    }

    /// Waits until the node has what is written from now on, be it as a replica.
    pub(crate) async fn follows(&self, node: NodeId) {
        let marker = format!("{:?}", self.begun.elapsed());
        let followed = async {
            self.load().write(MARKER, &marker).await;
            while self.shards.read_at(node, MARKER).await.as_ref() != Some(&marker) {
                tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            }
        };
        tokio::time::timeout(WITHIN, followed).await.expect("the node follows");
        self.say(&format!("{} follows", self.shards.data.name(node)));
    }

    /// Waits for what witnesses are answered, which is judged in the end, and says how many were.
    pub(crate) async fn hear(&self, asked: Asked) {
        let of = asked.len();
        let answered = asked.answered().await;
        self.say(&format!("{answered} of {of} witnesses were answered"));
    }

    /// Ends the load and judges everything that it was told.
    pub(crate) async fn check(mut self) {
        self.say("over");
        let histories = self.load.take().expect("a load").stop().await;
        let judge = Judge {
            within: JUDGED_WITHIN,
            folder: folder_of(self.name),
            seed: self.seed,
        };
        let mut wrong = [
            judged(&judge, &histories.registers),
            judged(&judge, &histories.lists),
            judged(&judge, &histories.pairs),
        ]
        .concat();
        self.say("judged");
        for (key, elements) in &histories.final_lists {
            let operations = histories.lists.keys().find(|(other, _)| other == key);
            let (_, operations) = operations.expect("a list that was used");
            let lost = List::not_once(operations, elements);
            wrong.extend(lost.iter().map(|lost| format!("{key}: {lost}")));
        }
        assert!(wrong.is_empty(), "{}: {}", self.name, wrong.join("\n"));
    }

    /// Its clients.
    pub(crate) fn load(&self) -> &Load {
        self.load.as_ref().expect("the scenario is not over")
    }
}

impl Drop for Scenario {
    /// What the processes said goes with their folder; of a failed test it is kept.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let kept = folder_of(self.name);
            println!("seed {}; what the processes said is in {}", self.seed, kept.display());
            keep_outputs(self.shards.folder(), &kept);
        }
    }
}

fn folder_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("histories").join(name)
}

fn keep_outputs(from: &Path, to: &Path) {
    let _ = std::fs::create_dir_all(to);
    for node in std::fs::read_dir(from).into_iter().flatten().flatten() {
        let name = node.file_name().to_string_lossy().into_owned();
        let _ = std::fs::copy(node.path().join("output.log"), to.join(format!("{name}.log")));
    }
}

fn judged<M: Model>(judge: &Judge, history: &History<M>) -> Vec<String> {
    match judge.check(history) {
        Ok(Checked {
            keys,
            operations,
            unknown,
        }) => {
            println!(
                "  {}: {keys} keys, {operations} operations, {unknown} of them unknown",
                M::NAME
            );
            Vec::new()
        }
        Err(objections) => vec![objections.to_string()],
    }
}
