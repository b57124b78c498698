//! What is counted and measured of a control plane: names, units and label values of its metrics, in one place.
//! Promises: the values of every label are few and known: routes are templates, never paths. What is shown of the world is
//! what the reconcilers read last. Leaves to the caller: the registry, and who may read it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use prometheus::core::Collector;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use tenure_control_model::{ClusterState, FailoverOutcome, OperationState, World};
use tenure_control_store::StoreError;
use tenure_types::Clock;

/// Upper bounds, in seconds, of answers: from memory to a request that waits for an operation.
const REQUEST_SECONDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 30.0];

/// Upper bounds, in seconds, of one part of a pass: from nothing to do to a log that does not answer.
const RECONCILE_SECONDS: [f64; 9] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 2.5];

/// The path of a request that is none of the API's.
const NO_ROUTE: &str = "none";

/// Parts of a pass that are measured by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reconciler {
    /// Reading everything.
    Read,
    /// All those that only plan, and what they changed.
    Plan,
    Failover,
    Deprovision,
    Verify,
    Forget,
}

impl Reconciler {
    const ALL: [Self; 6] = [
        Self::Read,
        Self::Plan,
        Self::Failover,
        Self::Deprovision,
        Self::Verify,
        Self::Forget,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Plan => "plan",
            Self::Failover => "failover",
            Self::Deprovision => "deprovision",
            Self::Verify => "verify",
            Self::Forget => "forget",
        }
    }
}

const CLUSTER_STATES: [(ClusterState, &str); 3] = [
    (ClusterState::Creating, "creating"),
    (ClusterState::Active, "active"),
    (ClusterState::Deleting, "deleting"),
];

/// Operations that are over are in no world.
const OPERATION_STATES: [(OperationState, &str); 2] = [
    (OperationState::Pending, "pending"),
    (OperationState::Running, "running"),
];

const NODE_STATES: [&str; 2] = ["alive", "silent"];

const OUTCOMES: [&str; 3] = ["won", "lost", "unknown"];

const fn outcome_word(outcome: FailoverOutcome) -> &'static str {
    match outcome {
        FailoverOutcome::Won(_) => "won",
        FailoverOutcome::Lost(_) => "lost",
        FailoverOutcome::Unknown => "unknown",
    }
}

/// See the top of the file. Clones count together.
#[derive(Debug, Clone)]
pub struct Metrics {
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    sessions: IntGauge,
    reconcile_seconds: HistogramVec,
    reconcile_failures: IntCounterVec,
    failovers: IntCounterVec,
    generation: IntGauge,
    clusters: IntGaugeVec,
    nodes: IntGaugeVec,
    operations: IntGaugeVec,
}

