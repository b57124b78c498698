//! `/v1/tenants/{tenant}/plugins`

pub(super) mod delete;
pub(super) mod get;
pub(super) mod list;
pub(super) mod push;

use tenure_control_model::{Plugin, PluginVersion, Tenant, World};
use tenure_control_store::Limit;

use super::Rest;
use super::call::Call;
use super::problem::{Code, Fault};

/// The version that the path names.
async fn find(rest: &Rest, call: &Call) -> Result<Plugin, Fault> {
    version_of(rest, call.tenant()?, call.param("name")?, call.param("version")?).await
}

/// A version of a plugin of this tenant.
pub(super) async fn version_of(rest: &Rest, tenant: &Tenant, name: &str, version: &str) -> Result<Plugin, Fault> {
    let missing = || Fault::not_found("plugin", &format!("{name}@{version}"));
    let version: PluginVersion = version.parse().map_err(|_| missing())?;
    let found = rest.shared.store.plugin(tenant.id, name, version).await?;
    found.ok_or_else(missing)
}

/// Names of the clusters that run it, in their order.
fn run_by(world: &World, plugin: &Plugin) -> Vec<String> {
    let attached = |cluster| {
        let mut attachments = world.attachments.iter();
        attachments.any(|attachment| attachment.cluster == cluster && attachment.plugin == plugin.id)
    };
    let clusters = world.clusters.iter().filter(|cluster| attached(cluster.id));
    let mut names: Vec<String> = clusters.map(|cluster| cluster.name.to_string()).collect();
    names.sort();
    names
}

/// There is no room for one more.
pub(super) fn full(limit: Limit) -> Fault {
    let detail = match limit {
        Limit::PluginsOfTenant | Limit::PluginBytesOfTenant => {
            format!("a tenant may keep {limit}, and no more: delete versions that no cluster runs")
        }
        Limit::PluginsOfCluster => format!("a cluster may run {limit}, and no more: detach one first"),
    };
    Fault::new(Code::TooManyPlugins, detail)
}
