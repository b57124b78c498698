//! `tenure node list`

use clap::Args;
use tenure_admin::{Node, calls};

use crate::api_client::ApiArguments;
use crate::failure::Failure;
use crate::output::{Table, size, word};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let list = client.all(usize::MAX, calls::list_nodes)?;
    client.output.show(&list, || table(&list.items))
}

fn table(nodes: &[Node]) -> String {
    let mut table = Table::new(&[
        "NAME", "ZONE", "HOST", "ALIVE", "POLICY", "REPLICAS", "PROMISED", "MEMORY", "VERSION", "SEEN",
    ]);
    for node in nodes {
        table.push(&[
            node.name.as_str(),
            &node.zone,
            &node.host,
            super::alive(node.alive),
            &word(&node.policy),
            &node.replicas.len().to_string(),
            &size::text(node.promised_bytes),
            &size::text(node.memory_bytes),
            &node.version,
            &node.seen_at,
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use tenure_admin::NodePolicy;

    use super::*;

    #[test]
    fn a_node_is_a_row() {
        let node = Node {
            name: "data-1".to_owned(),
            zone: "a".to_owned(),
            host: "127.0.0.1".to_owned(),
            ports: vec!["7501-7516".to_owned()],
            policy: NodePolicy::Active,
            alive: false,
            seen_at: "2026-11-28T21:00:00.000Z".to_owned(),
            registered_at: "2026-11-28T20:00:00.000Z".to_owned(),
            version: "0.1.0".to_owned(),
            memory_bytes: 8 << 30,
            promised_bytes: 256 << 20,
            generation: 7,
            replicas: Vec::new(),
        };
        assert_eq!(
            table(&[node]),
            "\
NAME    ZONE  HOST       ALIVE  POLICY  REPLICAS  PROMISED  MEMORY  VERSION  SEEN
data-1  a     127.0.0.1  NO     ACTIVE  0         256MiB    8GiB    0.1.0    2026-11-28T21:00:00.000Z
"
        );
    }
}
