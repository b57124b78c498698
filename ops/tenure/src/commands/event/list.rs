//! `tenure event list`

use std::num::NonZeroUsize;

use clap::Args;
use tenure_admin::{Event, calls};

use crate::api_client::{ApiArguments, TenantArgument};
use crate::failure::Failure;
use crate::output::{Table, or_dash};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Those of this cluster only.
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    #[command(flatten)]
    tenant: TenantArgument,
    /// Events at most, the newest first.
    #[arg(long, value_name = "NUMBER", default_value = "100")]
    limit: NonZeroUsize,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let cluster = arguments.cluster.as_deref();
    // A cluster has a name in its tenant only. Without one: all that the key may see.
    let tenant = match cluster {
        Some(_) => Some(arguments.tenant.resolve(&client)?),
        None => arguments.tenant.named(),
    };
    let list = client.all(arguments.limit.get(), |page| {
        calls::list_events(tenant.as_deref(), cluster, page)
    })?;
    client.output.show(&list, || table(&list.items))
}

fn table(events: &[Event]) -> String {
    let mut table = Table::new(&["AT", "KIND", "NODE", "MESSAGE"]);
    for event in events {
        table.push(&[
            event.at.as_str(),
            &event.kind,
            or_dash(event.node.as_deref()),
            &event.message,
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_row() {
        let event = Event {
            id: "evt_1".to_owned(),
            at: "2026-11-28T21:00:00.000Z".to_owned(),
            kind: "primary-changed".to_owned(),
            message: "demo/shop/0001 is served by data-2 in epoch 3".to_owned(),
            tenant: Some("ten_1".to_owned()),
            cluster: Some("clu_1".to_owned()),
            shard: Some("shd_1".to_owned()),
            node: Some("data-2".to_owned()),
        };
        assert_eq!(
            table(&[event]),
            "AT                        KIND             NODE    MESSAGE\n\
             2026-11-28T21:00:00.000Z  primary-changed  data-2  demo/shop/0001 is served by data-2 in epoch 3\n"
        );
    }
}
