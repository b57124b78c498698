//! The sections of INFO.

use std::fmt::{Display, Write};

use super::{Shown, VERSION};
use crate::commands::SessionCall;
use crate::commands::cluster::view::View;
use crate::replica::Standing;

/// A section.
pub(super) struct Section {
    /// As it is asked for.
    pub(super) name: &'static str,
    /// As it is headed.
    pub(super) title: &'static str,
    pub(super) shown: Shown,
    /// Adds its lines.
    pub(super) write: fn(&mut SessionCall<'_, '_>, &mut String),
}

const fn section(
    name: &'static str,
    title: &'static str,
    shown: Shown,
    write: fn(&mut SessionCall<'_, '_>, &mut String),
) -> Section {
    Section {
        name,
        title,
        shown,
        write,
    }
}

/// All of them, in the order of Redis.
pub(super) const SECTIONS: &[Section] = &[
    section("server", "Server", Shown::ByDefault, server),
    section("clients", "Clients", Shown::ByDefault, clients),
    section("memory", "Memory", Shown::ByDefault, memory),
    section("persistence", "Persistence", Shown::ByDefault, persistence),
    section("stats", "Stats", Shown::ByDefault, stats),
    section("replication", "Replication", Shown::ByDefault, replication),
    section("cpu", "CPU", Shown::ByDefault, cpu),
    section("modules", "Modules", Shown::ByDefault, nothing),
    section("commandstats", "Commandstats", Shown::WithAll, nothing),
    section("errorstats", "Errorstats", Shown::ByDefault, nothing),
    section("cluster", "Cluster", Shown::ByDefault, cluster),
    section("keyspace", "Keyspace", Shown::ByDefault, keyspace),
];

fn line(text: &mut String, name: &str, value: impl Display) {
    // Writing to a string does not fail.
    let _ = write!(text, "{name}:{value}\r\n");
}

fn server(call: &mut SessionCall<'_, '_>, text: &mut String) {
    let view = View::of(call.replica);
    let uptime = call.turn.now().elapsed_since(call.replica.started_at()).as_secs();
    line(text, "redis_version", VERSION);
    line(text, "tenure_version", env!("CARGO_PKG_VERSION"));
    line(text, "redis_mode", "cluster");
    line(text, "os", "Linux");
    line(text, "arch_bits", usize::BITS);
    line(text, "run_id", view.own_id());
    line(text, "tcp_port", view.own_address().map_or(0, |address| address.port()));
    line(
        text,
        "server_time_usec",
        call.replica.clock().wall().as_unix_millis().saturating_mul(1000),
    );
    line(text, "uptime_in_seconds", uptime);
    line(text, "uptime_in_days", uptime / 86_400);
    line(text, "hz", 10);
    line(text, "configured_hz", 10);
    line(text, "executable", "");
    line(text, "config_file", "");
    line(text, "io_threads_active", 0);
}

fn clients(call: &mut SessionCall<'_, '_>, text: &mut String) {
    line(text, "connected_clients", call.replica.clients.len());
    line(text, "cluster_connections", 0);
    line(text, "maxclients", call.replica.cluster().limits.connections_max);
    line(text, "blocked_clients", 0);
    line(text, "tracking_clients", 0);
}

fn memory(call: &mut SessionCall<'_, '_>, text: &mut String) {
    // A gauge: it says nothing of any key.
    let used = call.turn.image().keyspace().memory_bytes();
    let limits = call.replica.cluster().limits;
    line(text, "used_memory", used);
    line(text, "used_memory_human", human(used));
    line(text, "used_memory_dataset", used);
    line(text, "maxmemory", limits.memory_bytes_max);
    line(text, "maxmemory_human", human(limits.memory_bytes_max));
    line(text, "mem_clients_normal", call.replica.clients.memory_bytes());
    line(text, "maxmemory_policy", limits.policy.name());
    line(text, "mem_allocator", "shared");
}

fn persistence(call: &mut SessionCall<'_, '_>, text: &mut String) {
    let standing = call.turn.standing();
    line(text, "loading", u8::from(standing == Standing::Loading));
    line(text, "async_loading", 0);
    line(text, "rdb_changes_since_last_save", 0);
    line(text, "rdb_bgsave_in_progress", 0);
    line(
        text,
        "rdb_last_save_time",
        call.replica.clock().wall().as_unix_millis() / 1000,
    );
    line(text, "rdb_last_bgsave_status", "ok");
    line(text, "aof_enabled", 1);
    line(text, "aof_rewrite_in_progress", 0);
    line(text, "aof_last_bgrewrite_status", "ok");
    let status = match standing {
        Standing::Lapsed | Standing::Broken => "err",
        Standing::Loading | Standing::Primary | Standing::Replica => "ok",
    };
    line(text, "aof_last_write_status", status);
}

