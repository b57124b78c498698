//! A cap on the journal stops credit, and nothing else: the nodes live on, and take what was written on credit before.

mod quorum;

use tenure_log::Credit;

use self::quorum::owner::{Owner, stream};
use self::quorum::{Quorum, block_on};

const CAP_BYTES: u64 = 8 << 20;

#[test]
fn at_the_cap_credit_stops_and_the_nodes_go_on() {
    block_on(async {
        let quorum = Quorum::start(|options| options.cap_bytes = CAP_BYTES).await;
        let log = quorum.client();
        let mut owner = Owner::fencing(&log, stream(1), 1).await;
        owner.write(vec![1]).await;
        assert!(owner.credit.left(owner.appended_bytes) > 0, "there is room at first");
        // As an owner does: it writes while it has any credit.
        while owner.credit.left(owner.appended_bytes) > 0 {
            owner.write(vec![0; 64 << 10]).await;
            assert!(owner.appended_bytes < 2 * CAP_BYTES, "credit goes on past the cap");
        }
        // What was executed on the last credit, and what a careless owner sends, is taken all the same.
        owner.write_together(vec![vec![2; 64 << 10]; 4]).await;
        owner.write(vec![3]).await;
        assert_eq!(owner.credit.left(owner.appended_bytes), 0, "no more is granted");
        // A new owner is granted nothing either, and a new leader grants nothing.
        let mut next = Owner::fencing(&log, stream(1), 2).await;
        next.write(vec![4]).await;
        assert_eq!(next.credit.left(next.appended_bytes), 0);
        quorum.kill_leader(log.as_ref()).await;
        next.credit = Credit::NONE;
        next.write(vec![5]).await;
        assert_eq!(next.credit.left(next.appended_bytes), 0);
        owner.check_read_through(log.as_ref()).await;
    });
}
