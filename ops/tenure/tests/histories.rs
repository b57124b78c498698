//! What clients of a shard with replicas are told while it is broken: one copy of the data could have told them the same
//! (linearizability). Real processes; `kill -9`, SIGSTOP, partitions of either way between the primary and the log, fences by
//! others. Eight clients and some witnesses overwrite and read registers, swap them, append to lists, and write and read pairs
//! by MULTI. Not power loss, which is tried in `log-quorum/sim`. How long a takeover took is printed, and nothing depends on
//! it. `TENURE_SEED` repeats the choices of a run, though not the order in which processes get to run.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod quorum;
mod scenario;
mod shard;

use std::time::{Duration, Instant};

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tenure_devcluster::LogRoutes;
use tenure_types::NodeId;

use self::scenario::{Scenario, run};

/// How often a fault is tried that a busy machine may make another one.
const TRIES: usize = 10;

#[test]
fn killed_primaries_are_followed_by_others_that_know_all_that_was_acknowledged() {
    run(async {
        let mut scenario = Scenario::start("killed_primaries").await;
        for _ in 0..3 {
            let node = scenario.owner().await.owner.node;
            scenario.fault(&format!("kill -9 of data-{}", node.get()));
            scenario.shards.data.kill(node).await.unwrap();
            scenario.owner_other_than(node).await;
            scenario.answers(200).await;
            scenario.shards.data.restart(node).await.unwrap();
            scenario.say("restarted");
            scenario.answers(200).await;
            scenario.follows(node).await;
        }
        scenario.check().await;
    });
}

#[test]
fn a_pause_that_is_shorter_than_the_lease_changes_no_epoch() {
    const PAUSES: usize = 3;
    run(async {
        let scenario = Scenario::start("short_pauses").await;
        let mut short = 0;
        for _ in 0..TRIES {
            let before = scenario.owner().await;
            let (node, lease) = (before.owner.node, before.lease.as_duration());
            let begun = Instant::now();
            scenario.fault(&format!("SIGSTOP of data-{}", node.get()));
            scenario.shards.data.pause(node).unwrap();
            tokio::time::sleep(lease.mul_f64(0.6)).await;
            scenario.shards.data.resume(node).unwrap();
            scenario.answers(1).await;
            let after = scenario.owner().await;
            let silent = begun.elapsed();
            // On a machine that had other things to do it may have been longer, and then another may have the shard.
            if silent < lease {
                assert_eq!(after.epoch, before.epoch, "silent for {silent:?}");
                short += 1;
            }
            if short == PAUSES {
                return scenario.check().await;
            }
            scenario.answers(200).await;
        }
        panic!("of {TRIES} pauses only {short} were short");
    });
}

#[test]
fn a_primary_that_slept_until_another_had_its_shard_answers_nothing_stale_and_follows() {
    run(async {
        let scenario = Scenario::start("long_pause").await;
        let node = scenario.owner().await.owner.node;
        let witnesses = scenario.load().witnesses_at(node).await;
        scenario.fault(&format!("SIGSTOP of data-{}", node.get()));
        scenario.shards.data.pause(node).unwrap();
        scenario.owner_other_than(node).await;
        scenario.answers(200).await;
        let asked = witnesses.ask().await;
        scenario.shards.data.resume(node).unwrap();
        scenario.say("SIGCONT");
        scenario.hear(asked).await;
        scenario.answers(200).await;
        scenario.follows(node).await;
        scenario.check().await;
    });
}

#[test]
fn a_primary_whose_calls_the_log_does_not_hear_is_followed_by_another() {
    run(partition("lost_calls", LogRoutes::hold_calls));
}

/// The log may have what the primary never hears of.
#[test]
fn a_primary_that_does_not_hear_the_log_is_followed_by_another() {
    run(partition("lost_answers", LogRoutes::hold_answers));
}

