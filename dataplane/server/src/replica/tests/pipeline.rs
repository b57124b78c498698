//! The pipeline alone: what each answer means, at which instant.

use std::time::Duration;

use bytes::Bytes;
use tenure_log::{
    AppendVerdict, Appended, CallError, Chain, Credit, Fenced, Granted, Renew, RenewAnswer, Renewed, Unsettled, WaitOut,
};
use tenure_types::{BootTime, Clock, Epoch, Incarnation, Lsn, WallTime};

use super::world::{LEASE, World, run};
use crate::replica::pipeline::{Pipeline, Step};
use crate::replica::{Standing, Ticket};

const START: BootTime = BootTime::from_nanos(0);

/// An owner that has loaded nothing yet.
fn loading_owner(wait_out: bool) -> Pipeline {
    let length = tenure_types::LeaseLength::from_millis(1200).unwrap();
    let stream = tenure_types::StreamId::new(tenure_types::GroupId::new(0), 1);
    let granted = Granted {
        epoch: Epoch::new(2),
        lease: length,
        fence_lsn: None,
        tail: None,
        chain: Chain::start_of(stream),
        appended_bytes: 0,
        wait_out: if wait_out {
            WaitOut::For(length)
        } else {
            WaitOut::Nothing
        },
    };
    let incarnation = Incarnation::new(7).unwrap();
    Pipeline::begin(stream, incarnation, &granted, START, Ticket::default())
}

/// An owner whose image is loaded.
fn owner(wait_out: bool) -> Pipeline {
    let mut pipeline = loading_owner(wait_out);
    pipeline.loaded();
    pipeline
}

fn seal(pipeline: &mut Pipeline) -> Ticket {
    let ticket = pipeline.open_ticket();
    pipeline
        .seal(Bytes::from_static(b"x"), WallTime::from_unix_millis(1))
        .unwrap();
    ticket
}

fn fenced(fence_lsn: u64) -> Fenced {
    Fenced {
        epoch: Epoch::new(3),
        fence_lsn: Lsn::new(fence_lsn),
    }
}

#[test]
fn a_renewal_counts_from_its_sending_and_only_for_the_epoch_and_the_life_that_it_asked_for() {
    run(async {
        let world = World::serving().await;
        let sent = world.clock.boot();
        let own = world.replica.renewal(sent).unwrap();
        world.clock.advance(LEASE);
        assert_eq!(world.replica.standing(), Standing::Lapsed);
        let answer = |renew| RenewAnswer {
            renew,
            outcome: Ok(Renewed {
                clear_in: None,
                credit: Credit::NONE,
            }),
        };
        let now = world.clock.boot();
        let others = [
            Renew {
                epoch: Epoch::new(own.epoch.get() - 1),
                ..own
            },
            Renew {
                incarnation: Incarnation::new(own.incarnation.get() ^ 1).unwrap(),
                ..own
            },
        ];
        for other in others {
            world.replica.on_renewed(now, answer(other));
            assert_eq!(world.replica.standing(), Standing::Lapsed, "{other:?}");
        }
        world.replica.on_renewed(sent, answer(own));
        assert_eq!(world.replica.standing(), Standing::Lapsed, "not from its answer");
        world.replica.on_renewed(now, answer(own));
        assert_eq!(world.replica.standing(), Standing::Primary);
    });
}

#[test]
fn an_unsettled_answer_to_an_older_attempt_is_ignored_and_a_verdict_counts() {
    let mut pipeline = owner(false);
    let ticket = seal(&mut pipeline);
    let first = pipeline.next_append(START).unwrap();
    let gap = || Err(CallError::Refused(Unsettled::Gap { tail: None }));
    assert_eq!(pipeline.on_answer(first.attempt, gap()), Step::Resend);
    let second = pipeline.next_append(START).unwrap();
    assert_eq!(second.append.records, first.append.records, "the same bytes");
    assert_eq!(pipeline.on_answer(first.attempt, gap()), Step::GoOn);
    assert!(
        pipeline.next_append(START).is_none(),
        "nothing is sent once more for it"
    );
    let verdict = Ok(Appended {
        verdict: AppendVerdict::Ok {
            lsn: Lsn::new(1).unwrap(),
        },
        credit: Credit::NONE,
    });
    assert_eq!(pipeline.on_answer(first.attempt, verdict), Step::GoOn);
    assert_eq!(pipeline.released(), ticket);
}

