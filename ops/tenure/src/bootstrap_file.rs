//! The file by which a new log quorum begins: who its first members are. Each member is given the same one.
//! Promises: what is written can be read back; a file that is there is never overwritten, for two quorums begun by two
//! files of one name would each take the other's members for strangers. Leaves to the log node: what a bootstrap means.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::num::{NonZeroU32, NonZeroU64};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, anyhow, ensure};
use serde::Deserialize;
use tenure_log_node::{Bootstrap, Member};
use tenure_log_storage::QuorumId;
use tenure_types::{Incarnation, LeaseLength, NodeId};

use crate::failure::{Failure, OrHint};
use crate::settings;

/// The format that this release writes, and the only one it reads.
const FORMAT: u32 = 1;
const WRITE_ANEW: &str = "write it with tenure log bootstrap, and give every member the same file";

/// Writes the file; refuses to replace one.
pub(crate) fn write(bootstrap: &Bootstrap, path: &Path) -> Result<(), Failure> {
    let could_not = || format!("could not write {}", path.display());
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = match file {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(Failure::new(
                anyhow!("{} is there already, and a quorum may have begun by it", path.display()),
                "choose another name; remove the old file only if no node was ever started with it",
            ));
        }
        Err(error) => {
            return Err(error)
                .with_context(could_not)
                .or_hint("check that its folder exists and is yours");
        }
    };
    let written = file
        .write_all(text_of(bootstrap).as_bytes())
        .and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a file would refuse the next attempt.
        let _ = fs::remove_file(path);
    }
    written.with_context(could_not).or_hint("check the disk")
}

/// Reads a file that [`write()`] wrote.
pub(crate) fn read(path: &Path) -> Result<Bootstrap, Failure> {
    let text: Text = settings::read(path, WRITE_ANEW)?;
    let bootstrap = text
        .into_bootstrap()
        .with_context(|| format!("{} cannot be used", path.display()));
    bootstrap.or_hint(WRITE_ANEW)
}

/// No two members may have one name or one address.
pub(crate) fn check(members: &[Member]) -> anyhow::Result<()> {
    ensure!(!members.is_empty(), "a quorum has at least one member");
    let (mut nodes, mut addresses) = (BTreeSet::new(), BTreeSet::new());
    for member in members {
        ensure!(nodes.insert(member.node), "{} is named twice", member.node);
        ensure!(addresses.insert(&member.address), "{} is named twice", member.address);
        check_address(&member.address)?;
    }
    Ok(())
}