/// A lease counts from the sending of a record, however late its verdict is heard.
#[test]
fn a_primary_that_hears_the_log_late_serves_no_longer_for_it() {
    run(async {
        let scenario = Scenario::start("late_answers").await;
        let routes = scenario.shards.data.log_routes().unwrap();
        let owner = scenario.owner().await;
        let node = owner.owner.node;
        scenario.fault(&format!("data-{} does not hear the log", node.get()));
        routes.hold_answers(node).unwrap();
        // Its lease is over then, and nobody has fenced it yet.
        tokio::time::sleep(owner.lease.as_duration().mul_f64(1.05)).await;
        routes.hold_calls(node).unwrap();
        routes.release_answers(node).unwrap();
        scenario.say("it hears what was answered, and asks in vain");
        scenario.load().until_all_are_stuck().await;
        for other in scenario.shards.addresses() {
            for _ in 0..2 {
                scenario.load().insist_on(other.0, other.0 != node);
            }
        }
        scenario.owner_other_than(node).await;
        scenario.answers(200).await;
        routes.heal(node).unwrap();
        scenario.say("healed");
        scenario.answers(100).await;
        scenario.follows(node).await;
        scenario.check().await;
    });
}

#[test]
fn a_primary_that_is_cut_off_from_the_log_is_followed_by_another() {
    run(partition("cut_off", LogRoutes::isolate));
}

async fn partition(name: &'static str, cut: fn(&LogRoutes, NodeId) -> Result<()>) {
    let scenario = Scenario::start(name).await;
    let routes = scenario.shards.data.log_routes().unwrap();
    let node = scenario.owner().await.owner.node;
    let during = scenario.load().witnesses_at(node).await;
    let after = scenario.load().witnesses_at(node).await;
    scenario.fault(&format!("{name}: data-{}", node.get()));
    cut(routes, node).unwrap();
    scenario.owner_other_than(node).await;
    scenario.answers(200).await;
    scenario.hear(during.ask().await).await;
    scenario.answers(200).await;
    let asked = after.ask().await;
    routes.heal(node).unwrap();
    scenario.say("healed");
    scenario.hear(asked).await;
    scenario.answers(200).await;
    scenario.follows(node).await;
    scenario.check().await;
}

/// A replica waits by itself until no lease can live. A control plane does not: it may fence an owner that still answers
/// reads and has not heard of it.
#[test]
fn who_is_made_the_owner_while_the_one_before_still_answers_waits_for_the_end_of_its_lease() {
    run(async {
        let scenario = Scenario::start("fenced_alive").await;
        let routes = scenario.shards.data.log_routes().unwrap();
        for _ in 0..TRIES {
            let before = scenario.owner().await;
            let node = before.owner.node;
            let next = scenario.another(node);
            let cut = Instant::now();
            scenario.fault(&format!("data-{} is cut off from the log", node.get()));
            routes.isolate(node).unwrap();
            scenario.load().until_all_are_stuck().await;
            scenario.say("everybody waits");
            for _ in 0..2 {
                scenario.load().insist_on(node, false);
                scenario.load().insist_on(next, true);
            }
            let is_granted = scenario.fence_for(next).await;
            let is_early = cut.elapsed() < before.lease.as_duration().mul_f64(0.75);
            scenario.answers(200).await;
            routes.heal(node).unwrap();
            scenario.say("healed");
            scenario.answers(200).await;
            scenario.follows(node).await;
            // On a machine that had other things to do the lease may have been over.
            if is_granted && is_early {
                return scenario.check().await;
            }
        }
        panic!("no lease lived when its owner was fenced, {TRIES} times");
    });
}

#[test]
fn while_the_leader_of_the_log_is_cut_off_from_its_peers_writes_go_on_under_the_same_epoch() {
    run(async {
        let scenario = Scenario::start("isolated_log_leader").await;
        for _ in 0..TRIES {
            let before = scenario.owner().await;
            let leader = scenario.shards.log_leader().await;
            scenario.fault(&format!("log-{} is cut off from its peers", leader.get()));
            scenario.shards.log.links().isolate(leader);
            let gap = scenario.answers(300).await;
            let after = scenario.owner().await;
            scenario.shards.log.links().heal();
            scenario.say("healed");
            scenario.answers(300).await;
            // On a machine that had other things to do the lease may have been over.
            if gap.is_some_and(|gap| gap < before.lease.as_duration()) {
                assert_eq!(after.epoch, before.epoch);
                return scenario.check().await;
            }
        }
        panic!("the log was without a leader for as long as a lease, {TRIES} times");
    });
}