impl Metrics {
    /// Puts them into a registry.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        // `ops/docs/metrics.md` has the same for people.
        let metrics = Self {
            requests: IntCounterVec::new(
                Opts::new(
                    "tenure_control_http_requests_total",
                    "Requests to the REST API that were answered.",
                ),
                &["route", "method", "status"],
            )?,
            request_seconds: HistogramVec::new(
                HistogramOpts::new(
                    "tenure_control_http_request_seconds",
                    "How long answers of the REST API took. Some wait for the end of an operation because they were asked to.",
                )
                .buckets(REQUEST_SECONDS.to_vec()),
                &["route"],
            )?,
            sessions: IntGauge::new(
                "tenure_control_sessions",
                "Sessions of data nodes that stand.",
            )?,
            reconcile_seconds: HistogramVec::new(
                HistogramOpts::new(
                    "tenure_control_reconcile_seconds",
                    "How long the parts of a pass of the reconcilers took.",
                )
                .buckets(RECONCILE_SECONDS.to_vec()),
                &["reconciler"],
            )?,
            reconcile_failures: IntCounterVec::new(
                Opts::new(
                    "tenure_control_reconcile_failures_total",
                    "Passes of the reconcilers that ended in this part because the database did not answer.",
                ),
                &["reconciler"],
            )?,
            failovers: IntCounterVec::new(
                Opts::new(
                    "tenure_control_failovers_total",
                    "Attempts to give a silent shard another owner. One that is unknown is counted again once it is known.",
                ),
                &["outcome"],
            )?,
            generation: IntGauge::new(
                "tenure_control_generation",
                "Generation of what nodes are to host: it grows with every change of that.",
            )?,
            clusters: IntGaugeVec::new(Opts::new("tenure_control_clusters", "Clusters."), &["state"])?,
            nodes: IntGaugeVec::new(
                Opts::new(
                    "tenure_control_nodes",
                    "Data nodes that have registered: those that were heard of within their lease, and others.",
                ),
                &["state"],
            )?,
            operations: IntGaugeVec::new(
                Opts::new("tenure_control_operations", "Operations that are not over."),
                &["state"],
            )?,
        };
        metrics.begin();
        for collector in metrics.collectors() {
            registry.register(collector)?;
        }
        Ok(metrics)
    }

    /// What has not happened yet is shown as 0: of a series that appears with its first event, no rate knows it.
    fn begin(&self) {
        for word in Reconciler::ALL.map(Reconciler::word) {
            let _ = self.reconcile_seconds.get_metric_with_label_values(&[word]);
            let _ = self.reconcile_failures.get_metric_with_label_values(&[word]);
        }
        for word in OUTCOMES {
            let _ = self.failovers.get_metric_with_label_values(&[word]);
        }
        self.show(&World::default(), 0);
    }

    fn collectors(&self) -> [Box<dyn Collector>; 10] {
        [
            Box::new(self.requests.clone()),
            Box::new(self.request_seconds.clone()),
            Box::new(self.sessions.clone()),
            Box::new(self.reconcile_seconds.clone()),
            Box::new(self.reconcile_failures.clone()),
            Box::new(self.failovers.clone()),
            Box::new(self.generation.clone()),
            Box::new(self.clusters.clone()),
            Box::new(self.nodes.clone()),
            Box::new(self.operations.clone()),
        ]
    }

    /// A request was answered. `route` is a template; `None`: it is none of the API's.
    pub(crate) fn answered(&self, route: Option<&str>, method: &Method, status: StatusCode, took: Duration) {
        let route = route.unwrap_or(NO_ROUTE);
        if let Ok(requests) = self
            .requests
            .get_metric_with_label_values(&[route, method_word(method), status.as_str()])
        {
            requests.inc();
        }
        if let Ok(seconds) = self.request_seconds.get_metric_with_label_values(&[route]) {
            seconds.observe(took.as_secs_f64());
        }
    }

    /// A session of a node stands until what this gives is dropped.
    pub(crate) fn session(&self) -> CountedSession {
        self.sessions.inc();
        CountedSession(self.sessions.clone())
    }

    /// Measures a part of a pass.
    pub(crate) async fn reconciling<T>(
        &self,
        reconciler: Reconciler,
        clock: &Arc<dyn Clock>,
        part: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let begun = clock.boot();
        let outcome = part.await;
        let word = reconciler.word();
        if let Ok(seconds) = self.reconcile_seconds.get_metric_with_label_values(&[word]) {
            seconds.observe(clock.boot().elapsed_since(begun).as_secs_f64());
        }
        if outcome.is_err()
            && let Ok(failures) = self.reconcile_failures.get_metric_with_label_values(&[word])
        {
            failures.inc();
        }
        outcome
    }

    /// An attempt to fail over ended.
    pub(crate) fn failed_over(&self, outcome: FailoverOutcome) {
        if let Ok(failovers) = self.failovers.get_metric_with_label_values(&[outcome_word(outcome)]) {
            failovers.inc();
        }
    }

    /// The world was read, and so many of its nodes live.
    pub(crate) fn show(&self, world: &World, alive: usize) {
        self.generation.set(shown(world.generation));
        let set = |gauges: &IntGaugeVec, word: &str, count: usize| {
            if let Ok(gauge) = gauges.get_metric_with_label_values(&[word]) {
                gauge.set(shown(count as u64));
            }
        };
        for (state, word) in CLUSTER_STATES {
            let clusters = world.clusters.iter().filter(|cluster| cluster.state == state);
            set(&self.clusters, word, clusters.count());
        }
        for (state, word) in OPERATION_STATES {
            let operations = world.operations.iter().filter(|operation| operation.state == state);
            set(&self.operations, word, operations.count());
        }
        let counts = [alive, world.nodes.len().saturating_sub(alive)];
        for (word, count) in NODE_STATES.into_iter().zip(counts) {
            set(&self.nodes, word, count);
        }
    }
}

/// See [`Metrics::session`].
#[derive(Debug)]
pub(crate) struct CountedSession(IntGauge);

impl Drop for CountedSession {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn shown(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Callers may make up methods.
fn method_word(method: &Method) -> &'static str {
    const KNOWN: [(Method, &str); 7] = [
        (Method::GET, "GET"),
        (Method::HEAD, "HEAD"),
        (Method::POST, "POST"),
        (Method::PUT, "PUT"),
        (Method::PATCH, "PATCH"),
        (Method::DELETE, "DELETE"),
        (Method::OPTIONS, "OPTIONS"),
    ];
    let known = KNOWN.into_iter().find(|(known, _)| known == method);
    known.map_or("other", |(_, word)| word)
}

#[cfg(test)]
mod tests {
    use prometheus::proto::MetricType;

    use super::*;

    #[test]
    fn names_say_whose_they_are_and_whether_they_only_grow_and_helps_are_sentences() {
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).unwrap();
        metrics.answered(None, &Method::GET, StatusCode::OK, Duration::ZERO);
        let families = registry.gather();
        assert_eq!(
            families.len(),
            metrics.collectors().len(),
            "a family without series is none"
        );
        for family in families {
            let (name, help) = (family.name(), family.help());
            assert!(name.starts_with("tenure_control_"), "{name}");
            let is_counter = family.get_field_type() == MetricType::COUNTER;
            assert_eq!(name.ends_with("_total"), is_counter, "{name}");
            assert!(
                help.ends_with('.') && help.starts_with(char::is_uppercase),
                "{name}: {help}"
            );
        }
    }

    #[test]
    fn callers_make_up_no_label_values() {
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).unwrap();
        for method in ["BREW", "POKE", "get"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            metrics.answered(None, &method, StatusCode::NOT_FOUND, Duration::ZERO);
        }
        let family = registry.gather().into_iter();
        let family = family
            .into_iter()
            .find(|family| family.name().ends_with("requests_total"));
        let family = family.unwrap();
        let [one] = family.get_metric() else {
            unreachable!("{family:?}")
        };
        let values: Vec<_> = one.get_label().iter().map(|label| label.value()).collect();
        assert_eq!(values, ["other", "none", "404"]);
    }

    #[test]
    fn a_session_counts_until_it_is_dropped() {
        let metrics = Metrics::register(&Registry::new()).unwrap();
        let (one, other) = (metrics.session(), metrics.session());
        assert_eq!(metrics.sessions.get(), 2);
        drop((one, other));
        assert_eq!(metrics.sessions.get(), 0);
    }
}
