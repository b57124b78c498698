//! Plugins that nodes have put in quarantine: an event when one is, and when it is released.
//! Promises: what was so at the start is no news; a node that is not heard of releases nothing. A plugin that was detached is forgotten
//! without a word. The work grows with what nodes run, not with what there is.

use std::collections::{BTreeMap, BTreeSet};

use tenure_control_model::{Attachment, Change, Cluster, ClusterId, Event, Write};
use tenure_types::{NodeId, TenantId};

use super::View;
use super::view::{change, node_name};

/// A plugin of a cluster on a node.
type Place = (NodeId, ClusterId, String);

/// What it remembers between two passes.
#[derive(Debug, Default)]
pub(super) struct Quarantine {
    /// Whether each that was heard of is in quarantine.
    known: BTreeMap<Place, bool>,
    has_looked: bool,
}

impl Quarantine {
    pub(super) fn plan(&mut self, view: &View<'_>) -> Vec<Change> {
        let attached = attached(view);
        let places: BTreeSet<_> = attached
            .values()
            .map(|(cluster, attachment)| (cluster.id, &*attachment.name))
            .collect();
        self.known
            .retain(|(_, cluster, name), _| places.contains(&(*cluster, name.as_str())));
        let mut changes = Vec::new();
        let heard = view.world.nodes.iter().filter_map(|node| view.report_of(node.id));
        for (node, seen) in heard.flat_map(|report| report.plugins.iter().map(move |seen| (report.node, seen))) {
            let Some((cluster, attachment)) = attached.get(&(seen.tenant, &*seen.cluster, &*seen.name)) else {
                continue;
            };
            // What is said of another version says nothing of this one.
            if seen.sha256 != attachment.sha256 {
                continue;
            }
            let is_in = seen.quarantined.is_some();
            let before = self.known.insert((node, cluster.id, seen.name.clone()), is_in);
            // One that is first heard of in quarantine was put there since it was attached.
            if self.has_looked && before.unwrap_or(false) != is_in {
                let event = event(view, node, cluster, attachment, seen.quarantined.as_deref());
                changes.push(change(Write::AddEvent(event)));
            }
        }
        self.has_looked = true;
        changes
    }
}

/// What clusters are to run, by what nodes call it: number of the tenant, name of the cluster, name of the plugin.
type Attached<'a> = BTreeMap<(TenantId, &'a str, &'a str), (&'a Cluster, &'a Attachment)>;

fn attached<'a>(view: &View<'a>) -> Attached<'a> {
    let attachments = view.world.attachments.iter();
    let named = attachments.filter_map(|attachment| {
        let cluster = view.cluster(attachment.cluster)?;
        let tenant = view.tenant_of(cluster)?;
        let key = (tenant.number, cluster.name.as_str(), attachment.name.as_str());
        Some((key, (cluster, attachment)))
    });
    named.collect()
}

fn event(
    view: &View<'_>,
    node: NodeId,
    cluster: &Cluster,
    attachment: &Attachment,
    quarantined: Option<&str>,
) -> Event {
    let Attachment { name, version, .. } = attachment;
    let (on, of) = (node_name(node), &cluster.name);
    let (kind, message) = match quarantined {
        Some(reason) => (
            "plugin-quarantined",
            format!("plugin {name}@{version} of cluster {of} is in quarantine on {on}: {reason}"),
        ),
        None => (
            "plugin-released",
            format!("plugin {name}@{version} of cluster {of} runs again on {on}"),
        ),
    };
    Event {
        node: Some(node),
        ..view.event(kind, Some(cluster), message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Options;
    use crate::testing::{attachment, before, observed, world};
    use tenure_control_model::{PluginSeen, World};

    fn set(world: &mut World, quarantined: Option<&str>) {
        world.reports[0].plugins = vec![PluginSeen {
            tenant: TenantId::new(1),
            cluster: "shop".to_owned(),
            name: "ratelimit".to_owned(),
            sha256: world.attachments[0].sha256,
            quarantined: quarantined.map(str::to_owned),
        }];
    }

    fn told(quarantine: &mut Quarantine, world: &World) -> Vec<String> {
        let (observed, options) = (observed(), Options::default());
        let changes = quarantine.plan(&View::of(world, &observed, &options));
        let event = |change: &Change| match &change.writes[..] {
            [Write::AddEvent(event)] => {
                assert_eq!(
                    (event.node, event.tenant),
                    (Some(NodeId::new(1)), Some(world.tenants[0].id))
                );
                format!("{}: {}", event.kind, event.message)
            }
            other => panic!("{other:?}"),
        };
        changes.iter().map(event).collect()
    }

    #[test]
    fn an_event_tells_once_when_a_plugin_is_quarantined_and_once_when_it_runs_again() {
        let (mut world, mut quarantine) = (world(), Quarantine::default());
        world.attachments.push(attachment("ratelimit", 1));
        set(&mut world, Some("it trapped"));
        assert!(told(&mut quarantine, &world).is_empty(), "that was so before");
        set(&mut world, None);
        let runs = "plugin-released: plugin ratelimit@1.0.0 of cluster shop runs again on data-1";
        assert_eq!(told(&mut quarantine, &world), [runs]);
        assert!(told(&mut quarantine, &world).is_empty());
        set(&mut world, Some("it trapped"));
        let is_in = "plugin-quarantined: plugin ratelimit@1.0.0 of cluster shop is in quarantine on data-1: it trapped";
        assert_eq!(told(&mut quarantine, &world), [is_in]);
        set(&mut world, Some("it trapped, and again"));
        assert!(told(&mut quarantine, &world).is_empty(), "it is known");
        world.nodes[0].seen_at = before(60_000);
        set(&mut world, None);
        assert!(
            told(&mut quarantine, &world).is_empty(),
            "nobody knows what a lost node says now"
        );
        world.nodes[0].seen_at = before(200);
        assert_eq!(told(&mut quarantine, &world), [runs]);
    }

    #[test]
    fn what_is_detached_is_forgotten_without_a_word() {
        let (mut world, mut quarantine) = (world(), Quarantine::default());
        assert!(told(&mut quarantine, &world).is_empty());
        world.attachments.push(attachment("ratelimit", 1));
        set(&mut world, Some("it trapped"));
        assert_eq!(told(&mut quarantine, &world).len(), 1);
        let attached = world.attachments.pop().unwrap();
        assert!(told(&mut quarantine, &world).is_empty());
        world.attachments.push(attached);
        set(&mut world, None);
        assert!(told(&mut quarantine, &world).is_empty(), "it runs, as it should");
    }
}
