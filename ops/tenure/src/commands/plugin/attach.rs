//! `tenure plugin attach`
//! Promises: which version is attached is said, if it was not named.

use anyhow::anyhow;
use clap::Args;
use tenure_admin::{AttachPlugin, Plugin, calls};
use tenure_control_model::PluginVersion;

use super::finish;
use super::version::MaybeNamed;
use crate::api_client::{ApiArguments, ApiClient, TenantArgument};
use crate::commands::operation::follow::Waiting;
use crate::failure::{Exit, Failure};
use crate::output::{printable, say};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The cluster's name.
    #[arg(value_name = "CLUSTER")]
    cluster: String,
    /// The plugin, such as ratelimit, or one version of it, such as ratelimit@1.0.2. Default the newest: the one with the highest number.
    #[arg(value_name = "NAME[@VERSION]")]
    plugin: MaybeNamed,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    tenant: TenantArgument,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let tenant = arguments.tenant.resolve(&client)?;
    let MaybeNamed { name, version } = &arguments.plugin;
    let version = match version {
        Some(version) => *version,
        None => newest(&client, &tenant, name)?,
    };
    let body = AttachPlugin {
        version: version.to_string(),
    };
    let change = client.send(calls::attach_plugin(&tenant, &arguments.cluster, name, &body))?;
    finish(&client, change, &arguments.waiting)
}

fn newest(client: &ApiClient, tenant: &str, name: &str) -> Result<PluginVersion, Failure> {
    let list = client.all(usize::MAX, |page| calls::list_plugins(tenant, Some(name), page))?;
    let version = highest(&list.items).ok_or_else(|| {
        let error = anyhow!("{}", printable(&format!("{tenant} has no plugin {name}")));
        let hint = "tenure plugin list shows what there is; tenure plugin push brings more";
        Failure::new(error, hint).exiting(Exit::NotFound)
    })?;
    say(&format!("the newest is {name}@{version}"));
    Ok(version)
}

fn highest(plugins: &[Plugin]) -> Option<PluginVersion> {
    let versions = plugins.iter().filter_map(|plugin| plugin.version.parse().ok());
    versions.max()
}

#[cfg(test)]
mod tests {
    use super::super::show::sample;
    use super::*;

    #[test]
    fn the_newest_is_the_one_with_the_highest_number_whenever_it_was_pushed() {
        let of = |version: &str| Plugin {
            version: version.to_owned(),
            ..sample()
        };
        let found = highest(&[of("1.9.0"), of("1.10.0"), of("1.2.0")]);
        assert_eq!(found.unwrap().to_string(), "1.10.0");
        assert_eq!(highest(&[]), None);
    }
}
