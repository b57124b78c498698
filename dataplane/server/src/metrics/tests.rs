//! Names follow the rules, durations are in the buckets that they should be in.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn names() -> Vec<(&'static str, &'static str, MetricType)> {
    let of_shards = SHARD_FAMILIES
        .iter()
        .map(|family| (family.name, family.help, family.kind));
    let of_control = CONTROL_FAMILIES
        .iter()
        .map(|(name, help, _)| (*name, *help, MetricType::GAUGE));
    of_shards.chain(of_control).collect()
}

#[test]
fn names_say_whose_they_are_and_whether_they_only_grow_and_helps_are_sentences() {
    for (name, help, kind) in names() {
        assert!(name.starts_with("redis_") || name.starts_with("tenure_"), "{name}");
        assert_eq!(name.ends_with("_total"), kind == MetricType::COUNTER, "{name}");
        assert!(
            help.ends_with('.') && help.starts_with(char::is_uppercase),
            "{name}: {help}"
        );
        let small = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        assert!(name.chars().all(small), "{name}");
        let unit = ["millis", "micros", "kib", "mib"]
            .into_iter()
            .find(|unit| name.contains(unit));
        assert_eq!(unit, None, "{name}");
    }
}

#[test]
fn a_duration_is_in_every_bucket_that_it_does_not_exceed() {
    let mut latencies = Latencies::default();
    for millis in [0, 1, 3, 6000] {
        latencies.add(Duration::from_millis(millis));
    }
    let shown = latencies.to_proto();
    let below = |seconds: f64| {
        let mut buckets = shown.get_bucket().iter();
        let bucket = buckets.find(|bucket| (bucket.upper_bound() - seconds).abs() < 1e-9);
        bucket.unwrap().cumulative_count()
    };
    assert_eq!(
        [0.0005, 0.001, 0.0025, 0.005, 5.0].map(below),
        [1, 2, 2, 3, 3],
        "what takes longer than all bounds is in none of them"
    );
    assert_eq!(shown.get_sample_count(), 4);
    assert!((shown.get_sample_sum() - 6.004).abs() < 1e-9);
}
