//! CLUSTER NODES, REPLICAS, SLAVES and COUNT-FAILURE-REPORTS: nodes as lines of text.
//! Promises: a line is as Redis writes it: `id host:port@bus-port flags primary ping pong epoch link slots…`.
//!
//! Nodes do not ping each other here, so nobody is seen failing and the three numbers are 0. There is no bus either; its
//! port is the one where Redis would have it, for clients that read it.

use tenure_engine::command::{Arity, Flags, Spec};

use super::SPEC;
use super::view::{Member, View, ranges};
use crate::commands::argument::shown;
use crate::commands::container::NONDETERMINISTIC;
use crate::commands::{SessionCall, SessionCommand, SessionError, Then};

pub(super) const NODES: SessionCommand = SessionCommand::new(
    Spec {
        name: "cluster|nodes",
        summary: "All nodes of the cluster, one a line.",
        complexity: "O(N) of N nodes",
        tips: NONDETERMINISTIC,
        ..SPEC
    },
    nodes,
);

fn nodes(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let view = View::of(call.replica);
    let members = view.all_members();
    let lines: String = members.iter().map(|member| line(&view, member) + "\n").collect();
    call.reply.verbatim("txt", &lines);
    Ok(Then::GoOn)
}

pub(super) const REPLICAS: SessionCommand = SessionCommand::new(
    Spec {
        name: "cluster|replicas",
        since: "5.0.0",
        ..REPLICAS_SPEC
    },
    replicas,
);

pub(super) const SLAVES: SessionCommand = SessionCommand::new(
    Spec {
        name: "cluster|slaves",
        ..REPLICAS_SPEC
    },
    replicas,
);

const REPLICAS_SPEC: Spec = Spec {
    arity: Arity::Exactly(3),
    flags: Flags::ADMIN.and(Flags::STALE),
    summary: "The replicas of a node, as lines of CLUSTER NODES.",
    complexity: "O(N) of N nodes",
    tips: NONDETERMINISTIC,
    ..SPEC
};

fn replicas(call: &mut SessionCall<'_, '_>) -> Result<Then, SessionError> {
    let view = View::of(call.replica);
    let primary = find(&view, &call.args[2])?;
    if !primary.is_primary {
        return Err(SessionError::NotAMaster);
    }
    let members = view.members(primary.shard);
    let lines = members.iter().filter(|member| !member.is_primary);
    let lines: Vec<_> = lines.map(|member| line(&view, member)).collect();
    call.reply.array(lines.len());
    lines.iter().for_each(|line| call.reply.bulk(line.as_bytes()));
    Ok(Then::GoOn)
}

pub(super) const COUNT_FAILURE_REPORTS: SessionCommand = SessionCommand::new(
    Spec {
        name: "cluster|count-failure-reports",
        arity: Arity::Exactly(3),
        flags: Flags::ADMIN.and(Flags::STALE),
        summary: "How many nodes report that this one failed: 0, they do not watch each other.",
        tips: NONDETERMINISTIC,
        ..SPEC
    },
    |call| {
        find(&View::of(call.replica), &call.args[2])?;
        call.reply.integer(0);
        Ok(Then::GoOn)
    },
);

fn find<'v>(view: &'v View, id: &[u8]) -> Result<Member<'v>, SessionError> {
    view.find(id).ok_or_else(|| SessionError::UnknownNode { id: shown(id) })
}

fn line(view: &View, member: &Member<'_>) -> String {
    let id = view.id(member.shard, member.node);
    let (ip, port) = (member.address.ip(), member.address.port());
    let bus = port.checked_add(10_000).unwrap_or(0);
    let own = if member.is_own { "myself," } else { "" };
    let (role, primary) = if member.is_primary {
        ("master", "-".to_owned())
    } else {
        ("slave", view.id(member.shard, member.shard.primary))
    };
    let slots = if member.is_primary {
        slots(member)
    } else {
        String::new()
    };
    let epoch = view.epoch(member.shard);
    format!("{id} {ip}:{port}@{bus} {own}{role} {primary} 0 0 {epoch} connected{slots}")
}

fn slots(member: &Member<'_>) -> String {
    let show = |range: &crate::layout::SlotRange| match (range.first, range.last) {
        (first, last) if first == last => format!(" {first}"),
        (first, last) => format!(" {first}-{last}"),
    };
    ranges(member.shard).iter().map(show).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::harness::{Server, layout};

    #[test]
    fn a_line_is_as_redis_writes_it() {
        let mut cluster = layout();
        cluster.shards[0].slots.push(crate::layout::SlotRange {
            first: 16383,
            last: 16383,
        });
        cluster.shards[1].slots.remove(0);
        cluster.shards[1].replicas[1].address.set_port(60_000);
        let mut server = Server::of(cluster);
        let view = View::of(&server.replica);
        let id: Vec<_> = view
            .all_members()
            .iter()
            .map(|member| view.id(member.shard, member.node))
            .collect();
        let expected = format!(
            "{a} 127.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-8191 16383\n\
             {b} 127.0.0.2:7002@17002 slave {a} 0 0 1 connected\n\
             {c} 127.0.0.3:7003@17003 master - 0 0 0 connected 8192-16382\n\
             {d} 127.0.0.4:60000@0 slave {c} 0 0 0 connected\n",
            a = id[0],
            b = id[1],
            c = id[2],
            d = id[3],
        );
        assert_eq!(server.run("CLUSTER NODES"), expected);
        let replica = format!("[\"{} 127.0.0.2:7002@17002 slave {} 0 0 1 connected\"]", id[1], id[0]);
        server.check(&[
            (&format!("CLUSTER REPLICAS {}", id[0]), &replica),
            (&format!("CLUSTER SLAVES {}", id[0]), &replica),
            (
                &format!("CLUSTER REPLICAS {}", id[1]),
                "(error) ERR The specified node is not a master",
            ),
            ("CLUSTER REPLICAS nope", "(error) ERR Unknown node nope"),
            (&format!("CLUSTER COUNT-FAILURE-REPORTS {}", id[3]), "(integer) 0"),
            ("CLUSTER COUNT-FAILURE-REPORTS nope", "(error) ERR Unknown node nope"),
            ("CLUSTER MYID", &format!("\"{}\"", id[0])),
        ]);
    }
}
