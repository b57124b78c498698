//! What a layout file may say, and what is refused with which words.

use std::fs;

use super::*;

fn example() -> String {
    EXAMPLE.split_once("\n\n").unwrap().1.to_owned()
}

/// With the certificate that the example names.
fn read_text(text: &str) -> Result<Layout, String> {
    let shown = tenure_devcluster::Authority::new().unwrap().loopback_server().unwrap();
    read_text_beside(text, &shown.certificate_pem, &shown.key_pem)
}

fn read_text_beside(text: &str, certificate_pem: &str, key_pem: &str) -> Result<Layout, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("demo.pem"), certificate_pem).unwrap();
    fs::write(path("demo.key"), key_pem).unwrap();
    let path = path("layout.toml");
    fs::write(&path, text).unwrap();
    read(&path).map_err(|failure| failure.to_string())
}

#[test]
fn the_example_can_be_read_and_says_the_defaults() {
    let layout = read_text(&example()).unwrap();
    let [cluster] = &layout.clusters[..] else {
        unreachable!("{layout:?}")
    };
    assert_eq!(cluster.limits, ClusterLimits::default());
    assert_eq!(
        (cluster.seed, cluster.tenant),
        (0x9ae1_6a3b_2f90_404f, TenantId::new(1))
    );
    assert_eq!(cluster.users[0].password_sha256.map(|hash| hash[0]), Some(0x5e));
    assert_eq!(cluster.shards[1].stream.to_string(), "stream-0-2");
    assert_eq!(cluster.shards[1].primary_address(), "127.0.0.1:7503".parse().ok());
    assert_eq!(cluster.tls.as_ref().unwrap().check().ok(), Some(()));
}

#[test]
fn a_certificate_that_cannot_be_shown_is_refused_with_the_name_of_its_file() {
    let authority = tenure_devcluster::Authority::new().unwrap();
    let shown = authority.loopback_server().unwrap();
    let other = authority.loopback_server().unwrap();
    let cases = [
        ("", shown.key_pem.as_str(), "there is no certificate in PEM form"),
        (&shown.certificate_pem, "garbage", "there is no private key in PEM form"),
        (
            &shown.certificate_pem,
            &other.key_pem,
            "the certificate cannot be used with the key",
        ),
    ];
    for (certificate, key, reason) in cases {
        let said = read_text_beside(&example(), certificate, key).unwrap_err();
        assert!(said.contains("demo.pem") && said.contains("demo.key"), "{said}");
        assert!(said.contains(reason) && !said.contains("PRIVATE KEY"), "{said}");
    }
    let said = read_text(&example().replace("demo.key", "other.key")).unwrap_err();
    assert!(said.contains("could not read") && said.contains("other.key"), "{said}");
}

#[test]
fn nothing_is_open_to_everybody_by_omission() {
    let tls = r#"
  [cluster.tls]                       # or plaintext = true above, for development
  certificate = "demo.pem"
  key = "demo.key"
"#;
    let example = example();
    assert!(example.contains(tls));
    let said = read_text(&example.replace(tls, "")).unwrap_err();
    assert!(said.contains("add [cluster.tls], or plaintext = true"), "{said}");
    let open = example
        .replace(tls, "")
        .replace("tenant = 1", "tenant = 1\nplaintext = true");
    assert_eq!(read_text(&open).unwrap().clusters[0].tls, None);
    let both = example.replace("tenant = 1", "tenant = 1\nplaintext = true");
    assert!(read_text(&both).is_err());

    let hash = r#", password_sha256 = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8""#;
    assert!(example.contains(hash));
    let said = read_text(&example.replace(hash, "")).unwrap_err();
    assert!(said.contains("missing field `password_sha256`"), "{said}");
    let open = read_text(&example.replace(hash, ", password_sha256 = \"none\"")).unwrap();
    assert_eq!(open.clusters[0].users[0].password_sha256, None);
}

#[test]
fn what_no_node_could_host_is_refused_with_the_reason() {
    let cases = [
        ("\"8192-16383\"", "\"8193-16383\"", "slot 8192 is in no shard"),
        ("\"8192-16383\"", "\"8191-16383\"", "slot 8191 is in two shards"),
        ("\"8192-16383\"", "\"8192-16384\"", "8192-16384 is no range of slots"),
        ("primary = 2", "primary = 1", "its primary node-1 does not host it"),
        ("stream-0-2", "stream-0-1", "shard 0002: another shard has stream-0-1"),
        ("\"0002\"", "\"0001\"", "shard 0001 is named twice"),
        ("127.0.0.1:7504", "127.0.0.1:7501", "127.0.0.1:7501 is taken by another"),
        ("node = 3", "node = 2", "shard 0002: node-2 is named twice"),
        ("name = \"demo\"", "name = \"\"", "a cluster has a name"),
    ];
    for (from, to, reason) in cases {
        let text = example().replace(from, to);
        assert_ne!(text, example(), "{from}");
        let said = read_text(&text).unwrap_err();
        assert!(
            said.contains("cannot be used: ") && said.contains(reason),
            "{reason}: {said}"
        );
        assert!(said.contains("\nhint: "), "{said}");
    }
    let twice = example().repeat(2);
    assert!(
        read_text(&twice)
            .unwrap_err()
            .contains("tenant-1 has two clusters named demo")
    );
}

#[test]
fn a_value_that_makes_no_sense_is_named_with_its_line_and_never_shown_if_secret() {
    let cases = [
        (
            "9ae16a3b2f90404f",
            "9ae16a3b2f90404",
            "line 4: expected a seed of 16 hexadecimal digits",
        ),
        (
            "5e884898",
            "5e88489",
            "expected the SHA-256 of a password, 64 hexadecimal digits",
        ),
        (
            "5e884898",
            "xe884898",
            "expected the SHA-256 of a password, 64 hexadecimal digits",
        ),
        ("\"0-8191\"", "\"0..8191\"", "\"0..8191\" is no range of slots"),
        ("\"0-8191\"", "\"0-70000\"", "\"0-70000\" is no range of slots"),
        ("stream-0-2", "0-2", "\"0-2\" is not a stream id"),
        ("noeviction", "allkeys-lre", "unknown variant `allkeys-lre`"),
        (
            "memory_bytes = 268435456",
            "memory_bytes = 0",
            "expected a nonzero usize",
        ),
        ("primary = 2", "primary = 0", "expected a nonzero u64"),
        ("connections_max", "conections_max", "unknown field `conections_max`"),
    ];
    for (from, to, reason) in cases {
        let said = read_text(&example().replace(from, to)).unwrap_err();
        assert!(said.contains(reason), "{reason}: {said}");
        assert!(!said.contains("9ae16a3b") && !said.contains("884898da"), "{said}");
    }
}

#[test]
fn one_slot_alone_is_a_range_too() {
    let text = example().replace("[\"0-8191\"]", "[\"0-8190\", \"8191\"]");
    let layout = read_text(&text).unwrap();
    assert!(layout.clusters[0].shard_of(8191).is_some());
}

#[test]
fn what_the_devcluster_writes_is_read_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layout.toml");
    let mut layout = read_text(&example()).unwrap();
    for tls in [layout.clusters[0].tls.clone(), None] {
        layout.clusters[0].tls = tls;
        tenure_devcluster::write_layout(&layout, &path).unwrap();
        assert_eq!(read(&path).unwrap(), layout);
        layout.clusters[0].users[0].password_sha256 = None;
    }
}
