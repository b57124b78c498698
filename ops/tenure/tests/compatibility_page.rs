//! The page on compatibility against a running node: what it says is there is what `COMMAND LIST` tells, and what it says is
//! refused is refused, for that reason.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod plain;

use std::collections::BTreeSet;

use plain::PlainShard;
use redis::aio::MultiplexedConnection;

const PAGE: &str = include_str!("../../docs/compatibility.md");
/// More than any refused command asks for.
const ARGUMENTS_MAX: usize = 8;

#[tokio::test]
async fn the_page_lists_the_commands_that_a_shard_has() {
    let shard = PlainShard::start().await;
    let address = shard.address;
    let client = redis::Client::open(format!("redis://{address}")).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();

    let listed: Vec<String> = redis::cmd("COMMAND")
        .arg("LIST")
        .query_async(&mut connection)
        .await
        .unwrap();
    let there: BTreeSet<String> = listed.iter().map(|name| shown(name)).collect();
    let told: Vec<String> = rows("There").flat_map(|row| quoted(row[1])).collect();
    let unique: BTreeSet<String> = told.iter().cloned().collect();
    assert_eq!(told.len(), unique.len(), "the page names a command twice: {told:?}");
    let missing: Vec<_> = there.difference(&unique).collect();
    let extra: Vec<_> = unique.difference(&there).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "in ops/docs/compatibility.md, \"There\": not named {missing:?}; named, but not in COMMAND LIST {extra:?}"
    );

    for row in rows("Refused") {
        for name in quoted(row[0]) {
            let expected = format!("{name} is not for tenants: {}", row[1]);
            let answer = refusal(&mut connection, &name).await;
            assert_eq!(answer, expected, "in ops/docs/compatibility.md, \"Refused\"");
        }
    }
}

/// What a command answers once it has as many arguments as it asks for.
async fn refusal(connection: &mut MultiplexedConnection, name: &str) -> String {
    let mut answer = String::new();
    for arguments in 0..=ARGUMENTS_MAX {
        let mut command = redis::Cmd::new();
        for word in name.split(' ').chain(std::iter::repeat_n("x", arguments)) {
            command.arg(word);
        }
        let error = command.query_async::<redis::Value>(connection).await.unwrap_err();
        answer = error.detail().unwrap_or_default().to_owned();
        if !answer.starts_with("wrong number of arguments") {
            break;
        }
    }
    answer
}

/// A name of `COMMAND LIST` as the page has it.
fn shown(name: &str) -> String {
    name.replace('|', " ").to_uppercase()
}

/// The cells of a section's table, without its head.
fn rows(section: &str) -> impl Iterator<Item = Vec<&'static str>> {
    let head = format!("## {section}");
    let lines = PAGE.lines().skip_while(move |line| *line != head).skip(1);
    let lines = lines.take_while(|line| !line.starts_with("## "));
    let rows: Vec<Vec<&str>> = lines
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").collect())
        .collect();
    assert!(
        rows.len() > 1,
        "ops/docs/compatibility.md has no table under \"{section}\""
    );
    rows.into_iter().skip(1)
}

/// What stands in backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
