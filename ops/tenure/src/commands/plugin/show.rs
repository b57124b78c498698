//! `tenure plugin show`

use clap::Args;
use tenure_admin::{Plugin, calls};

use super::version::Named;
use crate::api_client::{ApiArguments, TenantArgument};
use crate::failure::Failure;
use crate::output::{Table, size};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The plugin and its version, such as ratelimit@1.0.2.
    #[arg(value_name = "NAME@VERSION")]
    plugin: Named,
    #[command(flatten)]
    tenant: TenantArgument,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let tenant = arguments.tenant.resolve(&client)?;
    let Named { name, version } = &arguments.plugin;
    let plugin = client.send(calls::get_plugin(&tenant, name, &version.to_string()))?;
    client.output.show(&plugin, || text(&plugin))
}

/// For people.
pub(super) fn text(plugin: &Plugin) -> String {
    let mut table = Table::bare();
    let name = format!("{}/{}@{}", plugin.tenant, plugin.name, plugin.version);
    table.push(&["plugin", &name]);
    table.push(&["id", &plugin.id]);
    table.push(&["sha256", &plugin.sha256]);
    table.push(&["size", &size::text(plugin.bytes)]);
    table.push(&["pushed", &plugin.created_at]);
    if !plugin.description.is_empty() {
        table.push(&["description", &plugin.description]);
    }
    for (at, command) in plugin.commands.iter().enumerate() {
        table.push(&[if at == 0 { "commands" } else { "" }, command]);
    }
    let clusters = plugin.clusters.join(" ");
    table.push(&["clusters", if clusters.is_empty() { "-" } else { &clusters }]);
    table.to_string()
}

#[cfg(test)]
pub(super) fn sample() -> Plugin {
    Plugin {
        id: "plg_1".to_owned(),
        tenant: "demo".to_owned(),
        name: "ratelimit".to_owned(),
        version: "1.0.0".to_owned(),
        sha256: "ab".repeat(32),
        bytes: 2048,
        description: "limits rates".to_owned(),
        commands: vec!["RATELIMIT.TAKE".to_owned(), "RATELIMIT.PEEK".to_owned()],
        clusters: vec!["shop".to_owned(), "games".to_owned()],
        created_at: "2026-11-28T21:00:00.000Z".to_owned(),
        manifest: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_what_it_adds_and_who_runs_it() {
        let expected = format!(
            "\
plugin       demo/ratelimit@1.0.0
id           plg_1
sha256       {}
size         2KiB
pushed       2026-11-28T21:00:00.000Z
description  limits rates
commands     RATELIMIT.TAKE
             RATELIMIT.PEEK
clusters     shop games
",
            "ab".repeat(32)
        );
        assert_eq!(text(&sample()), expected);
    }
}
