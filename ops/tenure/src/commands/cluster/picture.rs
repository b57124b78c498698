//! A cluster and its shards: what `show` and the commands that change one end with.
//! Promises: the JSON is [`ClusterChange`], whichever command prints it.

use tenure_admin::{Cluster, ClusterChange, Operation, Shard, calls};

use crate::api_client::ApiClient;
use crate::commands::plugin;
use crate::failure::Failure;
use crate::output::{Table, or_dash, say, size, word};

/// A cluster when the operation on it is over.
pub(super) struct After {
    /// The cluster as it is now. If it could not be read, as it was when the change was asked for, and without shards: where
    /// those are now is not known.
    pub(super) change: ClusterChange,
    is_now: bool,
}

/// Reads the cluster again. The operation is over, whatever becomes of this: a failure is told on stderr and is no failure of
/// the command.
pub(super) fn after(client: &ApiClient, begun: ClusterChange, operation: Operation) -> After {
    let (tenant, name) = (&begun.cluster.tenant, &begun.cluster.name);
    match read(client, tenant, name, Some(operation.clone())) {
        Ok(change) => After { change, is_now: true },
        Err(failure) => {
            let why = failure.why();
            say(&format!("{tenant}/{name} cannot be shown as it is now: {why}"));
            let change = ClusterChange {
                operation: Some(operation),
                shards: Vec::new(),
                ..begun
            };
            After { change, is_now: false }
        }
    }
}

impl After {
    /// For people: nothing that is out of date.
    pub(super) fn text(&self) -> String {
        if self.is_now {
            text(&self.change.cluster, &self.change.shards)
        } else {
            String::new()
        }
    }
}

/// The cluster as it is now.
pub(super) fn read(
    client: &ApiClient,
    tenant: &str,
    name: &str,
    operation: Option<Operation>,
) -> Result<ClusterChange, Failure> {
    let cluster = client.send(calls::get_cluster(tenant, name))?;
    let shards = client.all(usize::MAX, |page| calls::list_shards(tenant, name, page))?;
    Ok(ClusterChange {
        cluster,
        operation,
        shards: shards.items,
    })
}

/// For people.
pub(super) fn text(cluster: &Cluster, shards: &[Shard]) -> String {
    let mut text = format!("{}\n{}", head(cluster), conditions(cluster));
    if !cluster.plugins.is_empty() {
        text += &format!("\n{}", plugin::table(&cluster.plugins));
    }
    for shard in shards {
        text += &format!("\n{}", shard_text(shard));
    }
    text
}

fn head(cluster: &Cluster) -> Table {
    let spec = &cluster.spec;
    let mut table = Table::bare();
    table.push(&["cluster", &format!("{}/{}", cluster.tenant, cluster.name)]);
    table.push(&["id", &cluster.id]);
    table.push(&["state", &word(&cluster.state)]);
    if let Some(operation) = &cluster.operation {
        table.push(&["operation", operation]);
    }
    table.push(&["created", &cluster.created_at]);
    table.push(&[
        "shards",
        &format!("{}, replicas of each: {}", spec.shards, spec.replicas),
    ]);
    let memory = size::text(spec.memory_bytes);
    table.push(&["memory", &format!("{memory} for each shard, {}", spec.eviction_policy)]);
    table.push(&["tls", if spec.tls { "yes" } else { "NO" }]);
    table.push(&["users", &cluster.users.join(" ")]);
    for (at, endpoint) in cluster.endpoints.iter().enumerate() {
        table.push(&[if at == 0 { "endpoints" } else { "" }, endpoint]);
    }
    table
}

fn conditions(cluster: &Cluster) -> Table {
    let mut table = Table::new(&["CONDITION", "HOLDS", "REASON", "MESSAGE"]);
    for condition in &cluster.conditions {
        table.push(&[
            &word(&condition.kind),
            &word(&condition.status),
            &condition.reason,
            &condition.message,
        ]);
    }
    table
}

fn shard_text(shard: &Shard) -> String {
    let silence = shard
        .silent_millis
        .map_or("not known".to_owned(), |millis| format!("{millis} ms"));
    let mut head = Table::bare();
    head.push(&[format!(
        "shard {}, slots {}: epoch {}, owner {}, silent for {silence}, preferred {}, tail {}",
        shard.name,
        shard.slots.join(" "),
        shard.epoch,
        or_dash(shard.owner.as_deref()),
        shard.preferred,
        shard.tail
    )]);
    let mut replicas = Table::new(&[
        "NODE", "ZONE", "ADDRESS", "ROLE", "LSN", "LAG", "KEYS", "MEMORY", "CLIENTS", "WHY HERE",
    ])
    .indented();
    let mut problems = Table::bare().indented();
    for replica in &shard.replicas {
        replicas.push(&[
            replica.node.as_str(),
            &replica.zone,
            &replica.address,
            &word(&replica.role),
            &replica.lsn.to_string(),
            &replica.lag_records.to_string(),
            &replica.keys.to_string(),
            &size::text(replica.memory_bytes),
            &replica.clients.to_string(),
            &replica.why,
        ]);
        if let Some(problem) = &replica.problem {
            problems.push(&[format!("problem on {}: {problem}", replica.node)]);
        }
    }
    format!("{head}{replicas}{problems}")
}