/// `host:port`, and nothing that would need quotes in the file.
fn check_address(address: &str) -> anyhow::Result<()> {
    let parts = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    let port = parts
        .and_then(|(_, port)| port.parse::<u16>().ok())
        .filter(|port| *port != 0);
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-._:[]".contains(letter);
    ensure!(
        port.is_some() && address.chars().all(plain),
        "{address:?} is not an address of the form host:port"
    );
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    format: u32,
    quorum: String,
    groups: NonZeroU32,
    lease_max_millis: u32,
    members: Vec<MemberText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberText {
    node: NonZeroU64,
    address: String,
    incarnation: String,
}

impl Text {
    fn into_bootstrap(self) -> anyhow::Result<Bootstrap> {
        let format = self.format;
        ensure!(
            format == FORMAT,
            "it has format {format}, and this release knows format {FORMAT}"
        );
        let quorum: QuorumId = self.quorum.parse()?;
        let lease_max = LeaseLength::from_millis(self.lease_max_millis).context("lease_max_millis must not be 0")?;
        let members = self.members.into_iter().map(MemberText::into_member);
        let members = members.collect::<anyhow::Result<Vec<_>>>()?;
        check(&members)?;
        Ok(Bootstrap {
            quorum,
            groups: self.groups.get(),
            lease_max,
            members,
        })
    }
}

impl MemberText {
    fn into_member(self) -> anyhow::Result<Member> {
        let text = self.incarnation;
        let incarnation = u64::from_str_radix(&text, 16).ok().and_then(Incarnation::new);
        let incarnation = incarnation.filter(|incarnation| incarnation.to_string() == text);
        Ok(Member {
            node: NodeId::new(self.node.get()),
            address: self.address,
            incarnation: incarnation
                .with_context(|| format!("{text:?} is not an incarnation: expected 16 hexadecimal digits"))?,
        })
    }
}

/// Written by hand for the comments. No value in it needs quoting beyond its own kind: see [`check_address`].
fn text_of(bootstrap: &Bootstrap) -> String {
    let Bootstrap {
        quorum,
        groups,
        lease_max,
        members,
    } = bootstrap;
    let lease_max_millis = lease_max.as_millis();
    let mut text = format!(
        "# How one log quorum begins. Every member is given this same file as its bootstrap_file, and needs it for its\n\
         # first start only. Do not edit it, and never use it for a second quorum: tenure log bootstrap writes a new one.\n\
         format = {FORMAT}\n\
         quorum = \"{quorum}\"\n\
         # Neither can be changed later.\n\
         groups = {groups}\n\
         lease_max_millis = {lease_max_millis}\n"
    );
    for member in members {
        let Member {
            node,
            address,
            incarnation,
        } = member;
        let node = node.get();
        text += &format!("\n[[members]]\nnode = {node}\naddress = \"{address}\"\nincarnation = \"{incarnation}\"\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn member(node: u64, address: &str) -> Member {
        Member {
            node: NodeId::new(node),
            address: address.to_owned(),
            incarnation: Incarnation::new(0xbeef + node).unwrap(),
        }
    }

    fn bootstrap() -> Bootstrap {
        Bootstrap {
            quorum: QuorumId::new(0xab),
            groups: 8,
            lease_max: LeaseLength::from_millis(10_000).unwrap(),
            members: vec![
                member(1, "127.0.0.1:7411"),
                member(2, "[::1]:7411"),
                member(3, "log-3.example:7411"),
            ],
        }
    }

    fn read_text(text: &str) -> Result<Bootstrap, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bootstrap.toml");
        fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn a_bootstrap_is_read_back_as_written_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bootstrap.toml");
        write(&bootstrap(), &path).unwrap();
        assert_eq!(read(&path).unwrap(), bootstrap());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_bootstrap_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bootstrap.toml");
        write(&bootstrap(), &path).unwrap();
        let other = Bootstrap {
            quorum: QuorumId::new(7),
            ..bootstrap()
        };
        let said = write(&other, &path).unwrap_err().to_string();
        assert!(
            said.contains("is there already") && said.contains("\nhint: choose another name"),
            "{said}"
        );
        assert_eq!(read(&path).unwrap(), bootstrap());
    }

    #[test]
    fn the_stored_form_changes_only_on_purpose() {
        let expected = "\
# How one log quorum begins. Every member is given this same file as its bootstrap_file, and needs it for its
# first start only. Do not edit it, and never use it for a second quorum: tenure log bootstrap writes a new one.
format = 1
quorum = \"000000000000000000000000000000ab\"
# Neither can be changed later.
groups = 8
lease_max_millis = 10000

[[members]]
node = 1
address = \"127.0.0.1:7411\"
incarnation = \"000000000000bef0\"
";
        let mut one = bootstrap();
        one.members.truncate(1);
        assert_eq!(text_of(&one), expected);
    }

    #[test]
    fn a_file_that_cannot_begin_a_quorum_is_refused_with_the_reason() {
        let whole = text_of(&bootstrap());
        let cases = [
            (
                "format = 1",
                "format = 2",
                "it has format 2, and this release knows format 1",
            ),
            ("groups = 8", "groups = 0", "invalid value: integer `0`"),
            ("groups = 8", "group = 8", "unknown field `group`"),
            (
                "lease_max_millis = 10000",
                "lease_max_millis = 0",
                "lease_max_millis must not be 0",
            ),
            ("node = 2", "node = 1", "node-1 is named twice"),
            ("[::1]:7411", "127.0.0.1:7411", "127.0.0.1:7411 is named twice"),
            (
                "[::1]:7411",
                "127.0.0.1",
                "\"127.0.0.1\" is not an address of the form host:port",
            ),
            (
                "000000000000bef0",
                "0",
                "\"0\" is not an incarnation: expected 16 hexadecimal digits",
            ),
            ("00ab\"", "00AB\"", "is not a quorum id"),
        ];
        for (from, to, reason) in cases {
            let said = read_text(&whole.replace(from, to)).unwrap_err().to_string();
            assert!(said.contains(reason), "{said}");
        }
    }

    #[test]
    fn only_host_and_port_make_an_address() {
        for address in ["127.0.0.1:7411", "[::1]:1", "log-1.example:65535"] {
            check_address(address).unwrap();
        }
        for address in [
            "",
            ":1",
            "host",
            "host:",
            "host:0",
            "host:65536",
            "host:x",
            "a\"b:1",
            "a b:1",
            "http://a:1",
        ] {
            assert!(check_address(address).is_err(), "{address}");
        }
    }
}
