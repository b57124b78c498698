//! The settings that CONFIG GET shows.

use crate::commands::cluster::view::View;

/// Settings that are the same for every cluster: what Redis would have to be set to.
const FIXED: &[(&str, &str)] = &[
    ("appendfsync", "always"),
    ("appendonly", "yes"),
    ("activedefrag", "no"),
    ("aof-use-rdb-preamble", "yes"),
    ("bind", "*"),
    ("busy-reply-threshold", "5000"),
    ("cluster-allow-reads-when-down", "no"),
    ("cluster-enabled", "yes"),
    ("cluster-node-timeout", "15000"),
    ("cluster-require-full-coverage", "yes"),
    ("databases", "1"),
    ("dbfilename", ""),
    ("dir", ""),
    ("hash-max-listpack-entries", "512"),
    ("hash-max-listpack-value", "64"),
    ("hash-max-ziplist-entries", "512"),
    ("hash-max-ziplist-value", "64"),
    ("hz", "10"),
    ("io-threads", "1"),
    ("latency-monitor-threshold", "0"),
    ("latency-tracking", "no"),
    ("lazyfree-lazy-eviction", "no"),
    ("lazyfree-lazy-expire", "no"),
    ("lazyfree-lazy-server-del", "no"),
    ("lazyfree-lazy-user-del", "no"),
    ("lazyfree-lazy-user-flush", "no"),
    ("lfu-decay-time", "1"),
    ("lfu-log-factor", "10"),
    ("list-compress-depth", "0"),
    ("list-max-listpack-size", "-2"),
    ("list-max-ziplist-size", "-2"),
    ("lua-time-limit", "5000"),
    ("maxmemory-samples", "5"),
    ("min-replicas-to-write", "0"),
    ("notify-keyspace-events", ""),
    ("protected-mode", "no"),
    ("replica-priority", "100"),
    ("replica-read-only", "yes"),
    ("save", ""),
    ("set-max-intset-entries", "512"),
    ("set-max-listpack-entries", "128"),
    ("set-max-listpack-value", "64"),
    ("slave-read-only", "yes"),
    ("slowlog-log-slower-than", "-1"),
    ("slowlog-max-len", "0"),
    ("stream-node-max-bytes", "4096"),
    ("stream-node-max-entries", "100"),
    ("tcp-keepalive", "300"),
    ("timeout", "0"),
    ("tracking-table-max-keys", "0"),
    ("zset-max-listpack-entries", "128"),
    ("zset-max-listpack-value", "64"),
    ("zset-max-ziplist-entries", "128"),
    ("zset-max-ziplist-value", "64"),
];

/// All of them, as they are for this cluster.
pub(super) fn settings(view: &View) -> Vec<(&'static str, String)> {
    let limits = &view.cluster().limits;
    let port = view.own_address().map_or(0, |address| address.port());
    let (plain, tls) = match view.cluster().tls {
        Some(_) => (0, port),
        None => (port, 0),
    };
    let output = limits.output_bytes_max;
    let own = [
        ("client-output-buffer-limit", format!("normal {output} 0 0")),
        ("client-query-buffer-limit", limits.request_bytes_max.to_string()),
        ("maxclients", limits.connections_max.to_string()),
        ("maxmemory-clients", limits.clients_memory_bytes_max.to_string()),
        ("maxmemory", limits.memory_bytes_max.to_string()),
        ("maxmemory-policy", limits.policy.name().to_owned()),
        ("port", plain.to_string()),
        ("proto-max-bulk-len", limits.request_bytes_max.to_string()),
        ("tls-port", tls.to_string()),
    ];
    let fixed = FIXED.iter().map(|(name, value)| (*name, (*value).to_owned()));
    fixed.chain(own).collect()
}
