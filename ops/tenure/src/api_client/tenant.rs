//! Whose things a command is about.
//! Promises: a tenant is never guessed among several.

use std::env;

use anyhow::anyhow;
use clap::Args;
use tenure_admin::{Tenant, calls};

use super::ApiClient;
use crate::failure::Failure;
use crate::output::printable;

/// Tenants that are looked at for the only one, and named in an error.
const LISTED_MAX: usize = 20;

#[derive(Args)]
pub(crate) struct TenantArgument {
    /// Name of the tenant. Default TENURE_TENANT, then the API key's own, then the only one there is.
    #[arg(long, value_name = "NAME", help_heading = "Control plane")]
    tenant: Option<String>,
}

impl TenantArgument {
    /// The tenant that is meant.
    pub(crate) fn resolve(&self, client: &ApiClient) -> Result<String, Failure> {
        if let Some(named) = self.named() {
            return Ok(named);
        }
        if let Some(own) = client.send(calls::whoami())?.key.tenant {
            return Ok(own);
        }
        let tenants = client.all(LISTED_MAX, calls::list_tenants)?;
        only(&tenants.items, tenants.next_page_token.is_some())
    }

    /// The tenant that is named, by the flag or the environment.
    pub(crate) fn named(&self) -> Option<String> {
        let given = || env::var("TENURE_TENANT").ok().filter(|name| !name.is_empty());
        self.tenant.clone().or_else(given)
    }
}

fn only(tenants: &[Tenant], there_are_more: bool) -> Result<String, Failure> {
    match tenants {
        [] => Err(Failure::usage(
            anyhow!("there is no tenant yet"),
            "make one: tenure tenant create NAME",
        )),
        [tenant] => Ok(tenant.name.clone()),
        several => {
            let names: Vec<&str> = several.iter().map(|tenant| tenant.name.as_str()).collect();
            let more = if there_are_more { " and others" } else { "" };
            let names = printable(&names.join(", "));
            let error = anyhow!("there are several tenants: {names}{more}");
            Err(Failure::usage(error, "say which one: --tenant NAME or TENURE_TENANT"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_several_is_never_guessed() {
        let tenants = ["demo", "shop", "games"].map(|name| Tenant {
            id: "ten_1".to_owned(),
            name: name.to_owned(),
            created_at: String::new(),
        });
        assert_eq!(only(&tenants[..1], false).unwrap(), "demo");
        let said = only(&tenants, false).unwrap_err().to_string();
        assert!(said.contains("several tenants: demo, shop, games\n"), "{said}");
        let said = only(&tenants[..2], true).unwrap_err().to_string();
        assert!(said.contains("demo, shop and others\n"), "{said}");
        assert!(only(&[], false).is_err());
        let strange = ["demo\nhint: a", "shop"].map(|name| Tenant {
            name: name.to_owned(),
            ..tenants[0].clone()
        });
        let said = only(&strange, false).unwrap_err().to_string();
        assert!(said.contains("several tenants: demo hint: a, shop\n"), "{said}");
    }
}
