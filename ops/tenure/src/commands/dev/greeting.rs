//! What `tenure dev` prints before `ready`: where everything is, for people.
//! Promises: the redis-cli line works when it is pasted into a shell, whatever the folder is called.

use std::net::SocketAddr;
use std::path::Path;

use tenure_server::{ClusterLayout, ShardLayout};
use tenure_types::NodeId;

use super::folder::Folder;
use super::kept::Kept;
use super::platform::Platform;
use super::primaries::Primaries;
use super::{contract, memory_size};

/// The whole text.
pub(super) fn text(folder: &Folder, kept: &Kept, platform: &Platform) -> String {
    let shape = kept.shape;
    let fate = if folder.is_temporary() {
        "removed at the end"
    } else {
        "kept"
    };
    let mut text = format!(
        "{} log nodes, a control plane and {} data nodes run in {} ({fate})\n",
        shape.log_nodes,
        shape.data_nodes,
        folder.path().display()
    );
    let ca = contract::authority(folder);
    for cluster in &platform.layout.clusters {
        let tls = if cluster.tls.is_some() { "TLS" } else { "no TLS" };
        let memory = memory_size::text(shape.memory_bytes.get());
        text += &format!("\ncluster {}: memory {memory}, {tls}, user default\n", cluster.name);
        for shard in &cluster.shards {
            text += &shard_line(shard, platform.primaries.of(shard));
        }
        let ca = cluster.tls.as_ref().map(|_| ca.as_path());
        if let Some(address) = first_primary(cluster, &platform.primaries) {
            text += &format!("\n  {}\n", redis_cli(ca, address, &kept.password));
        }
    }
    text += &format!(
        "\ncontrol plane, for the other commands of tenure:\n\n  export TENURE_API=https://{}\n  export TENURE_CA={}\n  export TENURE_TOKEN=$(cat {})\n",
        platform.control.api(),
        quoted(&ca.display().to_string()),
        quoted(&platform.control.token_file().display().to_string())
    );
    text + &format!("\nfor scripts: {}\n", contract::path(folder).display())
}

fn shard_line(shard: &ShardLayout, primary: NodeId) -> String {
    let slots: Vec<_> = shard
        .slots
        .iter()
        .map(|range| format!("{}-{}", range.first, range.last))
        .collect();
    let mut line = format!("  shard {}, slots {}:", shard.name, slots.join(" "));
    for replica in &shard.replicas {
        let role = if replica.node == primary { "primary" } else { "replica" };
        line += &format!(" {role} {} on data-{}", replica.address, replica.node.get());
    }
    line + "\n"
}

fn first_primary(cluster: &ClusterLayout, primaries: &Primaries) -> Option<SocketAddr> {
    let first = cluster.shards.first()?;
    first.address_on(primaries.of(first))
}

fn redis_cli(ca: Option<&Path>, address: SocketAddr, password: &str) -> String {
    let tls = ca.map(|ca| format!(" --tls --cacert {}", quoted(&ca.display().to_string())));
    format!(
        "redis-cli -c{} -h {} -p {} --user default --pass {} --no-auth-warning",
        tls.unwrap_or_default(),
        address.ip(),
        address.port(),
        quoted(password)
    )
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+,:@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_line_for_redis_cli_is_what_a_shell_takes() {
        let address = "127.0.0.1:7501".parse().unwrap();
        assert_eq!(
            redis_cli(Some(Path::new("/tmp/a/ca.pem")), address, "0f"),
            "redis-cli -c --tls --cacert /tmp/a/ca.pem -h 127.0.0.1 -p 7501 --user default --pass 0f --no-auth-warning"
        );
        assert_eq!(
            redis_cli(None, address, "0f"),
            "redis-cli -c -h 127.0.0.1 -p 7501 --user default --pass 0f --no-auth-warning"
        );
    }

    #[test]
    fn a_shell_takes_a_quoted_word_for_one() {
        for word in ["/tmp/my folder", "it's", "$HOME", "", "a;b", "*"] {
            let script = format!("printf %s {}", quoted(word));
            let output = Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(output.stdout, word.as_bytes(), "{script}");
        }
    }
}
