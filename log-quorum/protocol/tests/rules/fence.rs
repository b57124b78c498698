//! Rules of Fence: one winner, recognised repeats, what the winner waits for.

use tenure_log_protocol::*;
use tenure_types::{Epoch, GroupId, LeaseLength, Lsn, Owner, StreamId};

use crate::writer::*;

fn fence_with(table: &StreamTable, owner: Owner, lease: LeaseLength) -> Fence {
    Fence {
        lease,
        ..fence_for(table, owner)
    }
}

#[test]
fn first_fence_begins_epoch_one_and_waits_for_nothing() {
    let mut table = table();
    let granted = table.fence(&fence_for(&table, owner(1))).unwrap();
    let expected = Granted {
        epoch: Epoch::new(1),
        lease: lease(1000),
        fence_lsn: None,
        tail: None,
        chain: Chain::start_of(STREAM),
        appended_bytes: 0,
        wait_out: WaitOut::Nothing,
    };
    assert_eq!(granted, expected);
}

#[test]
fn of_two_contenders_one_wins_and_the_other_learns_who() {
    let mut table = table();
    Writer::fencing(&mut table, 1);
    let (second, third) = (fence_for(&table, owner(2)), fence_for(&table, owner(3)));
    assert_eq!(table.fence(&second).map(|granted| granted.epoch), Ok(Epoch::new(2)));
    assert_eq!(
        table.fence(&third),
        Err(FenceRefused::Lost {
            expected: Epoch::new(1),
            epoch: Epoch::new(2),
            owner: Some(owner(2))
        })
    );
}

#[test]
fn fence_of_an_epoch_that_never_was_is_lost() {
    let mut table = table();
    let fence = Fence {
        expect_epoch: Epoch::new(5),
        ..fence_for(&table, owner(1))
    };
    assert_eq!(
        table.fence(&fence),
        Err(FenceRefused::Lost {
            expected: Epoch::new(5),
            epoch: Epoch::NONE,
            owner: None
        })
    );
}

#[test]
fn repeated_fence_is_answered_as_before() {
    let mut table = table();
    Writer::fencing(&mut table, 1).write_through(&mut table, 3);
    let fence = fence_with(&table, owner(2), lease(500));
    let first = table.fence(&fence).unwrap();
    Writer::granted(owner(2), &first).write_through(&mut table, 2);

    let before = table.clone();
    let again = table.fence(&fence).unwrap();
    assert_eq!(table, before);
    assert_eq!(
        (again.epoch, again.fence_lsn, again.wait_out),
        (first.epoch, first.fence_lsn, first.wait_out)
    );
    assert_eq!(again.wait_out, WaitOut::For(lease(1000)));
    assert_eq!(
        (again.tail, again.appended_bytes),
        (Lsn::new(5), 5 * (1 + RECORD_OVERHEAD_BYTES)),
        "the tail has moved on"
    );
}

#[test]
fn repeated_self_nomination_is_recognised_though_the_tail_moved() {
    let mut table = table();
    let nomination = Nomination::BySelf { expect_tail: None };
    let fence = Fence {
        nomination,
        ..fence_for(&table, owner(1))
    };
    let granted = table.fence(&fence).unwrap();
    Writer::granted(owner(1), &granted).write_through(&mut table, 1);
    assert_eq!(table.fence(&fence).map(|granted| granted.epoch), Ok(Epoch::new(1)));
}

#[test]
fn repeated_fence_with_another_lease_is_told_the_one_that_counts() {
    let mut table = table();
    let fence = fence_with(&table, owner(1), lease(500));
    table.fence(&fence).unwrap();
    let longer = Fence {
        lease: lease(9000),
        ..fence
    };
    assert_eq!(table.fence(&longer).map(|granted| granted.lease), Ok(lease(500)));
}

#[test]
fn a_reloaded_owner_is_another_contender() {
    let mut table = table();
    let fence = fence_for(&table, owner(1));
    table.fence(&fence).unwrap();
    let reloaded = Fence {
        owner: Owner {
            incarnation: life(99),
            ..owner(1)
        },
        ..fence
    };
    assert_eq!(
        table.fence(&reloaded),
        Err(FenceRefused::Lost {
            expected: Epoch::NONE,
            epoch: Epoch::new(1),
            owner: Some(owner(1))
        })
    );
}

