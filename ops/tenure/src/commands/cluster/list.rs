//! `tenure cluster list`

use clap::Args;
use tenure_admin::{Cluster, ConditionStatus, calls};

use crate::api_client::{ApiArguments, TenantArgument};
use crate::failure::Failure;
use crate::output::{Table, size, word};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    tenant: TenantArgument,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let tenant = arguments.tenant.resolve(&client)?;
    let list = client.all(usize::MAX, |page| calls::list_clusters(&tenant, page))?;
    client.output.show(&list, || table(&list.items))
}

fn table(clusters: &[Cluster]) -> String {
    let mut table = Table::new(&[
        "NAME", "STATE", "NOT SO", "SHARDS", "REPLICAS", "MEMORY", "TLS", "CREATED",
    ]);
    for cluster in clusters {
        table.push(&[
            cluster.name.as_str(),
            &word(&cluster.state),
            &wanting(cluster),
            &cluster.spec.shards.to_string(),
            &cluster.spec.replicas.to_string(),
            &size::text(cluster.spec.memory_bytes),
            if cluster.spec.tls { "yes" } else { "NO" },
            &cluster.created_at,
        ]);
    }
    table.to_string()
}

/// The conditions that do not hold, or of which nobody knows.
fn wanting(cluster: &Cluster) -> String {
    let names: Vec<String> = cluster
        .conditions
        .iter()
        .filter(|condition| condition.status != ConditionStatus::True)
        .map(|condition| word(&condition.kind))
        .collect();
    if names.is_empty() {
        "-".to_owned()
    } else {
        names.join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::super::picture::samples;
    use super::*;

    #[test]
    fn a_cluster_is_a_row_with_what_it_lacks() {
        let mut healthy = samples::cluster();
        healthy.name = "games".to_owned();
        healthy.conditions.truncate(1);
        healthy.spec.tls = false;
        assert_eq!(
            table(&[samples::cluster(), healthy]),
            "\
NAME   STATE   NOT SO         SHARDS  REPLICAS  MEMORY  TLS  CREATED
shop   ACTIVE  ZoneRedundant  1       1         256MiB  yes  2026-11-28T21:00:00.000Z
games  ACTIVE  -              1       1         256MiB  NO   2026-11-28T21:00:00.000Z
"
        );
    }
}
