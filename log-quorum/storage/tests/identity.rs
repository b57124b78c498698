//! The identity of a folder: written once, whole or not at all, never lost unnoticed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows test code by #[test], not the helpers beside it"
)]

mod support;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use support::*;
use tenure_log_storage::fault::SimDisk;
use tenure_log_storage::{Disk, Identity, IdentityError, QuorumId};
use tenure_types::{Incarnation, LeaseLength, NodeId};

fn identity() -> Identity {
    Identity {
        quorum: QuorumId::new(0x0123_4567_89ab_cdef),
        node: NodeId::new(3),
        incarnation: Incarnation::new(0xbeef).unwrap(),
        groups: GROUPS,
        lease_max: LeaseLength::from_millis(10_000).unwrap(),
    }
}

#[test]
fn an_identity_is_created_once() {
    let disk = SimDisk::new();
    assert_eq!(Identity::read(&disk).unwrap(), None);
    identity().create(&disk).unwrap();
    let other = Identity {
        node: NodeId::new(4),
        ..identity()
    };
    let error = other.create(&disk).unwrap_err();
    assert!(matches!(error, IdentityError::Exists { .. }), "{error}");
    assert_eq!(Identity::read(&disk).unwrap(), Some(identity()));
}

#[test]
fn a_folder_that_lost_its_identity_gets_no_other() {
    let disk = SimDisk::new();
    identity().create(&disk).unwrap();
    drop(open(&disk));
    disk.remove("identity").unwrap();
    let error = identity().create(&disk).unwrap_err();
    assert!(matches!(error, IdentityError::OrphanedLog { segments: 1 }), "{error}");
}

#[test]
fn the_stored_form_of_an_identity_does_not_change() {
    let disk = SimDisk::new();
    identity().create(&disk).unwrap();
    let text = String::from_utf8(disk.content("identity").unwrap()).unwrap();
    assert_eq!(text, include_str!("golden/identity-1"));
}

#[test]
fn every_flipped_bit_of_an_identity_is_found() {
    let disk = SimDisk::new();
    identity().create(&disk).unwrap();
    for offset in 0..disk.content("identity").unwrap().len() as u64 {
        disk.flip_bit("identity", offset);
        assert!(Identity::read(&disk).is_err(), "byte {offset}");
        disk.flip_bit("identity", offset);
    }
    Identity::read(&disk).unwrap();
}

#[test]
fn after_a_crash_there_is_a_whole_identity_or_none() {
    for changes in 0..7 {
        for seed in 0..20 {
            let disk = SimDisk::new();
            disk.die_after(changes);
            let created = identity().create(&disk).is_ok();
            disk.crash(&mut SmallRng::seed_from_u64(seed));
            let disk = disk.reopen();
            let found = Identity::read(&disk).unwrap();
            assert!(
                found == Some(identity()) || (found.is_none() && !created),
                "{changes} changes, seed {seed}"
            );
            if found.is_none() {
                identity().create(&disk).unwrap();
            }
        }
    }
}
