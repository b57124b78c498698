//! Plugins that are being attached and detached: followed until every node of the cluster says that it is so. A node that could not
//! load one tries again by itself, so a refusal is told and waited on, but not for ever: the operation keeps others off the cluster.
//! What was asked for stays asked for, also when the operation has failed.

use std::collections::BTreeSet;
use std::time::Duration;

use tenure_control_model::{
    Attachment, Change, Cluster, Operation, OperationError, OperationKind, OperationState, PluginStanding, Write,
};
use tenure_types::{NodeId, TenantId};

use super::View;
use super::progress::{Progress, advance, expect};
use super::view::{node_name, since};

/// How long the whole may take.
const WITHIN: Duration = Duration::from_secs(60);

pub(super) fn plan(view: &View<'_>) -> Vec<Change> {
    let changes = view.world.operations.iter().filter_map(|operation| {
        let cluster = view.cluster(operation.cluster?);
        let progress = match (&operation.kind, cluster) {
            (OperationKind::AttachPlugin { .. } | OperationKind::DetachPlugin { .. }, None) => gone("the cluster"),
            (OperationKind::AttachPlugin { name, generation, .. }, Some(cluster)) => {
                attach(view, operation, cluster, name, *generation)
            }
            (OperationKind::DetachPlugin { name, generation }, Some(cluster)) => {
                detach(view, operation, cluster, name, *generation)
            }
            (
                OperationKind::CreateCluster
                | OperationKind::DeleteCluster
                | OperationKind::Failover { .. }
                | OperationKind::VerifyLog,
                _,
            ) => return None,
        };
        advanced(view, operation, cluster, &progress)
    });
    changes.collect()
}

/// With an event, once it is done.
fn advanced(view: &View<'_>, operation: &Operation, cluster: Option<&Cluster>, progress: &Progress) -> Option<Change> {
    let next = advance(operation, progress, view.now)?;
    let is_done = next.state == OperationState::Succeeded;
    let mut change = Change::default().with(Write::PutOperation(next, expect(operation)));
    if let Some(cluster) = cluster.filter(|_| is_done) {
        let (kind, message) = match &operation.kind {
            OperationKind::AttachPlugin { name, version, .. } => {
                ("plugin-attached", format!("runs plugin {name}@{version}"))
            }
            OperationKind::DetachPlugin { name, .. } => ("plugin-detached", format!("runs plugin {name} no longer")),
            OperationKind::CreateCluster
            | OperationKind::DeleteCluster
            | OperationKind::Failover { .. }
            | OperationKind::VerifyLog => return Some(change),
        };
        let event = view.event(kind, Some(cluster), format!("cluster {} {message}", cluster.name));
        change = change.with(Write::AddEvent(event));
    }
    Some(change)
}

fn attach(view: &View<'_>, operation: &Operation, cluster: &Cluster, name: &str, generation: u64) -> Progress {
    let is_it = |attachment: &&Attachment| attachment.cluster == cluster.id && attachment.name == name;
    let Some(attachment) = view.world.attachments.iter().find(is_it) else {
        return gone("the attachment");
    };
    let look = |node: NodeId, tenant: TenantId| {
        let report = view.report_of(node).filter(|report| report.generation >= generation);
        match report.map(|report| report.plugin(tenant, &cluster.name, attachment)) {
            // One that fails later than when it was loaded is no matter of loading.
            Some(PluginStanding::Runs | PluginStanding::Quarantined(_)) => OnNode::Done,
            Some(PluginStanding::Refused(reason)) => OnNode::Refused(reason.to_owned()),
            Some(PluginStanding::NotYet) | None => OnNode::NotYet,
        }
    };
    progress(view, operation, cluster, "run it", look)
}

fn detach(view: &View<'_>, operation: &Operation, cluster: &Cluster, name: &str, generation: u64) -> Progress {
    let look = |node: NodeId, tenant: TenantId| {
        let report = view.report_of(node).filter(|report| report.generation >= generation);
        let is_gone = report.is_some_and(|report| {
            let mut plugins = report.plugins_of(tenant, &cluster.name);
            plugins.all(|plugin| plugin.name != name)
        });
        if is_gone { OnNode::Done } else { OnNode::NotYet }
    };
    progress(view, operation, cluster, "run it no longer", look)
}

/// How it is on one node.
enum OnNode {
    Done,
    NotYet,
    Refused(String),
}

