//! Renewing leases: one call for all shards of a worker, as they come and go.
//! Promises: runs on the worker's own loop, so a worker that is stuck renews nothing; an answer counts only for the epoch
//! that it was asked for.

use std::rc::Rc;
use std::sync::Arc;

use futures::StreamExt;
use tenure_log::{Log, RenewAnswer};
use tenure_types::BootTime;
use tokio::time::Duration;

use super::commit::Over;
use super::pipeline::Step;
use super::role::Broken;
use super::{Replica, Replicas};

/// Renews the leases of these replicas, every sixth of a lease, until it is dropped.
pub(crate) async fn renew_all(log: Arc<dyn Log>, replicas: Rc<Replicas>, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut asked = futures::stream::FuturesUnordered::new();
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let (log, replicas) = (Arc::clone(&log), replicas.list());
                asked.push(async move { renew_once(&log, &replicas).await });
            }
            Some(()) = asked.next(), if !asked.is_empty() => {}
        }
    }
}

pub(crate) async fn renew_once(log: &Arc<dyn Log>, replicas: &[Rc<Replica>]) {
    let Some(clock) = replicas.first().map(|replica| Arc::clone(&replica.clock)) else {
        return;
    };
    replicas.iter().for_each(|replica| replica.look_at_clocks());
    // Before the call leaves, and after the clocks were found to agree: the lease counts from here.
    let sent = clock.boot();
    let renewals: Vec<_> = replicas.iter().filter_map(|replica| replica.renewal(sent)).collect();
    if renewals.is_empty() {
        return;
    }
    let mut answers = log.renew(renewals);
    while let Some(answer) = answers.next().await {
        let of_stream = |replica: &&Rc<Replica>| replica.stream() == answer.renew.stream;
        if let Some(replica) = replicas.iter().find(of_stream) {
            replica.on_renewed(sent, answer);
        }
    }
}

impl Replica {
    pub(super) fn renewal(&self, now: BootTime) -> Option<tenure_log::Renew> {
        let state = self.state.borrow();
        state.role.pipeline().map(|pipeline| pipeline.renewal(now))
    }

    fn look_at_clocks(&self) {
        self.state.borrow_mut().read_clocks(&*self.clock);
    }

    pub(super) fn on_renewed(&self, sent: BootTime, answer: RenewAnswer) {
        let step = {
            let mut state = self.state.borrow_mut();
            let Some(pipeline) = state
                .role
                .pipeline_mut()
                .filter(|pipeline| pipeline.is_of(&answer.renew))
            else {
                return;
            };
            let now = self.clock.boot();
            let before = pipeline.standing(now);
            let step = pipeline.on_renewed(sent, now, answer.outcome);
            if pipeline.standing(now) != before {
                self.news.notify_one();
            }
            step
        };
        match step {
            Step::GoOn | Step::Resend => {}
            Step::Fenced(fenced) => self.over.set(Some(Over::Fenced(fenced))),
            Step::Broken(refused) => self.over.set(Some(Over::Broken(Broken::Refused(refused)))),
        }
        self.tell_change();
    }
}
