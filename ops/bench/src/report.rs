//! What people read: Markdown tables, as they stand in ops/docs/benchmarks.
//! Promises: no ratio without the figures that it is made of; a figure that is not there is left out, not made up.

use std::fmt::Write;

use crate::compare::{Compared, Sample};
use crate::figures::Spread;
use crate::load::Load;
use crate::server::Kind;
use crate::target::{BYTES_PER_KEY, ENOUGH, Measure, Target};

const PEERS: [Kind; 3] = [Kind::Redis, Kind::RedisAlways, Kind::Valkey];

/// All of them.
pub(crate) fn tables(compared: &Compared) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = conditions(&mut text, compared);
    let _ = targets(&mut text, compared);
    let _ = loads(&mut text, compared);
    let _ = bytes_per_key(&mut text, compared);
    text
}

fn conditions(text: &mut String, compared: &Compared) -> std::fmt::Result {
    let machine = &compared.machine;
    let gibibytes = machine.memory_bytes >> 30;
    writeln!(text, "Command: `{}`\n", compared.command)?;
    writeln!(
        text,
        "Machine: {} CPUs ({}), {gibibytes} GiB, Linux {}. Load average before {}, after {}. Scheduling of this program: {}.",
        machine.cpus,
        machine.cpu_model,
        machine.kernel,
        machine.load_average,
        compared.load_average_after,
        machine.scheduling
    )?;
    let others: Vec<_> = compared
        .others
        .iter()
        .map(|(name, cpu)| format!("{name} {cpu:.1} s"))
        .collect();
    let others = if others.is_empty() {
        "nothing".to_owned()
    } else {
        others.join(", ")
    };
    writeln!(
        text,
        "Beside it ran (CPU seconds; those that ended are not seen): {others}.\n"
    )?;
    for version in &compared.versions {
        writeln!(text, "- {version}")?;
    }
    for idle in &compared.idle {
        let scheduling: Vec<_> = idle
            .scheduling
            .iter()
            .map(|(name, classes)| format!("{name} {classes}"))
            .collect();
        writeln!(
            text,
            "- {} over {:?}, idle: {:.3} CPU s per second; threads: {}",
            idle.kind,
            idle.channel,
            idle.cpu,
            scheduling.join("; ")
        )?;
    }
    writeln!(
        text,
        "\n{} rounds, each figure over about {} s.\n",
        compared.rounds, compared.figure_seconds
    )
}

fn targets(text: &mut String, compared: &Compared) -> std::fmt::Result {
    writeln!(
        text,
        "| # | load | against | ratio (lowest to highest) | target | {ENOUGH} of it | |"
    )?;
    writeln!(text, "|---|---|---|---|---|---|---|")?;
    for target in &compared.targets {
        let figure = |sample: &Sample| match target.measure {
            Measure::Throughput => sample.seen.per_second,
            Measure::P50 => sample.seen.p50_millis,
        };
        if let Some(ratio) = ratio(compared, target.load, target.against, figure) {
            target_row(text, &target.load.to_string(), target, ratio)?;
        }
    }
    for (pipeline, wanted) in crate::target::THREE_COPIES {
        let of = compared.three_copies.iter().filter(|round| round.pipeline == pipeline);
        if let Some(ratio) = Spread::of(of.map(|round| round.tenure_per_second / round.valkey_per_second)) {
            let verdict = verdict(ratio.median >= wanted, ratio.median >= wanted * ENOUGH);
            writeln!(
                text,
                "| S5 | SET c50 P{pipeline} plain | Valkey, 3 copies, WAITAOF 1 2 | {} | ≥ {wanted:.2} | {:.2} | {verdict} |",
                spread(ratio),
                wanted * ENOUGH
            )?;
        }
    }
    writeln!(text)
}

fn target_row(text: &mut String, load: &str, target: &Target, ratio: Spread) -> std::fmt::Result {
    let sign = match target.measure {
        Measure::Throughput => "≥",
        Measure::P50 => "≤",
    };
    let what = match target.measure {
        Measure::Throughput => "",
        Measure::P50 => ", p50",
    };
    let verdict = verdict(
        target.is_reached_by(ratio.median, target.ratio),
        target.is_reached_by(ratio.median, target.enough()),
    );
    writeln!(
        text,
        "| {:?} | {load}{what} | {} | {} | {sign} {:.2} | {:.2} | {verdict} |",
        target.section,
        target.against,
        spread(ratio),
        target.ratio,
        target.enough()
    )
}

fn verdict(is_reached: bool, is_enough: bool) -> &'static str {
    match (is_reached, is_enough) {
        (true, _) => "reached",
        (false, true) => "enough for now",
        (false, false) => "**short**",
    }
}

