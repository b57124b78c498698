//! CLUSTER: what clients read to find their way. Nothing here changes the cluster: that is the control plane's.

mod info;
mod keys;
mod nodes;
mod shards;
mod slots;
pub(super) mod view;

use tenure_engine::command::{Arity, Flags, Group, Spec};

use super::container::{ALWAYS, NONDETERMINISTIC, SERVER, help};
use super::{SessionCommand, Then};
use view::View;

pub(super) const CLUSTER: SessionCommand = SessionCommand::container(
    Spec {
        name: "cluster",
        arity: Arity::AtLeast(2),
        flags: Flags::NONE,
        group: Group::Cluster,
        since: "3.0.0",
        summary: "Commands on the cluster.",
        ..SERVER
    },
    &[
        nodes::COUNT_FAILURE_REPORTS,
        keys::COUNTKEYSINSLOT,
        keys::GETKEYSINSLOT,
        info::INFO,
        keys::KEYSLOT,
        LINKS,
        MYID,
        MYSHARDID,
        nodes::NODES,
        nodes::REPLICAS,
        shards::SHARDS,
        nodes::SLAVES,
        slots::SLOTS,
        help("cluster|help", Group::Cluster, "5.0.0"),
    ],
);

/// A subcommand that tells of the layout, also while the shard is loading.
const SPEC: Spec = Spec {
    flags: ALWAYS,
    group: Group::Cluster,
    since: "3.0.0",
    ..SERVER
};

const LINKS: SessionCommand = SessionCommand::new(
    Spec {
        name: "cluster|links",
        flags: Flags::STALE,
        since: "7.0.0",
        summary: "The connections among the nodes: none, they speak to the log.",
        tips: NONDETERMINISTIC,
        ..SPEC
    },
    |call| {
        call.reply.array(0);
        Ok(Then::GoOn)
    },
);

const MYID: SessionCommand = SessionCommand::new(
    Spec {
        name: "cluster|myid",
        summary: "The id of this node in the cluster.",
        ..SPEC
    },
    |call| {
        let id = View::of(call.replica).own_id();
        call.reply.bulk(id.as_bytes());
        Ok(Then::GoOn)
    },
);

const MYSHARDID: SessionCommand = SessionCommand::new(
    Spec {
        name: "cluster|myshardid",
        since: "7.2.0",
        summary: "The id of this node's shard in the cluster.",
        tips: NONDETERMINISTIC,
        ..SPEC
    },
    |call| {
        let id = View::of(call.replica).own_shard_id();
        call.reply.bulk(id.as_bytes());
        Ok(Then::GoOn)
    },
);

#[cfg(test)]
mod tests {
    use crate::commands::harness::Server;

    #[test]
    fn cluster_answers_unknown_subcommands_as_redis_does() {
        Server::new().check(&[
            ("CLUSTER", "(error) ERR wrong number of arguments for 'cluster' command"),
            (
                "CLUSTER NOPE",
                "(error) ERR unknown subcommand 'NOPE'. Try CLUSTER HELP.",
            ),
            ("CLUSTER LINKS", "[]"),
        ]);
        assert!(
            Server::new()
                .run("CLUSTER HELP")
                .starts_with("[CLUSTER <subcommand> [<arg> ...]. Subcommands are: COUNT-FAILURE-REPORTS ")
        );
    }
}
