//! The metrics of plugins: names, units and label values in one place.
//! Promises: a plugin has series as long as it is attached on this node, one for each cluster that has it. What is counted
//! begins at 0 when another version is attached.

use std::collections::HashMap;

use prometheus::Registry;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{LabelPair, MetricFamily, MetricType};

use super::{Series, pair};
use crate::node::PluginReport;

/// Labels of every series of a plugin.
const LABELS: [&str; 4] = ["tenant", "cluster", "plugin", "version"];

/// One name.
struct Family {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    read: fn(&PluginReport, &mut Series<'_>),
}

/// `ops/docs/metrics.md` has the same for people.
const FAMILIES: &[Family] = &[
    Family {
        name: "tenure_plugin_calls_total",
        help: "Calls of the plugin's commands, whatever became of them.",
        kind: MetricType::COUNTER,
        read: |plugin, to| to.add(plugin.stats.calls as f64),
    },
    Family {
        name: "tenure_plugin_refusals_total",
        help: "Calls that the plugin answered with an error, or that wrote more than a call may.",
        kind: MetricType::COUNTER,
        read: |plugin, to| to.add(plugin.stats.refusals as f64),
    },
    Family {
        name: "tenure_plugin_faults_total",
        help: "Calls in which the plugin broke, by how.",
        kind: MetricType::COUNTER,
        read: |plugin, to| {
            for (reason, count) in &plugin.stats.faults {
                to.add_with(&[("reason", reason)], *count as f64);
            }
        },
    },
    Family {
        name: "tenure_plugin_call_seconds_total",
        help: "Time spent in calls of the plugin.",
        kind: MetricType::COUNTER,
        read: |plugin, to| to.add(plugin.stats.time.as_secs_f64()),
    },
    Family {
        name: "tenure_plugin_memory_bytes",
        help: "Memory of all instances of the plugin.",
        kind: MetricType::GAUGE,
        read: |plugin, to| to.add(plugin.stats.memory_bytes as f64),
    },
    Family {
        name: "tenure_plugin_quarantined",
        help: "Whether the plugin's commands answer an error without running, because it broke too often.",
        kind: MetricType::GAUGE,
        read: |plugin, to| to.add(f64::from(u8::from(plugin.quarantined.is_some()))),
    },
];

/// Shows plugins as they are when somebody asks.
struct Plugins<R> {
    report: R,
    descriptions: Vec<Desc>,
}

/// Puts the metrics of the plugins that are reported into a registry.
pub(crate) fn register_plugins<R>(registry: &Registry, report: R) -> Result<(), prometheus::Error>
where
    R: Fn() -> Vec<PluginReport> + Send + Sync + 'static,
{
    let labels: Vec<String> = LABELS.map(str::to_owned).to_vec();
    let describe = |family: &Family| {
        let (name, help) = (family.name.to_owned(), family.help.to_owned());
        Desc::new(name, help, labels.clone(), HashMap::new())
    };
    let descriptions = FAMILIES.iter().map(describe).collect::<Result<_, _>>()?;
    registry.register(Box::new(Plugins { report, descriptions }))
}

impl<R: Fn() -> Vec<PluginReport> + Send + Sync> Collector for Plugins<R> {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let plugins = (self.report)();
        let labels: Vec<_> = plugins.iter().map(labels).collect();
        let shown = |family: &Family| {
            let mut metrics = Vec::new();
            for (plugin, labels) in plugins.iter().zip(&labels) {
                let mut series = Series {
                    labels,
                    kind: family.kind,
                    metrics,
                };
                (family.read)(plugin, &mut series);
                metrics = series.metrics;
            }
            let mut shown = MetricFamily::default();
            shown.set_name(family.name.to_owned());
            shown.set_help(family.help.to_owned());
            shown.set_field_type(family.kind);
            shown.set_metric(metrics);
            shown
        };
        FAMILIES.iter().map(shown).collect()
    }
}

fn labels(plugin: &PluginReport) -> Vec<LabelPair> {
    let values = [
        &plugin.cluster.tenant.get().to_string(),
        &plugin.cluster.name,
        &plugin.name,
        &plugin.version,
    ];
    let named = LABELS.into_iter().zip(values);
    named.map(|(name, value)| pair(name, value)).collect()
}