#[cfg(test)]
pub(super) mod samples {
    //! A cluster with one shard on two nodes.

    use tenure_admin::{
        Cluster, ClusterSpec, ClusterState, Condition, ConditionStatus, ConditionType, Replica, ReplicaRole, Shard,
    };

    pub(in crate::commands::cluster) fn cluster() -> Cluster {
        Cluster {
            id: "clu_1".to_owned(),
            tenant: "demo".to_owned(),
            name: "shop".to_owned(),
            state: ClusterState::Active,
            conditions: vec![
                Condition {
                    kind: ConditionType::Available,
                    status: ConditionStatus::True,
                    reason: "OwnersAnswer".to_owned(),
                    message: "every shard has an owner that answers".to_owned(),
                },
                Condition {
                    kind: ConditionType::ZoneRedundant,
                    status: ConditionStatus::False,
                    reason: "FewerZonesThanReplicas".to_owned(),
                    message: "there is 1 zone".to_owned(),
                },
            ],
            spec: ClusterSpec {
                shards: 1,
                replicas: 1,
                memory_bytes: 256 << 20,
                eviction_policy: "noeviction".to_owned(),
                tls: true,
            },
            endpoints: vec!["127.0.0.1:7501".to_owned(), "127.0.0.1:7502".to_owned()],
            users: vec!["default".to_owned()],
            plugins: Vec::new(),
            ca_pem: Some("-----BEGIN CERTIFICATE-----\n".to_owned()),
            operation: None,
            created_at: "2026-11-28T21:00:00.000Z".to_owned(),
            etag: "\"1\"".to_owned(),
        }
    }

    pub(in crate::commands::cluster) fn shard() -> Shard {
        let replica = |node: &str, address: &str, role| Replica {
            node: node.to_owned(),
            zone: "a".to_owned(),
            address: address.to_owned(),
            role,
            lsn: 812,
            lag_records: 0,
            keys: 1000,
            memory_bytes: 3 << 19,
            clients: 2,
            why: "least promised in zone a".to_owned(),
            problem: None,
        };
        Shard {
            id: "shd_1".to_owned(),
            name: "0001".to_owned(),
            slots: vec!["0-16383".to_owned()],
            stream: "0/1".to_owned(),
            epoch: 3,
            owner: Some("data-1".to_owned()),
            preferred: "data-1".to_owned(),
            silent_millis: Some(120),
            tail: 812,
            replicas: vec![
                replica("data-1", "127.0.0.1:7501", ReplicaRole::Primary),
                replica("data-2", "127.0.0.1:7502", ReplicaRole::Replica),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use tenure_admin::{ClusterPlugin, PluginState};

    use super::*;

    #[test]
    fn it_shows_whether_each_part_works_and_why_it_is_where_it_is() {
        let (cluster, mut shard) = (samples::cluster(), samples::shard());
        shard.replicas[1].problem = Some("port 7502 is taken".to_owned());
        shard.replicas[1].lag_records = 12;
        assert_eq!(
            text(&cluster, &[shard]),
            "\
cluster    demo/shop
id         clu_1
state      ACTIVE
created    2026-11-28T21:00:00.000Z
shards     1, replicas of each: 1
memory     256MiB for each shard, noeviction
tls        yes
users      default
endpoints  127.0.0.1:7501
           127.0.0.1:7502

CONDITION      HOLDS  REASON                  MESSAGE
Available      True   OwnersAnswer            every shard has an owner that answers
ZoneRedundant  False  FewerZonesThanReplicas  there is 1 zone

shard 0001, slots 0-16383: epoch 3, owner data-1, silent for 120 ms, preferred data-1, tail 812
  NODE    ZONE  ADDRESS         ROLE     LSN  LAG  KEYS  MEMORY  CLIENTS  WHY HERE
  data-1  a     127.0.0.1:7501  PRIMARY  812  0    1000  1.5MiB  2        least promised in zone a
  data-2  a     127.0.0.1:7502  REPLICA  812  12   1000  1.5MiB  2        least promised in zone a
  problem on data-2: port 7502 is taken
"
        );
    }

    #[test]
    fn it_names_the_plugins_that_the_cluster_runs() {
        let mut cluster = samples::cluster();
        assert!(!text(&cluster, &[]).contains("PLUGIN"));
        cluster.plugins.push(ClusterPlugin {
            name: "ratelimit".to_owned(),
            version: "1.0.0".to_owned(),
            sha256: String::new(),
            state: PluginState::Attaching,
            problems: Vec::new(),
        });
        let shown = text(&cluster, &[]);
        assert!(
            shown.ends_with("\n\nPLUGIN     VERSION  STATE\nratelimit  1.0.0    ATTACHING\n"),
            "{shown}"
        );
    }

    #[test]
    fn what_nobody_knows_is_not_made_up() {
        let mut shard = samples::shard();
        (shard.owner, shard.silent_millis, shard.epoch, shard.tail) = (None, None, 0, 0);
        shard.replicas.clear();
        let shown = shard_text(&shard);
        let first = shown.lines().next().unwrap();
        assert_eq!(
            first,
            "shard 0001, slots 0-16383: epoch 0, owner -, silent for not known, preferred data-1, tail 0"
        );
    }
}
