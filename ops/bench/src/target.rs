//! The targets of DESIGN section 16 that are measured here.
//! Promises: every figure of the table stands once, beside the load and the peer that it speaks of.

use clap::ValueEnum;
use serde::Serialize;

use crate::channel::Channel::{self, Plain, Tls};
use crate::load::{Load, Verb};
use crate::server::Kind;

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
pub(crate) enum Section {
    /// GET, 50 connections, plain, against Valkey.
    S1,
    /// The same over TLS.
    S2,
    /// SET, 50 connections, against redis with appendfsync always.
    S3,
    /// SET, 256 connections or pipeline 16, against the same.
    S4,
    /// SET with three copies, against Valkey with two replicas and WAITAOF.
    S5,
    /// SET, one connection, its latency.
    S6,
    /// Bytes per key.
    S10,
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Measure {
    /// Requests per second: a ratio should be above.
    Throughput,
    /// The median latency: below.
    P50,
}

/// A figure to reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Target {
    pub(crate) section: Section,
    pub(crate) load: Load,
    pub(crate) against: Kind,
    pub(crate) measure: Measure,
    pub(crate) ratio: f64,
}

/// Of what a target says, so much is enough for now (issue 2): under it the cause is looked for.
pub(crate) const ENOUGH: f64 = 0.7;

impl Target {
    /// The ratio that is enough for now.
    pub(crate) fn enough(&self) -> f64 {
        match self.measure {
            Measure::Throughput => self.ratio * ENOUGH,
            Measure::P50 => self.ratio / ENOUGH,
        }
    }

    /// Whether this ratio is as good as that one, or better.
    pub(crate) fn is_reached_by(&self, ratio: f64, wanted: f64) -> bool {
        match self.measure {
            Measure::Throughput => ratio >= wanted,
            Measure::P50 => ratio <= wanted,
        }
    }
}

/// All of them but S5 and S10, which are no loads of redis-benchmark. `valkey`: whether there is one; where there is none, redis 7.0
/// stands for it, which reaches about 0.7 of it with one request at a time and 0.5 of it with 16.
pub(crate) fn targets(valkey: bool) -> Vec<Target> {
    let reads = |section, channel: Channel, pipeline: u16, ratio: f64| {
        let redis_reaches = if pipeline == 1 { 0.7 } else { 0.5 };
        Target {
            section,
            load: load(channel, Verb::Get, 50, pipeline),
            against: if valkey { Kind::Valkey } else { Kind::Redis },
            measure: Measure::Throughput,
            ratio: if valkey { ratio } else { ratio / redis_reaches },
        }
    };
    let writes = |section, connections: u16, pipeline: u16, measure, ratio: f64| Target {
        section,
        load: load(Plain, Verb::Set, connections, pipeline),
        against: Kind::RedisAlways,
        measure,
        ratio,
    };
    vec![
        reads(Section::S1, Plain, 1, 1.0),
        reads(Section::S1, Plain, 16, 1.0),
        reads(Section::S2, Tls, 1, 1.1),
        reads(Section::S2, Tls, 16, 1.1),
        writes(Section::S3, 50, 1, Measure::Throughput, 0.8),
        writes(Section::S4, 256, 1, Measure::Throughput, 1.2),
        writes(Section::S4, 50, 16, Measure::Throughput, 1.2),
        writes(Section::S6, 1, 1, Measure::P50, 2.4),
    ]
}

/// Every load that a whole comparison shows: those of the targets among them.
pub(crate) fn all_loads() -> Vec<Load> {
    let mut loads = Vec::new();
    for channel in [Plain, Tls] {
        for verb in [Verb::Get, Verb::Set] {
            for (connections, pipeline) in [(1, 1), (1, 16), (50, 1), (50, 16)] {
                loads.push(load(channel, verb, connections, pipeline));
            }
        }
    }
    loads.push(load(Plain, Verb::Set, 256, 1));
    loads
}

/// S5 with Valkey: SET and WAITAOF, pipeline 1 and 16.
pub(crate) const THREE_COPIES: [(u16, f64); 2] = [(1, 10.0), (16, 20.0)];

/// S10.
pub(crate) const BYTES_PER_KEY: f64 = 1.0;

const fn load(channel: Channel, verb: Verb, connections: u16, pipeline: u16) -> Load {
    Load {
        channel,
        verb,
        connections,
        pipeline,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_should_be_low_and_a_throughput_high() {
        for target in targets(true) {
            let better = match target.measure {
                Measure::Throughput => target.ratio * 1.01,
                Measure::P50 => target.ratio * 0.99,
            };
            assert!(target.is_reached_by(better, target.ratio), "{target:?}");
            assert!(target.is_reached_by(target.ratio, target.enough()), "{target:?}");
            assert!(!target.is_reached_by(target.enough(), target.ratio), "{target:?}");
        }
    }

    #[test]
    fn every_target_is_among_the_loads_of_a_whole_comparison() {
        for target in targets(true) {
            assert!(all_loads().contains(&target.load), "{}", target.load);
        }
    }
}