fn progress(
    view: &View<'_>,
    operation: &Operation,
    cluster: &Cluster,
    done: &str,
    look: impl Fn(NodeId, TenantId) -> OnNode,
) -> Progress {
    let Some(tenant) = view.tenant_of(cluster) else {
        return gone("the tenant");
    };
    let (mut finished, mut lost) = (0, Vec::new());
    let (mut waits, mut refused) = (None, None);
    let nodes = nodes_of(view, cluster);
    for node in &nodes {
        let name = node_name(*node);
        match look(*node, tenant.number) {
            OnNode::Done => finished += 1,
            // It is told when it is back.
            OnNode::NotYet if view.silence_of(*node) > view.options.rescue_after => lost.push(name),
            OnNode::NotYet if view.is_alive(*node) => waits = waits.or(Some(format!("{name} does not yet"))),
            OnNode::NotYet => waits = waits.or(Some(format!("{name} is not heard of"))),
            OnNode::Refused(reason) => refused = refused.or(Some(format!("{name} could not: {reason}"))),
        }
    }
    let all = nodes.len();
    let is_refused = refused.is_some();
    let is_late = since(operation.created_at, view.now) > WITHIN;
    // An operation that nobody carried out is not done, however few there are to do it.
    let nobody = || {
        let why = if lost.is_empty() {
            "no node is to host it yet".to_owned()
        } else {
            format!("not heard of: {}", lost.join(", "))
        };
        (finished == 0).then_some(why)
    };
    match refused.or(waits).or_else(nobody) {
        Some(detail) if is_late => Progress::Failed(OperationError {
            code: if is_refused { "plugin-refused" } else { "too-slow" }.to_owned(),
            detail,
        }),
        Some(detail) => Progress::At(0, format!("{finished} of {all} nodes {done}; {detail}")),
        None if lost.is_empty() => Progress::Done(format!("{finished} of {all} nodes {done}")),
        None => Progress::Done(format!(
            "{finished} of {all} nodes {done}; not heard of, and told when they are back: {}",
            lost.join(", ")
        )),
    }
}

/// Those that are to host something of it.
fn nodes_of(view: &View<'_>, cluster: &Cluster) -> BTreeSet<NodeId> {
    let replicas = view.shards_of(cluster.id).flat_map(|shard| view.wanted_of(shard.id));
    replicas.map(|replica| replica.node).collect()
}

