//! `tenure cluster create`
//! Promises: a password that was drawn here is shown as soon as there is an answer that the cluster is made, and also when that
//! is not known; never when it was refused. One of a file is never shown.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use tenure_admin::{ClusterChange, CreateCluster, calls};

use super::{password, picture};
use crate::api_client::{ApiArguments, ApiClient, TenantArgument};
use crate::commands::operation::follow::{self, Waiting};
use crate::commands::operation::say_how_to_wait;
use crate::failure::Failure;
use crate::output::{self, Output, say, size};

#[derive(Args)]
pub(crate) struct Arguments {
    /// 1 to 63 small letters, digits and dashes; a letter first and no dash last. It cannot be changed later.
    #[arg(value_name = "NAME")]
    name: String,
    /// Shards, 1 to 500. Default 1.
    #[arg(long, value_name = "NUMBER")]
    shards: Option<u16>,
    /// Replicas of each shard beside its primary, 0 to 5. Default 1.
    #[arg(long, value_name = "NUMBER")]
    replicas: Option<u8>,
    /// Memory of one shard's keys, such as 256MiB, which is the default.
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    memory: Option<u64>,
    /// What happens when the memory is full: noeviction, which is the default, allkeys-lru, or another of Redis's policies.
    #[arg(long, value_name = "POLICY")]
    eviction_policy: Option<String>,
    /// Clients speak plain RESP: passwords and data pass the network as they are.
    #[arg(long)]
    no_tls: bool,
    /// File with the password of the user `default` in it. Without it, one is drawn and shown this once.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Only show where its shards would be.
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    tenant: TenantArgument,
    #[command(flatten)]
    api: ApiArguments,
}

/// What programs read: the API's answer, and the password that only this process knows.
#[derive(Serialize)]
struct Made<'a> {
    #[serde(flatten)]
    change: &'a ClusterChange,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let client = arguments.api.connect()?;
    let given = arguments.password_file.as_deref().map(password::in_file).transpose()?;
    let drawn = given.is_none().then(password::draw);
    let tenant = arguments.tenant.resolve(&client)?;
    let body = CreateCluster {
        name: arguments.name,
        shards: arguments.shards,
        replicas: arguments.replicas,
        memory_bytes: arguments.memory,
        eviction_policy: arguments.eviction_policy,
        tls: arguments.no_tls.then_some(false),
        password: given.or_else(|| drawn.clone()).unwrap_or_default(),
    };
    let call = calls::create_cluster(&tenant, &body, arguments.dry_run);
    let change = client.send_change(call, || {
        if let Some(drawn) = drawn.as_deref().filter(|_| !arguments.dry_run) {
            say(&in_doubt(drawn));
        }
    })?;
    if arguments.dry_run {
        say("nothing was made: this is what it would be");
        return show(&client, &change, None);
    }
    finish(&client, change, drawn.as_deref(), &arguments.waiting)
}

/// Shows what was made: at once, or when it serves.
fn finish(client: &ApiClient, change: ClusterChange, drawn: Option<&str>, waiting: &Waiting) -> Result<(), Failure> {
    let first = change.operation.clone().filter(|_| waiting.wait);
    let Some(first) = first else {
        if let Some(operation) = &change.operation {
            say_how_to_wait(operation);
        }
        return show(client, &change, drawn);
    };
    tell_at_once(client.output, drawn)?;
    let end = follow::to_its_end(client, first, waiting.timeout.timeout);
    let (outcome, change, text) = match end {
        Ok(operation) => {
            let outcome = follow::outcome(&operation);
            let after = picture::after(client, change, operation);
            let text = after.text();
            (outcome, after.change, text)
        }
        Err(failure) => {
            let text = picture::text(&change.cluster, &change.shards);
            (Err(failure), change, text)
        }
    };
    let shown = match client.output {
        // The password is above it.
        Output::Table => output::print(&text),
        Output::Json => show(client, &change, drawn),
    };
    outcome.and(shown)
}

fn show(client: &ApiClient, change: &ClusterChange, password: Option<&str>) -> Result<(), Failure> {
    let made = Made { change, password };
    let shown = client.output.show(&made, || {
        password_line(password) + &picture::text(&change.cluster, &change.shards)
    });
    not_losing(password, shown)
}

/// In case the wait is ended: for people it is on stdout now. Programs get one document there, and it comes when the wait is
/// over, so that until then it is on stderr.
fn tell_at_once(output: Output, drawn: Option<&str>) -> Result<(), Failure> {
    match output {
        Output::Table => not_losing(drawn, output::print(&password_line(drawn))),
        Output::Json => {
            if let Some(drawn) = drawn {
                say(&format!("password of the user default: {drawn}"));
            }
            Ok(())
        }
    }
}

/// What could not be written where it belongs is in the error.
fn not_losing(drawn: Option<&str>, written: Result<(), Failure>) -> Result<(), Failure> {
    written.map_err(|failure| match drawn {
        Some(drawn) => failure.noting(format!("password of the user default: {drawn}")),
        None => failure,
    })
}

fn in_doubt(drawn: &str) -> String {
    format!("if the cluster was made all the same, the password of its user default is {drawn}")
}

fn password_line(drawn: Option<&str>) -> String {
    drawn.map_or(String::new(), |password| {
        format!("password of the user default, shown this once: {password}\n\n")
    })
}

#[cfg(test)]
mod tests {
    use super::super::picture::samples;
    use super::*;

    #[test]
    fn programs_read_the_password_beside_what_the_api_says() {
        let change = ClusterChange {
            cluster: samples::cluster(),
            operation: None,
            shards: vec![samples::shard()],
        };
        let made = |password| {
            output::json(&Made {
                change: &change,
                password,
            })
            .unwrap()
        };
        let with: serde_json::Value = serde_json::from_str(&made(Some("secret"))).unwrap();
        assert_eq!(with["password"], "secret");
        assert_eq!(with["cluster"]["name"], "shop");
        assert_eq!(with["shards"][0]["name"], "0001");
        assert_eq!(made(None), output::json(&change).unwrap());
    }

    #[test]
    fn people_read_the_password_first() {
        assert_eq!(
            password_line(Some("secret")),
            "password of the user default, shown this once: secret\n\n"
        );
        assert_eq!(password_line(None), "");
    }
}
