//! `tenure plugin list`

use clap::Args;
use tenure_admin::{Plugin, calls};

use crate::api_client::{ApiArguments, TenantArgument};
use crate::failure::Failure;
use crate::output::{Table, size};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Only versions of this plugin.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    tenant: TenantArgument,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let tenant = arguments.tenant.resolve(&client)?;
    let name = arguments.name.as_deref();
    let list = client.all(usize::MAX, |page| calls::list_plugins(&tenant, name, page))?;
    client.output.show(&list, || table(&list.items))
}

fn table(plugins: &[Plugin]) -> String {
    let mut table = Table::new(&["NAME", "VERSION", "COMMANDS", "SIZE", "CLUSTERS", "PUSHED"]);
    for plugin in plugins {
        let clusters = plugin.clusters.join(",");
        table.push(&[
            plugin.name.as_str(),
            &plugin.version,
            &plugin.commands.len().to_string(),
            &size::text(plugin.bytes),
            if clusters.is_empty() { "-" } else { &clusters },
            &plugin.created_at,
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::super::show::sample;
    use super::*;

    #[test]
    fn a_version_is_a_row_with_who_runs_it() {
        let mut idle = sample();
        idle.version = "1.10.0".to_owned();
        idle.clusters.clear();
        assert_eq!(
            table(&[sample(), idle]),
            "\
NAME       VERSION  COMMANDS  SIZE  CLUSTERS    PUSHED
ratelimit  1.0.0    2         2KiB  shop,games  2026-11-28T21:00:00.000Z
ratelimit  1.10.0   2         2KiB  -           2026-11-28T21:00:00.000Z
"
        );
    }
}