fn gone(what: &str) -> Progress {
    Progress::Failed(OperationError {
        code: "plugin-gone".to_owned(),
        detail: format!("{what} is gone"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Options;
    use crate::testing::{SHOP, attachment, before, observed, world};
    use tenure_control_model::{OperationId, PluginSeen, PluginVersion, Refusal, Revision, Step, StepState, World};

    fn asked(kind: OperationKind, millis_ago: u64) -> World {
        let mut world = world();
        let step = Step {
            name: "load on nodes".to_owned(),
            state: StepState::Pending,
            detail: String::new(),
        };
        world.operations.push(Operation {
            id: OperationId::new(1),
            tenant: Some(world.clusters[SHOP].tenant),
            cluster: Some(world.clusters[SHOP].id),
            kind,
            state: OperationState::Pending,
            steps: vec![step],
            error: None,
            created_at: before(millis_ago),
            finished_at: None,
            revision: Revision::FIRST,
        });
        world
    }

    fn attaching(millis_ago: u64) -> World {
        let kind = OperationKind::AttachPlugin {
            name: "ratelimit".to_owned(),
            version: PluginVersion { numbers: [1, 0, 0] },
            generation: 7,
        };
        let mut world = asked(kind, millis_ago);
        world.attachments.push(attachment("ratelimit", 1));
        world
    }

    fn detaching(millis_ago: u64) -> World {
        let kind = OperationKind::DetachPlugin {
            name: "ratelimit".to_owned(),
            generation: 7,
        };
        asked(kind, millis_ago)
    }

    fn runs(number: u8) -> PluginSeen {
        PluginSeen {
            tenant: TenantId::new(1),
            cluster: "shop".to_owned(),
            name: "ratelimit".to_owned(),
            sha256: [number; 32],
            quarantined: None,
        }
    }

    /// On nodes 1 and 2.
    fn on_both(world: &mut World, seen: PluginSeen) {
        for report in &mut world.reports[..2] {
            report.plugins = vec![seen.clone()];
        }
    }

    /// What the operation becomes: its state, and what its step or its error says; and the event.
    fn becomes(world: &World) -> Option<(OperationState, String, Option<String>)> {
        let (observed, options) = (observed(), Options::default());
        let change = plan(&View::of(world, &observed, &options)).pop()?;
        let Write::PutOperation(operation, _) = &change.writes[0] else {
            panic!("{change:?}");
        };
        let event = change.writes.get(1).map(|write| {
            let Write::AddEvent(event) = write else {
                panic!("{write:?}");
            };
            format!("{}: {}", event.kind, event.message)
        });
        let error = operation
            .error
            .as_ref()
            .map(|error| format!("{}: {}", error.code, error.detail));
        let said = error.unwrap_or_else(|| operation.steps[0].detail.clone());
        Some((operation.state, said, event))
    }

    fn waits(text: &str) -> Option<(OperationState, String, Option<String>)> {
        Some((OperationState::Running, text.to_owned(), None))
    }

    #[test]
    fn it_is_attached_once_every_node_of_the_cluster_runs_this_very_version() {
        let mut world = attaching(1000);
        assert_eq!(becomes(&world), waits("0 of 2 nodes run it; data-1 does not yet"));
        on_both(&mut world, runs(2));
        assert_eq!(
            becomes(&world),
            waits("0 of 2 nodes run it; data-1 does not yet"),
            "another version"
        );
        on_both(&mut world, runs(1));
        let done = becomes(&world).unwrap();
        assert_eq!(
            (done.0, done.1.as_str()),
            (OperationState::Succeeded, "2 of 2 nodes run it")
        );
        assert_eq!(
            done.2.unwrap(),
            "plugin-attached: cluster shop runs plugin ratelimit@1.0.0"
        );
        // One that failed since is loaded all the same.
        world.reports[0].plugins[0].quarantined = Some("it trapped".to_owned());
        assert_eq!(becomes(&world).unwrap().0, OperationState::Succeeded);
        // Somebody else's of the same name is nothing of this.
        world.reports[1].plugins[0].tenant = TenantId::new(2);
        assert_eq!(becomes(&world), waits("1 of 2 nodes run it; data-2 does not yet"));
    }

    #[test]
    fn what_a_node_says_of_an_older_state_does_not_count() {
        for mut world in [attaching(1000), detaching(1000)] {
            if !world.attachments.is_empty() {
                on_both(&mut world, runs(1));
            }
            world.reports[1].generation = 6;
            let (state, said, _) = becomes(&world).unwrap();
            assert_eq!(state, OperationState::Running);
            assert!(
                said.starts_with("1 of 2 nodes") && said.ends_with("data-2 does not yet"),
                "{said}"
            );
        }
    }

    #[test]
    fn a_refusal_is_told_and_waited_on_for_a_minute() {
        let refused = |world: &mut World| {
            on_both(world, runs(2));
            world.reports[0].plugins = vec![runs(1)];
            world.reports[1].refusals.push(Refusal {
                stream: None,
                tenant: TenantId::new(1),
                cluster: "shop".to_owned(),
                reason: "the module does not start".to_owned(),
                plugin: Some("ratelimit".to_owned()),
            });
        };
        let mut world = attaching(60_000);
        refused(&mut world);
        let said = "1 of 2 nodes run it; data-2 could not: the module does not start";
        assert_eq!(becomes(&world), waits(said));
        let mut late = attaching(60_001);
        refused(&mut late);
        let said = "plugin-refused: data-2 could not: the module does not start".to_owned();
        assert_eq!(becomes(&late), Some((OperationState::Failed, said, None)));
        // A refusal of before the one that runs now.
        late.reports[1].plugins = vec![runs(1)];
        assert_eq!(becomes(&late).unwrap().0, OperationState::Succeeded);
        let said = "too-slow: data-1 does not yet".to_owned();
        assert_eq!(becomes(&attaching(60_001)), Some((OperationState::Failed, said, None)));
    }

    #[test]
    fn a_node_that_is_lost_is_not_waited_for_and_one_that_is_silent_for_a_moment_is() {
        let mut world = attaching(1000);
        on_both(&mut world, runs(1));
        world.nodes[1].seen_at = before(4000);
        assert_eq!(becomes(&world), waits("1 of 2 nodes run it; data-2 is not heard of"));
        world.nodes[1].seen_at = before(10_001);
        let (state, said, _) = becomes(&world).unwrap();
        assert_eq!(state, OperationState::Succeeded);
        assert_eq!(
            said,
            "1 of 2 nodes run it; not heard of, and told when they are back: data-2"
        );
    }

    #[test]
    fn what_no_node_has_done_is_not_done() {
        let lost = |world: &mut World| {
            for node in &mut world.nodes {
                node.seen_at = before(10_001);
            }
        };
        let unplaced = |world: &mut World| world.replicas.clear();
        type Case = (fn(&mut World), &'static str, &'static str);
        let cases: [Case; 2] = [
            (lost, "0 of 2 nodes", "not heard of: data-1, data-2"),
            (unplaced, "0 of 0 nodes", "no node is to host it yet"),
        ];
        for (change, counts, why) in cases {
            for (asked, done) in [
                (attaching as fn(u64) -> World, "run it"),
                (detaching as fn(u64) -> World, "run it no longer"),
            ] {
                let (mut world, mut late) = (asked(60_000), asked(60_001));
                change(&mut world);
                change(&mut late);
                assert_eq!(becomes(&world), waits(&format!("{counts} {done}; {why}")));
                let said = format!("too-slow: {why}");
                assert_eq!(becomes(&late), Some((OperationState::Failed, said, None)));
            }
        }
    }

    #[test]
    fn it_is_detached_once_no_node_of_the_cluster_runs_it_in_any_version() {
        let mut world = detaching(1000);
        on_both(&mut world, runs(9));
        let said = "0 of 2 nodes run it no longer; data-1 does not yet";
        assert_eq!(becomes(&world), waits(said));
        world.reports[0].plugins.clear();
        world.reports[1].plugins[0].name = "counter".to_owned();
        let done = becomes(&world).unwrap();
        assert_eq!(done.0, OperationState::Succeeded);
        assert_eq!(
            done.2.unwrap(),
            "plugin-detached: cluster shop runs plugin ratelimit no longer"
        );
        world.clusters.clear();
        let said = "plugin-gone: the cluster is gone".to_owned();
        assert_eq!(becomes(&world), Some((OperationState::Failed, said, None)));
    }
}
