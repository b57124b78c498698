//! `tenure tenant`: who owns clusters.

mod create;
mod delete;
mod list;
mod show;

use clap::Subcommand;
use tenure_admin::Tenant as Body;

use crate::failure::Failure;
use crate::output::Table;

#[derive(Subcommand)]
pub(crate) enum Tenant {
    /// Make a tenant.
    Create(create::Arguments),
    /// List tenants.
    List(list::Arguments),
    /// Show a tenant.
    Show(show::Arguments),
    /// Delete a tenant that has no clusters.
    Delete(delete::Arguments),
}

impl Tenant {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(arguments) => create::run(arguments),
            Self::List(arguments) => list::run(&arguments),
            Self::Show(arguments) => show::run(&arguments),
            Self::Delete(arguments) => delete::run(&arguments),
        }
    }
}

fn table(tenants: &[Body]) -> String {
    let mut table = Table::new(&["NAME", "ID", "CREATED"]);
    for tenant in tenants {
        table.push(&[&tenant.name, &tenant.id, &tenant.created_at]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_a_row() {
        let tenant = Body {
            id: "ten_1".to_owned(),
            name: "demo".to_owned(),
            created_at: "2026-11-28T21:00:00.000Z".to_owned(),
        };
        assert_eq!(
            table(&[tenant]),
            "NAME  ID     CREATED\ndemo  ten_1  2026-11-28T21:00:00.000Z\n"
        );
    }
}
