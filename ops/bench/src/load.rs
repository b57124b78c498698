//! One load: `redis-benchmark` against one server.
//! Promises: what it returns was measured from the first request to the last reply; a server that answers errors is an error,
//! not a fast server.

use std::fmt;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;

use crate::channel::{Channel, Door};

/// Keys that loads and their answers go over.
pub(crate) const KEYS: u32 = 100_000;

/// Bytes of each value.
pub(crate) const VALUE_BYTES: usize = 100;

/// Fewest requests for each connection and place in its pipeline, so that none is idle.
const REQUESTS_EACH_MIN: u64 = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verb {
    Get,
    Set,
}

/// What clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Load {
    pub(crate) channel: Channel,
    pub(crate) verb: Verb,
    pub(crate) connections: u16,
    pub(crate) pipeline: u16,
}

/// What they saw.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Seen {
    pub(crate) requests: u64,
    pub(crate) per_second: f64,
    /// Of a whole pipeline, as redis-benchmark counts.
    pub(crate) p50_millis: f64,
    pub(crate) p99_millis: f64,
    pub(crate) seconds: f64,
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.verb {
            Verb::Get => "GET",
            Verb::Set => "SET",
        };
        let channel = match self.channel {
            Channel::Plain => "plain",
            Channel::Tls => "TLS",
        };
        write!(f, "{verb} c{} P{} {channel}", self.connections, self.pipeline)
    }
}

impl Load {
    /// So many requests.
    pub(crate) fn run(&self, door: &Door, requests: u64) -> Result<Seen> {
        let verb = match self.verb {
            Verb::Get => "get",
            Verb::Set => "set",
        };
        let mut command = Command::new("redis-benchmark");
        command.args(door.flags()).args(["--csv", "-t", verb]);
        for (flag, value) in [
            ("-n", requests),
            ("-c", u64::from(self.connections)),
            ("-P", u64::from(self.pipeline)),
            ("-d", VALUE_BYTES as u64),
            ("-r", u64::from(KEYS)),
        ] {
            command.arg(flag).arg(value.to_string());
        }
        let begun = Instant::now();
        let output = command
            .output()
            .context("could not start redis-benchmark; apt install redis-tools")?;
        let took = begun.elapsed();
        let (said, complained) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        // It goes on after errors, and counts them as answers.
        ensure!(
            output.status.success() && !said.contains("Error from server") && !complained.contains("Error from server"),
            "redis-benchmark against port {} failed: {said}{complained}",
            door.port
        );
        let mut seen = parse(&said).with_context(|| format!("redis-benchmark printed: {said}{complained}"))?;
        seen.requests = requests;
        seen.seconds = took.as_secs_f64();
        Ok(seen)
    }

    /// How many requests take about so long, from a run that is measured for it. That run is the warm-up too.
    pub(crate) fn requests_for(&self, door: &Door, wanted: Duration) -> Result<u64> {
        let places = u64::from(self.connections) * u64::from(self.pipeline);
        let few = self.run(door, places * REQUESTS_EACH_MIN)?;
        let more = scaled(few.per_second, wanted / 4).max(few.requests);
        let seen = self.run(door, more)?;
        Ok(scaled(seen.per_second, wanted).max(places * REQUESTS_EACH_MIN))
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate of requests is positive and far below 2^52"
)]
fn scaled(per_second: f64, over: Duration) -> u64 {
    (per_second * over.as_secs_f64()) as u64
}

/// Reads the two lines of `--csv`.
fn parse(text: &str) -> Result<Seen> {
    let mut lines = text.lines().filter(|line| line.starts_with('"'));
    let (Some(names), Some(values)) = (lines.next(), lines.next()) else {
        bail!("these are not the two lines that --csv has");
    };
    let cells = |line: &str| -> Vec<String> { line.split(',').map(|cell| cell.trim_matches('"').to_owned()).collect() };
    let (names, values) = (cells(names), cells(values));
    let figure = |name: &str| -> Result<f64> {
        let at = names.iter().position(|found| found == name);
        let value = at
            .and_then(|at| values.get(at))
            .with_context(|| format!("it has no column {name}"))?;
        value
            .parse()
            .with_context(|| format!("{name} is {value}, which is no number"))
    };
    Ok(Seen {
        requests: 0,
        per_second: figure("rps")?,
        p50_millis: figure("p50_latency_ms")?,
        p99_millis: figure("p99_latency_ms")?,
        seconds: 0.0,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const CSV: &str = "WARNING: Could not fetch server CONFIG\n\
        \"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"\n\
        \"SET\",\"65359.48\",\"0.396\",\"0.104\",\"0.391\",\"0.511\",\"0.711\",\"2.143\"\n";

    #[test]
    fn figures_are_found_by_the_names_of_their_columns() {
        let seen = parse(CSV).unwrap();
        assert_eq!(
            (seen.per_second, seen.p50_millis, seen.p99_millis),
            (65359.48, 0.391, 0.711)
        );
    }

    #[test]
    fn what_is_no_table_is_an_error() {
        for text in ["", "\"test\",\"rps\"\n", "\"test\",\"rps\"\n\"SET\",\"fast\"\n"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
