//! Names follow the rules, and syncs are counted for what they are.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use tenure_log_storage::fault::SimDisk;

use super::*;

#[test]
fn names_say_whose_they_are_and_whether_they_only_grow_and_helps_are_sentences() {
    let of_groups = GROUP_FAMILIES
        .iter()
        .map(|family| (family.name, family.help, family.kind));
    let of_journal = JOURNAL_FAMILIES
        .iter()
        .map(|(name, help, _)| (*name, *help, MetricType::GAUGE));
    let histograms = [FSYNC_FAMILY, BATCH_FAMILY].map(|(name, help)| (name, help, MetricType::HISTOGRAM));
    for (name, help, kind) in of_groups.chain(of_journal).chain(histograms) {
        assert!(
            name.starts_with("tenure_log_") || name.starts_with("tenure_raft_"),
            "{name}"
        );
        assert_eq!(name.ends_with("_total"), kind == MetricType::COUNTER, "{name}");
        assert!(
            help.ends_with('.') && help.starts_with(char::is_uppercase),
            "{name}: {help}"
        );
        let small = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        assert!(name.chars().all(small), "{name}");
    }
}

struct Still;

impl Clock for Still {
    fn boot(&self) -> BootTime {
        BootTime::from_nanos(0)
    }

    fn wall(&self) -> tenure_types::WallTime {
        tenure_types::WallTime::from_unix_millis(0)
    }
}

#[test]
fn a_sync_of_a_batch_is_counted_with_its_bytes_and_one_of_a_new_file_is_not() {
    let syncs = Arc::new(Syncs::register(&Registry::new(), Arc::new(Still)).unwrap());
    let disk = CountedDisk {
        disk: Arc::new(SimDisk::new()),
        syncs: Arc::clone(&syncs),
    };
    let file = disk.create("a").unwrap();
    file.write_at(0, &[0; 8192]).unwrap();
    file.sync_all().unwrap();
    assert_eq!(syncs.seconds.get_sample_count(), 0);
    file.write_at(0, &[1; 4096]).unwrap();
    file.sync().unwrap();
    file.write_at(4096, &[1; 100]).unwrap();
    file.sync().unwrap();
    assert_eq!(syncs.seconds.get_sample_count(), 2);
    assert!((syncs.batch_bytes.get_sample_sum() - 4196.0).abs() < 1e-9);
}
