//! `tenure log show`

use clap::Args;
use tenure_admin::{LogGroups, calls};

use crate::api_client::ApiArguments;
use crate::failure::Failure;
use crate::output::{Table, or_dash};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let groups = client.send(calls::log_groups())?;
    client.output.show(&groups, || table(&groups))
}

fn table(groups: &LogGroups) -> String {
    let mut table = Table::new(&["GROUP", "LEADER", "VOTERS", "COMMITTED"]);
    for group in &groups.groups {
        table.push(&[
            &group.id.to_string(),
            or_dash(group.leader.as_deref()),
            &group.voters.join(" "),
            &group.committed.to_string(),
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use tenure_admin::LogGroup;

    use super::*;
    use crate::output;

    #[test]
    fn a_group_is_a_row_and_json_is_what_scripts_were_promised() {
        let voters = ["log-1", "log-2", "log-3"].map(str::to_owned).to_vec();
        let groups = LogGroups {
            groups: vec![LogGroup {
                id: 0,
                leader: Some("log-2".to_owned()),
                voters,
                committed: 0,
            }],
        };
        assert_eq!(
            table(&groups),
            "GROUP  LEADER  VOTERS             COMMITTED\n0      log-2   log-1 log-2 log-3  0\n"
        );
        assert_eq!(
            output::json(&groups).unwrap(),
            r#"{"groups":[{"id":0,"leader":"log-2","voters":["log-1","log-2","log-3"],"committed":0}]}"#
        );
    }
}
