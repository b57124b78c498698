//! `tenure plugin`: commands that tenants add to their clusters.

mod attach;
mod delete;
mod detach;
mod list;
mod push;
mod show;
mod version;

use clap::Subcommand;
use tenure_admin::{ClusterChange, ClusterPlugin, calls};

use crate::api_client::ApiClient;
use crate::commands::operation::follow::{self, Waiting};
use crate::commands::operation::say_how_to_wait;
use crate::failure::Failure;
use crate::output::{Table, printable, say, word};

#[derive(Subcommand)]
pub(crate) enum Plugin {
    /// Push a module: it is looked at, and kept as a version of a plugin.
    Push(push::Arguments),
    /// List the versions of plugins of a tenant.
    List(list::Arguments),
    /// Show a version of a plugin: its commands, and who runs it.
    Show(show::Arguments),
    /// Have a cluster run a plugin, or another version of it.
    Attach(attach::Arguments),
    /// Have a cluster run a plugin no longer. What it wrote stays.
    Detach(detach::Arguments),
    /// Delete a version of a plugin that no cluster runs.
    Delete(delete::Arguments),
}

impl Plugin {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Push(arguments) => push::run(&arguments),
            Self::List(arguments) => list::run(&arguments),
            Self::Show(arguments) => show::run(&arguments),
            Self::Attach(arguments) => attach::run(&arguments),
            Self::Detach(arguments) => detach::run(&arguments),
            Self::Delete(arguments) => delete::run(&arguments),
        }
    }
}

/// Shows what a cluster runs: at once, or when the operation is over.
fn finish(client: &ApiClient, mut change: ClusterChange, waiting: &Waiting) -> Result<(), Failure> {
    let Some(operation) = change.operation.take() else {
        return client.output.show(&change, || text(&change));
    };
    if !waiting.wait {
        say_how_to_wait(&operation);
        change.operation = Some(operation);
        return client.output.show(&change, || text(&change));
    }
    let operation = follow::to_its_end(client, operation, waiting.timeout.timeout)?;
    let outcome = follow::outcome(&operation);
    // The operation is over, whatever becomes of this.
    let (tenant, name) = (&change.cluster.tenant, &change.cluster.name);
    let is_now = match client.send(calls::get_cluster(tenant, name)) {
        Ok(cluster) => {
            change.cluster = cluster;
            true
        }
        Err(failure) => {
            say(&format!(
                "{tenant}/{name} cannot be shown as it is now: {}",
                failure.why()
            ));
            false
        }
    };
    change.operation = Some(operation);
    let shown = client
        .output
        .show(&change, || if is_now { text(&change) } else { String::new() });
    outcome.and(shown)
}

fn text(change: &ClusterChange) -> String {
    let cluster = &change.cluster;
    let name = printable(&format!("{}/{}", cluster.tenant, cluster.name));
    if cluster.plugins.is_empty() {
        return format!("cluster {name} runs no plugins\n");
    }
    format!("cluster {name} runs:\n{}", table(&cluster.plugins))
}

/// What a cluster runs, with what is wrong.
pub(super) fn table(plugins: &[ClusterPlugin]) -> String {
    let mut table = Table::new(&["PLUGIN", "VERSION", "STATE"]);
    let mut problems = Table::bare().indented();
    for plugin in plugins {
        table.push(&[plugin.name.as_str(), &plugin.version, &word(&plugin.state)]);
        for problem in &plugin.problems {
            let (kind, reason) = (word(&problem.kind), &problem.reason);
            problems.push(&[format!("{} on {}: {kind}: {reason}", plugin.name, problem.node)]);
        }
    }
    format!("{table}{problems}")
}

#[cfg(test)]
mod tests {
    use tenure_admin::{PluginProblem, PluginProblemKind, PluginState};

    use super::*;

    #[test]
    fn what_a_cluster_runs_is_shown_with_what_is_wrong() {
        let plugin = |name: &str, state, problems| ClusterPlugin {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            sha256: "00".repeat(32),
            state,
            problems,
        };
        let problem = PluginProblem {
            node: "data-2".to_owned(),
            kind: PluginProblemKind::Quarantined,
            reason: "it trapped\x1b[2J".to_owned(),
        };
        let plugins = [
            plugin("counter", PluginState::Active, Vec::new()),
            plugin("ratelimit", PluginState::Degraded, vec![problem]),
        ];
        assert_eq!(
            table(&plugins),
            "\
PLUGIN     VERSION  STATE
counter    1.0.0    ACTIVE
ratelimit  1.0.0    DEGRADED
  ratelimit on data-2: QUARANTINED: it trapped [2J
"
        );
    }
}
