//! `tenure lease list`

use clap::Args;
use tenure_admin::{Lease, calls};

use crate::api_client::ApiArguments;
use crate::failure::Failure;
use crate::output::{Table, or_dash, size};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let list = client.all(usize::MAX, calls::list_leases)?;
    client.output.show(&list, || table(&list.items))
}

fn table(leases: &[Lease]) -> String {
    let millis = |value: Option<u64>| value.map_or("-".to_owned(), |value| format!("{value} ms"));
    let mut table = Table::new(&[
        "SHARD", "STREAM", "EPOCH", "OWNER", "LIFE", "LEASE", "SILENT", "RELEASED", "TAIL", "RETAINED",
    ]);
    for lease in leases {
        table.push(&[
            format!("{}/{}/{}", lease.tenant, lease.cluster, lease.shard).as_str(),
            &lease.stream,
            &lease.epoch.to_string(),
            or_dash(lease.owner.as_deref()),
            or_dash(lease.incarnation.as_deref()),
            &millis(lease.lease_millis.map(u64::from)),
            &millis(lease.silent_millis),
            if lease.released { "yes" } else { "no" },
            &lease.tail.to_string(),
            &size::text(lease.retained_bytes),
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_a_row() {
        let owned = Lease {
            tenant: "demo".to_owned(),
            cluster: "shop".to_owned(),
            shard: "0001".to_owned(),
            stream: "0/1".to_owned(),
            epoch: 3,
            owner: Some("data-1".to_owned()),
            incarnation: Some("00000000000000ff".to_owned()),
            lease_millis: Some(1200),
            silent_millis: Some(140),
            released: false,
            tail: 812,
            retained_bytes: 2048,
        };
        let new = Lease {
            shard: "0002".to_owned(),
            stream: "0/2".to_owned(),
            epoch: 0,
            owner: None,
            incarnation: None,
            lease_millis: None,
            silent_millis: None,
            tail: 0,
            retained_bytes: 0,
            ..owned.clone()
        };
        assert_eq!(
            table(&[owned, new]),
            "\
SHARD           STREAM  EPOCH  OWNER   LIFE              LEASE    SILENT  RELEASED  TAIL  RETAINED
demo/shop/0001  0/1     3      data-1  00000000000000ff  1200 ms  140 ms  no        812   2KiB
demo/shop/0002  0/2     0      -       -                 -        -       no        0     0B
"
        );
    }
}
