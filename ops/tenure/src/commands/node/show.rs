//! `tenure node show`

use clap::Args;
use tenure_admin::{Node, calls};

use crate::api_client::ApiArguments;
use crate::failure::Failure;
use crate::output::{Table, size, word};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The node, such as data-1.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let node = client.send(calls::get_node(&arguments.name))?;
    client.output.show(&node, || text(&node))
}

fn text(node: &Node) -> String {
    let (promised, memory) = (size::text(node.promised_bytes), size::text(node.memory_bytes));
    let mut head = Table::bare();
    head.push(&["node", &node.name]);
    head.push(&["zone", &node.zone]);
    head.push(&["address", &format!("{}, ports {}", node.host, node.ports.join(", "))]);
    head.push(&["alive", &format!("{}, seen {}", super::alive(node.alive), node.seen_at)]);
    head.push(&["policy", &word(&node.policy)]);
    head.push(&["memory", &format!("{memory}, of which {promised} are promised")]);
    head.push(&["version", &node.version]);
    head.push(&["registered", &node.registered_at]);
    head.push(&["generation", &node.generation.to_string()]);
    let mut replicas = Table::new(&["SHARD", "ADDRESS", "ROLE", "WHY"]);
    for replica in &node.replicas {
        let shard = format!("{}/{}/{}", replica.tenant, replica.cluster, replica.shard);
        replicas.push(&[&shard, &replica.address, &word(&replica.role), &replica.why]);
    }
    format!("{head}\n{replicas}")
}

#[cfg(test)]
mod tests {
    use tenure_admin::{NodePolicy, NodeReplica, ReplicaRole};

    use super::*;

    #[test]
    fn it_shows_what_the_node_hosts_and_why() {
        let node = Node {
            name: "data-1".to_owned(),
            zone: "a".to_owned(),
            host: "127.0.0.1".to_owned(),
            ports: vec!["7501-7516".to_owned(), "7600".to_owned()],
            policy: NodePolicy::Cordoned,
            alive: true,
            seen_at: "2026-11-28T21:00:00.000Z".to_owned(),
            registered_at: "2026-11-28T20:00:00.000Z".to_owned(),
            version: "0.1.0".to_owned(),
            memory_bytes: 8 << 30,
            promised_bytes: 256 << 20,
            generation: 7,
            replicas: vec![NodeReplica {
                tenant: "demo".to_owned(),
                cluster: "shop".to_owned(),
                shard: "0001".to_owned(),
                address: "127.0.0.1:7501".to_owned(),
                role: ReplicaRole::Primary,
                why: "least promised in zone a".to_owned(),
            }],
        };
        assert_eq!(
            text(&node),
            "\
node        data-1
zone        a
address     127.0.0.1, ports 7501-7516, 7600
alive       yes, seen 2026-11-28T21:00:00.000Z
policy      CORDONED
memory      8GiB, of which 256MiB are promised
version     0.1.0
registered  2026-11-28T20:00:00.000Z
generation  7

SHARD           ADDRESS         ROLE     WHY
demo/shop/0001  127.0.0.1:7501  PRIMARY  least promised in zone a
"
        );
    }
}