fn stats(call: &mut SessionCall<'_, '_>, text: &mut String) {
    let counters = &call.replica.counters;
    line(text, "total_connections_received", counters.connections_received.get());
    line(text, "total_commands_processed", counters.commands_processed.get());
    line(text, "total_net_input_bytes", counters.input_bytes.get());
    line(text, "total_net_output_bytes", counters.output_bytes.get());
    line(text, "rejected_connections", counters.connections_refused.get());
    let stats = call.turn.image().stats();
    line(text, "expired_keys", stats.expired);
    line(text, "evicted_keys", stats.evicted);
    line(text, "keyspace_hits", stats.hits);
    line(text, "keyspace_misses", stats.misses);
    line(text, "pubsub_channels", 0);
    line(text, "pubsub_patterns", 0);
}

fn replication(call: &mut SessionCall<'_, '_>, text: &mut String) {
    let view = View::of(call.replica);
    let standing = call.turn.standing();
    let is_primary = view.is_primary(standing);
    let followers = if is_primary { view.own_replicas() } else { Vec::new() };
    line(text, "role", if is_primary { "master" } else { "slave" });
    if let Some(primary) = view.own_primary().filter(|_| !is_primary) {
        line(text, "master_host", primary.ip());
        line(text, "master_port", primary.port());
        let follows = standing == Standing::Replica;
        line(text, "master_link_status", if follows { "up" } else { "down" });
        line(text, "master_last_io_seconds_ago", if follows { 0 } else { -1 });
        line(text, "master_sync_in_progress", u8::from(standing == Standing::Loading));
        line(text, "slave_read_repl_offset", 0);
        line(text, "slave_repl_offset", 0);
        line(text, "slave_priority", 100);
        line(text, "slave_read_only", 1);
    }
    line(text, "connected_slaves", followers.len());
    for (at, address) in followers.iter().enumerate() {
        let (ip, port) = (address.ip(), address.port());
        let follower = format!("ip={ip},port={port},state=online,offset=0,lag=0");
        line(text, &format!("slave{at}"), follower);
    }
    line(text, "master_failover_state", "no-failover");
    line(text, "master_replid", view.own_shard_id());
    // Who is how far is known by the log, not by the shard.
    line(text, "master_repl_offset", 0);
}

fn cpu(_call: &mut SessionCall<'_, '_>, text: &mut String) {
    // What the process took is not the tenant's, and what the shard took is not measured.
    line(text, "used_cpu_sys", "0.000000");
    line(text, "used_cpu_user", "0.000000");
}

fn cluster(_call: &mut SessionCall<'_, '_>, text: &mut String) {
    line(text, "cluster_enabled", 1);
}

fn keyspace(call: &mut SessionCall<'_, '_>, text: &mut String) {
    match call.turn.standing() {
        Standing::Primary | Standing::Replica => {}
        Standing::Loading | Standing::Lapsed | Standing::Broken => return,
    }
    call.turn.look_at_all();
    let keyspace = call.turn.image().keyspace();
    if !keyspace.is_empty() {
        let (keys, expires) = (keyspace.len(), keyspace.volatile());
        line(text, "db0", format!("keys={keys},expires={expires},avg_ttl=0"));
    }
}

fn nothing(_call: &mut SessionCall<'_, '_>, _text: &mut String) {}

/// Bytes as people read them, as Redis shows them.
fn human(bytes: usize) -> String {
    const UNITS: [(usize, char); 4] = [(1 << 40, 'T'), (1 << 30, 'G'), (1 << 20, 'M'), (1 << 10, 'K')];
    match UNITS.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => {
            #[allow(clippy::cast_precision_loss, reason = "two digits are shown")]
            let number = bytes as f64 / unit as f64;
            format!("{number:.2}{name}")
        }
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_as_redis_shows_them() {
        for (bytes, shown) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (1_764_272, "1.68M"),
            (25_276_510_208, "23.54G"),
        ] {
            assert_eq!(human(bytes), shown);
        }
    }
}
