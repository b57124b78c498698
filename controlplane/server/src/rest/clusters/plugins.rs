//! `/v1/tenants/{tenant}/clusters/{cluster}/plugins/{name}`

pub(in crate::rest) mod attach;
pub(in crate::rest) mod detach;

use tenure_control_model::{Attachment, Change, Cluster, ClusterState, Expect, World, Write};

use super::under_way;
use crate::rest::call::Call;
use crate::rest::etag::require_match;
use crate::rest::operation::in_the_way;
use crate::rest::problem::{Code, Fault};

/// Whether what the cluster runs may be changed at this moment.
fn expect_free(call: &Call, world: &World, cluster: &Cluster) -> Result<(), Fault> {
    require_match(call.if_match.as_deref(), cluster.revision)?;
    if let Some(operation) = under_way(world, cluster.id) {
        return Err(in_the_way(operation));
    }
    if cluster.state != ClusterState::Active {
        let detail = format!(
            "the cluster {:?} is not active: its plugins cannot be changed",
            cluster.name.as_str()
        );
        return Err(Fault::new(Code::NotActive, detail));
    }
    Ok(())
}

/// What it runs of this name.
fn attached<'a>(world: &'a World, cluster: &Cluster, name: &str) -> Option<&'a Attachment> {
    let is_it = |attachment: &&Attachment| attachment.cluster == cluster.id && attachment.name == name;
    world.attachments.iter().find(is_it)
}

/// A change of what the cluster runs. The cluster's own row is put too, so that its etag tells of it.
fn change_of(cluster: &Cluster, write: Write) -> Change {
    let expect = Expect::Revision(cluster.revision);
    Change::default()
        .with(write)
        .with(Write::PutCluster(cluster.clone(), expect))
}
