//! Tenure answers as redis-server does: the scripts of `dataplane/compat`, byte for byte, in both protocols. Where it
//! differs on purpose the line in the script says so.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod plain;

use plain::PlainShard;
use tenure_compat::{Reference, Report, Script, Target, compare};

#[tokio::test]
async fn a_shard_answers_as_redis_does() {
    let shard = PlainShard::start().await;
    let address = shard.address;

    let compared = tokio::task::spawn_blocking(move || {
        let reference = Reference::start().unwrap();
        let mut report = Report::default();
        for script in Script::all().unwrap() {
            report.add(compare(&script, &Target::open(address), reference.target()).unwrap());
        }
        report
    });
    let report = compared.await.unwrap();
    assert!(report.is_clean(), "{report}");
}