#[test]
fn a_repeat_from_two_epochs_ago_is_lost() {
    let mut table = table();
    let fence = fence_for(&table, owner(1));
    table.fence(&fence).unwrap();
    Writer::fencing(&mut table, 2);
    assert_eq!(
        table.fence(&fence),
        Err(FenceRefused::Lost {
            expected: Epoch::NONE,
            epoch: Epoch::new(2),
            owner: Some(owner(2))
        })
    );
}

#[test]
fn self_nomination_with_another_tail_is_refused() {
    let mut table = table();
    Writer::fencing(&mut table, 1).write_through(&mut table, 3);
    for stale in [None, Lsn::new(2), Lsn::new(4)] {
        let nomination = Nomination::BySelf { expect_tail: stale };
        let fence = Fence {
            nomination,
            ..fence_for(&table, owner(2))
        };
        assert_eq!(
            table.fence(&fence),
            Err(FenceRefused::TailMoved {
                expected: stale,
                tail: Lsn::new(3)
            }),
            "{stale:?}"
        );
    }
    let nomination = Nomination::BySelf {
        expect_tail: Lsn::new(3),
    };
    assert!(
        table
            .fence(&Fence {
                nomination,
                ..fence_for(&table, owner(2))
            })
            .is_ok()
    );
}

#[test]
fn a_lease_longer_than_the_quorum_waits_for_is_refused() {
    let mut table = table();
    let fence = fence_with(&table, owner(1), lease(10_001));
    assert_eq!(
        table.fence(&fence),
        Err(FenceRefused::LeaseTooLong {
            asked: lease(10_001),
            max: lease_max()
        })
    );
    assert!(table.fence(&fence_with(&table, owner(1), lease_max())).is_ok());
}

#[test]
fn release_then_fence_waits_for_nothing_but_the_longest_lease_is_kept() {
    let mut table = table();
    table.fence(&fence_with(&table, owner(1), lease(5000))).unwrap();
    let granted = table.fence(&fence_with(&table, owner(2), lease(1000))).unwrap();
    assert_eq!(granted.wait_out, WaitOut::For(lease(5000)));
    table.release(&Writer::granted(owner(2), &granted).release()).unwrap();

    let granted = table.fence(&fence_with(&table, owner(3), lease(1000))).unwrap();
    assert_eq!(granted.wait_out, WaitOut::Nothing);
    let granted = table.fence(&fence_with(&table, owner(4), lease(1000))).unwrap();
    assert_eq!(
        granted.wait_out,
        WaitOut::For(lease(5000)),
        "the longest of any earlier epoch"
    );
}

#[test]
fn repeated_fence_after_a_release_still_waits_for_nothing() {
    let mut table = table();
    let writer = Writer::fencing(&mut table, 1);
    table.release(&writer.release()).unwrap();
    let fence = fence_for(&table, owner(2));
    for _ in 0..2 {
        assert_eq!(
            table.fence(&fence).map(|granted| granted.wait_out),
            Ok(WaitOut::Nothing)
        );
    }
}

#[test]
fn a_fence_of_no_stream_says_so() {
    let mut table = table();
    let fence = Fence {
        stream: StreamId::new(GroupId::new(0), 404),
        ..fence_for(&table, owner(1))
    };
    assert_eq!(table.fence(&fence), Err(FenceRefused::NoStream));
}

#[test]
fn an_epoch_that_was_released_is_not_granted_again() {
    let mut table = table();
    let fence = fence_for(&table, owner(1));
    let granted = table.fence(&fence).unwrap();
    let writer = Writer::granted(owner(1), &granted);
    table.release(&writer.release()).unwrap();
    let lost = FenceRefused::Lost {
        expected: Epoch::NONE,
        epoch: Epoch::new(1),
        owner: Some(owner(1)),
    };
    assert_eq!(table.fence(&fence), Err(lost));
}