#[test]
fn a_primary_and_the_leader_of_the_log_that_are_killed_at_once_are_followed_by_others() {
    run(async {
        let mut scenario = Scenario::start("killed_both").await;
        let node = scenario.owner().await.owner.node;
        let leader = scenario.shards.log_leader().await;
        scenario.fault(&format!("kill -9 of data-{} and log-{}", node.get(), leader.get()));
        let (data, log) = (scenario.shards.data.kill(node), scenario.shards.log.kill(leader));
        tokio::try_join!(data, log).unwrap();
        scenario.owner_other_than(node).await;
        scenario.answers(200).await;
        scenario.shards.log.restart(leader).await.unwrap();
        scenario.shards.data.restart(node).await.unwrap();
        scenario.say("restarted");
        scenario.answers(200).await;
        scenario.follows(node).await;
        scenario.check().await;
    });
}

#[test]
fn whatever_breaks_in_whatever_order_one_copy_could_have_answered() {
    const LASTS: Duration = Duration::from_secs(15);
    run(async {
        let mut scenario = Scenario::start("anything").await;
        let random = &mut StdRng::seed_from_u64(scenario.seed);
        let begun = Instant::now();
        while begun.elapsed() < LASTS {
            let fault = Fault::ALL[random.random_range(0..Fault::ALL.len())];
            let node = scenario.owner().await.owner.node;
            let leader = scenario.shards.log_leader().await;
            // Some are over before anybody noticed, some long after another took the shard.
            let lasting = Duration::from_millis(random.random_range(50..3500));
            scenario.fault(&format!(
                "{fault:?} for {lasting:?} of data-{}, log-{}",
                node.get(),
                leader.get()
            ));
            fault.begin(&mut scenario, node, leader).await;
            if random.random_bool(0.3) {
                tokio::time::sleep(lasting.mul_f64(random.random_range(0.0..0.5))).await;
                scenario.fence_for(scenario.another(node)).await;
            }
            tokio::time::sleep(lasting).await;
            fault.end(&mut scenario, node, leader).await;
            scenario.say("mended");
            scenario.answers(100).await;
        }
        scenario.check().await;
    });
}

/// What can break.
#[derive(Debug, Clone, Copy)]
enum Fault {
    PrimaryKilled,
    PrimaryPaused,
    CallsLost,
    AnswersLost,
    PrimaryCutOff,
    LogLeaderKilled,
    LogLeaderCutOff,
    BothKilled,
}

impl Fault {
    const ALL: [Self; 8] = [
        Self::PrimaryKilled,
        Self::PrimaryPaused,
        Self::CallsLost,
        Self::AnswersLost,
        Self::PrimaryCutOff,
        Self::LogLeaderKilled,
        Self::LogLeaderCutOff,
        Self::BothKilled,
    ];

    async fn begin(self, scenario: &mut Scenario, primary: NodeId, leader: NodeId) {
        let (data, log) = (&scenario.shards.data, &scenario.shards.log);
        match self {
            Self::PrimaryKilled => _ = data.kill(primary).await.unwrap(),
            Self::PrimaryPaused => data.pause(primary).unwrap(),
            Self::CallsLost => data.log_routes().unwrap().hold_calls(primary).unwrap(),
            Self::AnswersLost => data.log_routes().unwrap().hold_answers(primary).unwrap(),
            Self::PrimaryCutOff => data.log_routes().unwrap().isolate(primary).unwrap(),
            Self::LogLeaderKilled => _ = log.kill(leader).await.unwrap(),
            Self::LogLeaderCutOff => log.links().isolate(leader),
            Self::BothKilled => _ = tokio::try_join!(data.kill(primary), log.kill(leader)).unwrap(),
        }
    }

    async fn end(self, scenario: &mut Scenario, primary: NodeId, leader: NodeId) {
        let (data, log) = (&mut scenario.shards.data, &mut scenario.shards.log);
        match self {
            Self::PrimaryKilled => data.restart(primary).await.unwrap(),
            Self::PrimaryPaused => data.resume(primary).unwrap(),
            Self::CallsLost | Self::AnswersLost | Self::PrimaryCutOff => {
                data.log_routes().unwrap().heal(primary).unwrap()
            }
            Self::LogLeaderKilled => log.restart(leader).await.unwrap(),
            Self::LogLeaderCutOff => log.links().heal(),
            Self::BothKilled => {
                log.restart(leader).await.unwrap();
                data.restart(primary).await.unwrap();
            }
        }
    }
}
