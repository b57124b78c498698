//! Tenure answers as redis-server does: the scripts of `dataplane/compat`, byte for byte, in both protocols. Where it
//! differs on purpose the line in the script says so.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use tenure_compat::{Reference, Report, Script, Target, compare};
use tenure_devcluster::{ClusterOptions, DataNodes, DataNodesOptions, LogNodes, LogNodesOptions};

#[tokio::test]
async fn a_shard_answers_as_redis_does() {
    let folder = tempfile::tempdir().unwrap();
    let binary = env!("CARGO_BIN_EXE_tenure");
    let log = LogNodes::start(LogNodesOptions::new(binary, folder.path()))
        .await
        .unwrap();
    let mut options = DataNodesOptions::new(binary, folder.path(), &log);
    options.count = 1;
    options.clusters = vec![ClusterOptions {
        tls: false,
        replicas: 0,
        ..ClusterOptions::new(0x7e57, None)
    }];
    let data = DataNodes::start(options).await.unwrap();
    let address = data.cluster("demo").unwrap().shards[0].replicas[0].address;

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
