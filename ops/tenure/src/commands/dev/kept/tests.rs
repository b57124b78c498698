//! What a folder keeps, and which flags it takes.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tempfile::TempDir;

use super::*;

fn folder() -> (TempDir, Folder) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = Folder::open(Some(temporary.path())).unwrap();
    (temporary, folder)
}

/// As the command does, but for the ports.
fn kept(folder: &Folder, flags: &Flags) -> Result<Kept, Failure> {
    if let Some(kept) = Kept::find(folder, flags)? {
        return Ok(kept);
    }
    let kept = Kept::new(flags)?;
    kept.write(folder).map(|()| kept)
}

#[test]
fn a_folder_keeps_its_cluster_for_its_owners_eyes_only() {
    let (temporary, folder) = folder();
    let flags = Flags {
        shards: Some(2),
        no_tls: true,
        ..Flags::default()
    };
    let first = kept(&folder, &flags).unwrap();
    assert_eq!(
        (first.shape.shards, first.shape.tls, first.shape.base_port),
        (2, false, 7400)
    );
    assert_eq!(kept(&folder, &Flags::default()).unwrap(), first);
    assert_eq!(kept(&folder, &flags).unwrap(), first);
    let mode = fs::metadata(temporary.path().join(FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_flag_that_contradicts_the_folder_is_refused_with_what_it_has() {
    let (_temporary, folder) = folder();
    kept(&folder, &Flags::default()).unwrap();
    let flags = Flags::default();
    let cases = [
        (
            Flags {
                base_port: Some(1),
                ..flags.clone()
            },
            "--base-port 7400, not 1",
        ),
        (
            Flags {
                log_nodes: Some(1),
                ..flags.clone()
            },
            "--log-nodes 3, not 1",
        ),
        (
            Flags {
                data_nodes: Some(2),
                ..flags.clone()
            },
            "--data-nodes 3, not 2",
        ),
        (
            Flags {
                shards: Some(2),
                ..flags.clone()
            },
            "--shards 1, not 2",
        ),
        (
            Flags {
                replicas: Some(2),
                ..flags.clone()
            },
            "--replicas 1, not 2",
        ),
        (
            Flags {
                memory: NonZeroU64::new(1 << 30),
                ..flags.clone()
            },
            "--memory 256mb, not 1gb",
        ),
        (Flags { no_tls: true, ..flags }, "with TLS, not --no-tls"),
    ];
    for (flags, reason) in cases {
        let said = kept(&folder, &flags).unwrap_err().to_string();
        assert!(
            said.contains("has another cluster: it was made with ") && said.contains(reason),
            "{said}"
        );
    }
}

#[test]
fn what_cannot_be_started_is_refused_and_nothing_is_kept_of_it() {
    let (temporary, folder) = folder();
    let flags = Flags::default();
    let cases = [
        (
            Flags {
                log_nodes: Some(0),
                ..flags.clone()
            },
            "a log quorum here has 1 to 9 nodes, not 0",
        ),
        (
            Flags {
                data_nodes: Some(71),
                ..flags.clone()
            },
            "there are ports for 70 data nodes here, not for 71",
        ),
        (
            Flags {
                replicas: Some(3),
                ..flags.clone()
            },
            "a primary and 3 replicas need 4 data nodes",
        ),
        (
            Flags {
                shards: Some(0),
                ..flags.clone()
            },
            "0 shards cannot share",
        ),
        (
            Flags {
                base_port: Some(65_434),
                ..flags.clone()
            },
            "the last would be 65536",
        ),
        (
            Flags {
                base_port: Some(0),
                ..flags.clone()
            },
            "the ports from 0 on",
        ),
        (
            Flags {
                shards: Some(2),
                memory: NonZeroU64::new(1),
                ..flags
            },
            "each shard needs memory",
        ),
    ];
    for (flags, reason) in cases {
        let said = kept(&folder, &flags).unwrap_err().to_string();
        assert!(said.contains(reason), "{said}");
    }
    assert!(!temporary.path().join(FILE).exists());
}

#[test]
fn two_folders_have_no_secret_in_common() {
    let mut rng = StdRng::seed_from_u64(1);
    let [one, other] = [(); 2].map(|()| Kept::draw(DEFAULTS, &mut rng));
    assert_ne!(one.password, other.password);
    assert_eq!(one.password.len(), 32);
}

#[test]
fn a_file_that_was_edited_into_nonsense_is_refused() {
    let (temporary, folder) = folder();
    kept(&folder, &Flags::default()).unwrap();
    let path = temporary.path().join(FILE);
    let whole = fs::read_to_string(&path).unwrap();
    let cases = [
        ("format = 3", "format = 2", "it has format 2"),
        ("shards = 1", "shards = 0", "0 shards cannot share"),
        ("tls = true", "ssl = true", "unknown field `ssl`"),
    ];
    for (from, to, reason) in cases {
        fs::write(&path, whole.replace(from, to)).unwrap();
        let said = kept(&folder, &Flags::default()).unwrap_err().to_string();
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn a_shard_has_its_share_of_the_memory() {
    let shape = Shape { shards: 3, ..DEFAULTS };
    assert_eq!(shape.shard_memory_bytes(), (256 << 20) / 3);
}