fn loads(text: &mut String, compared: &Compared) -> std::fmt::Result {
    let mut loads: Vec<Load> = compared.samples.iter().map(|sample| sample.load).collect();
    loads.sort_unstable();
    loads.dedup();
    if loads.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "CPU is in seconds for 100,000 requests: of the process that clients speak to, of the three log nodes, and of \
         redis-benchmark.\n"
    )?;
    writeln!(
        text,
        "| load | server | thousand/s (lowest to highest) | Tenure's ratio to it | p50 ms | p99 ms | CPU server | log nodes | load |"
    )?;
    writeln!(text, "|---|---|---|---|---|---|---|---|---|")?;
    for load in loads {
        for kind in std::iter::once(Kind::Tenure).chain(PEERS) {
            load_row(text, compared, load, kind)?;
        }
    }
    writeln!(text)
}

fn load_row(text: &mut String, compared: &Compared, load: Load, kind: Kind) -> std::fmt::Result {
    let of = || {
        compared
            .samples
            .iter()
            .filter(move |sample| sample.load == load && sample.kind == kind)
    };
    let median =
        |figure: &dyn Fn(&Sample) -> f64| Spread::of(of().map(figure)).map_or(f64::NAN, |spread| spread.median);
    let Some(rate) = Spread::of(of().map(|sample| sample.seen.per_second / 1000.0)) else {
        return Ok(());
    };
    let ratio = match kind {
        Kind::Tenure => String::new(),
        Kind::Redis | Kind::RedisAlways | Kind::Valkey | Kind::ValkeyThreeCopies => {
            ratio(compared, load, kind, |sample| sample.seen.per_second).map_or_else(String::new, spread)
        }
    };
    let is_log = |name: &str| name.starts_with("log-");
    let logs = if kind == Kind::Tenure {
        format!("{:.2}", median(&|sample| sample.server_cpu_per_100k(is_log)))
    } else {
        String::new()
    };
    writeln!(
        text,
        "| {load} | {kind} | {:.1} ({:.1} to {:.1}) | {ratio} | {:.3} | {:.3} | {:.2} | {logs} | {:.2} |",
        rate.median,
        rate.min,
        rate.max,
        median(&|sample| sample.seen.p50_millis),
        median(&|sample| sample.seen.p99_millis),
        median(&|sample| sample.server_cpu_per_100k(|name| !is_log(name) && !name.starts_with("control-"))),
        median(&Sample::load_cpu_per_100k),
    )
}

fn bytes_per_key(text: &mut String, compared: &Compared) -> std::fmt::Result {
    if compared.bytes_per_key.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "S10, target ≤ {BYTES_PER_KEY:.2}, enough for now {:.2}: bytes by which a process grew for each key, and those that the \
         server accounts for. Peers in cluster mode.\n",
        BYTES_PER_KEY / ENOUGH
    )?;
    writeln!(
        text,
        "| keys | server | bytes per key | accounted | Tenure's ratio to it | |"
    )?;
    writeln!(text, "|---|---|---|---|---|---|")?;
    for found in &compared.bytes_per_key {
        let ours = compared
            .bytes_per_key
            .iter()
            .find(|ours| ours.kind == Kind::Tenure && ours.shape == found.shape);
        let ratio = ours
            .filter(|_| found.kind != Kind::Tenure)
            .map(|ours| ours.resident / found.resident);
        let told = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        let verdict = ratio.map_or("", |ratio| {
            verdict(ratio <= BYTES_PER_KEY, ratio <= BYTES_PER_KEY / ENOUGH)
        });
        writeln!(
            text,
            "| {} × {} | {} | {:.1} | {:.1} | {told} | {verdict} |",
            found.keys, found.shape, found.kind, found.resident, found.accounted
        )?;
    }
    writeln!(text)
}

/// Tenure's figure divided by the peer's, round by round.
fn ratio(compared: &Compared, load: Load, against: Kind, figure: impl Fn(&Sample) -> f64) -> Option<Spread> {
    let find = |kind: Kind, round: u32| {
        let mut samples = compared.samples.iter();
        samples.find(|sample| sample.load == load && sample.kind == kind && sample.round == round)
    };
    Spread::of((0..compared.rounds).filter_map(|round| {
        let (ours, theirs) = (find(Kind::Tenure, round)?, find(against, round)?);
        Some(figure(ours) / figure(theirs))
    }))
}

fn spread(of: Spread) -> String {
    format!("{:.2} ({:.2} to {:.2})", of.median, of.min, of.max)
}
