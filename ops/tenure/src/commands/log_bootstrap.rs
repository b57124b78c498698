//! `tenure log bootstrap`: draws the names of a new quorum and of its members' data folders.
//! Promises: every number in the file that tells one quorum, or one life of a folder, from another is random.

use std::num::NonZeroU32;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use rand::RngExt;
use tenure_log_node::{Bootstrap, Member};
use tenure_log_storage::QuorumId;
use tenure_types::{Incarnation, LeaseLength, NodeId};

use crate::bootstrap_file;
use crate::failure::Failure;

const GROUPS_DEFAULT: &str = "1";
const LEASE_MAX_MILLIS_DEFAULT: &str = "3000";

#[derive(Args)]
pub(crate) struct Arguments {
    /// The file to write. One that is there already is not touched.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// A member and the address at which the others reach it, such as 1=127.0.0.1:7411. Once for each.
    #[arg(long = "node", value_name = "NODE=HOST:PORT", required = true, value_parser = parse_member)]
    members: Vec<(NodeId, String)>,
    /// How many log groups the quorum has. Cannot be changed later.
    #[arg(long, value_name = "NUMBER", default_value = GROUPS_DEFAULT)]
    groups: NonZeroU32,
    /// The longest lease that a shard may ask for, in milliseconds. Cannot be changed later. Data nodes ask for 1200 in the
    /// fast profile and 3000 in the conservative one; more than they ask for makes failovers slower, right after the
    /// log has another leader.
    #[arg(long, value_name = "MILLIS", default_value = LEASE_MAX_MILLIS_DEFAULT)]
    lease_max_millis: NonZeroU32,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let out = arguments.out.clone();
    let bootstrap = draw(arguments, &mut rand::rng())?;
    bootstrap_file::write(&bootstrap, &out)
}

fn draw(arguments: Arguments, rng: &mut impl RngExt) -> Result<Bootstrap, Failure> {
    let members: Vec<Member> = arguments
        .members
        .into_iter()
        .map(|(node, address)| Member {
            node,
            address,
            incarnation: draw_incarnation(rng),
        })
        .collect();
    let usage = |error| {
        Failure::usage(
            error,
            "name each member once: --node 1=127.0.0.1:7411 --node 2=127.0.0.1:7412",
        )
    };
    bootstrap_file::check(&members).map_err(usage)?;
    let lease_max = LeaseLength::from_millis(arguments.lease_max_millis.get());
    Ok(Bootstrap {
        quorum: QuorumId::new(rng.random()),
        groups: arguments.groups.get(),
        lease_max: lease_max.context("a lease is longer than 0 ms").map_err(usage)?,
        members,
    })
}

fn draw_incarnation(rng: &mut impl RngExt) -> Incarnation {
    loop {
        if let Some(incarnation) = Incarnation::new(rng.random()) {
            return incarnation;
        }
    }
}

fn parse_member(text: &str) -> Result<(NodeId, String), String> {
    let (node, address) = text
        .split_once('=')
        .ok_or("expected NODE=HOST:PORT, such as 1=127.0.0.1:7411")?;
    match node.parse() {
        Ok(0) | Err(_) => Err(format!("{node:?} is not a node: expected a number from 1")),
        Ok(node) => Ok((NodeId::new(node), address.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn arguments(members: &[(u64, &str)]) -> Arguments {
        let members = members
            .iter()
            .map(|(node, address)| (NodeId::new(*node), (*address).to_owned()));
        Arguments {
            out: PathBuf::new(),
            members: members.collect(),
            groups: NonZeroU32::new(2).unwrap(),
            lease_max_millis: NonZeroU32::new(3000).unwrap(),
        }
    }

    #[test]
    fn two_quorums_of_the_same_members_have_nothing_random_in_common() {
        let mut rng = StdRng::seed_from_u64(1);
        let members = [(1, "a:1"), (2, "b:1")];
        let [one, other] = [(); 2].map(|()| draw(arguments(&members), &mut rng).unwrap());
        assert_ne!(one.quorum, other.quorum);
        let mut lives: Vec<_> = one
            .members
            .iter()
            .chain(&other.members)
            .map(|member| member.incarnation)
            .collect();
        lives.sort_unstable();
        lives.dedup();
        assert_eq!(lives.len(), 4);
        assert_eq!(
            (one.groups, one.lease_max),
            (2, LeaseLength::from_millis(3000).unwrap())
        );
    }

    #[test]
    fn a_member_that_is_named_twice_is_refused() {
        for members in [[(1, "a:1"), (1, "b:1")], [(1, "a:1"), (2, "a:1")]] {
            let said = draw(arguments(&members), &mut StdRng::seed_from_u64(1))
                .unwrap_err()
                .to_string();
            assert!(said.contains("is named twice"), "{said}");
        }
    }

    #[test]
    fn a_member_is_a_number_from_one_and_an_address() {
        assert_eq!(parse_member("7=a:1"), Ok((NodeId::new(7), "a:1".to_owned())));
        for text in ["", "7", "=a:1", "0=a:1", "node-7=a:1", "-1=a:1"] {
            assert!(parse_member(text).is_err(), "{text}");
        }
    }
}