#[test]
fn a_resend_keeps_every_record_as_it_was_whatever_came_meanwhile() {
    let mut pipeline = owner(false);
    for _ in 0..3 {
        seal(&mut pipeline);
    }
    let first = pipeline.next_append(START).unwrap();
    pipeline.begin_attempt();
    seal(&mut pipeline);
    let second = pipeline.next_append(START).unwrap();
    assert_eq!(second.append.prev_lsn, first.append.prev_lsn);
    assert_eq!(second.append.records[..3], first.append.records[..]);
    assert_eq!(second.append.records.len(), 4);
}

#[test]
fn a_fenced_owner_acknowledges_nothing_within_its_wait_out() {
    for (wait_out, released) in [(true, false), (false, true)] {
        let mut pipeline = owner(wait_out);
        let ticket = seal(&mut pipeline);
        pipeline.on_fenced(&fenced(1), 0, START.saturating_add(Duration::from_millis(1)));
        assert_eq!(ticket.is_released(pipeline.released()), released);
    }
}

#[test]
fn an_image_is_kept_only_if_it_is_whole_and_holds_nothing_that_is_not_in_the_stream() {
    let kept = |fence_lsn, open_bytes, loaded: bool| {
        let mut pipeline = loading_owner(false);
        if loaded {
            pipeline.loaded();
        }
        // Who was about to give the epoch up has the same image.
        pipeline.end();
        seal(&mut pipeline);
        pipeline.on_fenced(&fenced(fence_lsn), open_bytes, START).is_some()
    };
    assert!(kept(1, 0, true));
    assert!(!kept(0, 0, true), "a record beyond the fence");
    assert!(!kept(1, 1, true), "effects without a place");
    assert!(!kept(1, 0, false), "half loaded");
}

#[test]
fn an_epoch_may_be_given_up_by_who_serves_with_everything_in_the_log_and_by_nobody_else() {
    let renewed = |wait_out| {
        let mut pipeline = owner(wait_out);
        let renewed = Renewed {
            clear_in: None,
            credit: Credit::NONE,
        };
        pipeline.on_renewed(START, START, Ok(renewed));
        pipeline
    };
    let after = |millis| START.saturating_add(Duration::from_millis(millis));
    let mut pipeline = renewed(false);
    assert!(pipeline.may_release(0, after(1199)));
    assert!(!pipeline.may_release(0, after(1200)), "it may have been fenced");
    assert!(!pipeline.may_release(1, START), "effects without a place");
    assert!(
        !renewed(true).may_release(0, START),
        "an earlier owner may still answer"
    );
    pipeline.end();
    assert!(pipeline.may_release(0, START) && pipeline.standing(START) == Standing::Loading);
    pipeline.resume();
    assert_eq!(pipeline.standing(START), Standing::Primary);
    seal(&mut pipeline);
    assert!(!pipeline.may_release(0, START), "a record without a verdict");
    let loading = loading_owner(false);
    assert!(!loading.may_release(0, START));
}

#[test]
fn what_has_no_verdict_counts_as_not_in_the_log() {
    let mut pipeline = owner(false);
    assert_eq!(pipeline.committed(), None);
    seal(&mut pipeline);
    seal(&mut pipeline);
    assert_eq!(pipeline.committed(), None);
    let sending = pipeline.next_append(START).unwrap();
    let appended = |lsn| Appended {
        verdict: AppendVerdict::Ok { lsn },
        credit: Credit::NONE,
    };
    pipeline.on_answer(sending.attempt, Ok(appended(Lsn::new(1).unwrap())));
    assert_eq!(pipeline.committed(), Lsn::new(1));
    pipeline.on_answer(sending.attempt, Ok(appended(Lsn::new(2).unwrap())));
    assert_eq!(pipeline.committed(), Lsn::new(2));
}

#[test]
fn a_ticket_of_an_earlier_role_is_never_released() {
    let later = Ticket::default().next_life().next().next();
    assert!(!Ticket::default().next().is_released(later));
    assert!(Ticket::default().next_life().next().is_released(later));
}
