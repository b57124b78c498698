//! Rules of the calls without an answer.

use super::*;
use crate::client::bounds::Bounds;
use crate::client::samples::{append, create, heard_append, heard_create};
use futures::FutureExt;
use tenure_log::{Appended, CallError, Reply};
use tenure_log_protocol::{AppendVerdict, CreateRefused, Unsettled};
use tenure_types::Lsn;

const DEADLINE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);
const LOST: Unknown = Unknown::Disconnected;

fn calls() -> Calls {
    Calls::new(&ClientOptions::default())
}

fn place(bytes: usize) -> Place {
    Bounds::new(100, usize::MAX).take(bytes).unwrap()
}

fn add_append(calls: &mut Calls, prev_lsn: u64, now: Instant) -> Reply<Appended, Unsettled> {
    let (waiter, heard) = heard_append();
    let submitted = Submitted {
        call: append(prev_lsn),
        waiter,
        place: place(10),
        at: now,
    };
    calls.add(vec![submitted]);
    heard
}

fn add_create(calls: &mut Calls, now: Instant) -> Reply<(), CreateRefused> {
    let (waiter, heard) = heard_create();
    let submitted = Submitted {
        call: create(),
        waiter,
        place: place(10),
        at: now,
    };
    calls.add(vec![submitted]);
    heard
}

fn send(calls: &mut Calls, now: Instant) -> Vec<wire::Submission> {
    calls.next_message(1000, now)
}

fn sent_calls(message: &[wire::Submission]) -> Vec<wire::Call> {
    message
        .iter()
        .map(|submission| submission.call.clone().unwrap())
        .collect()
}

fn answered(submission: &wire::Submission, answer: wire::answered::Answer) -> wire::Answered {
    wire::Answered {
        number: submission.number,
        answer: Some(answer),
    }
}

fn ok(lsn: u64) -> wire::answered::Answer {
    let verdict = AppendVerdict::Ok {
        lsn: Lsn::new(lsn).unwrap(),
    };
    convert::answer_to_wire(
        &tenure_log_protocol::Answer::Append(Ok(verdict)),
        tenure_log::Credit::NONE,
    )
}

fn created() -> wire::answered::Answer {
    convert::answer_to_wire(&tenure_log_protocol::Answer::Create(Ok(())), tenure_log::Credit::NONE)
}

fn unknown(unknown: Unknown) -> wire::answered::Answer {
    wire::answered::Answer::Unknown(convert::unknown_to_wire(unknown))
}

fn told<T, R>(heard: &mut Reply<T, R>) -> Option<Result<T, CallError<R>>> {
    heard.now_or_never()
}

#[test]
fn calls_are_sent_in_order_as_many_as_fit() {
    let (mut calls, now) = (calls(), Instant::now());
    let _heard: Vec<_> = (1..=4).map(|lsn| add_append(&mut calls, lsn, now)).collect();
    let first = calls.next_message(30, now);
    assert_eq!(sent_calls(&first), [append(1), append(2), append(3)]);
    assert!(calls.wants_to_send());
    assert_eq!(
        sent_calls(&calls.next_message(1, now)),
        [append(4)],
        "a larger one goes alone"
    );
    assert!(!calls.wants_to_send());
}

#[test]
fn answers_may_come_in_any_order_and_are_told_once() {
    let (mut calls, now) = (calls(), Instant::now());
    let (mut first, mut second) = (add_append(&mut calls, 1, now), add_append(&mut calls, 2, now));
    let message = send(&mut calls, now);
    assert_eq!(
        calls.answered(&answered(&message[1], ok(3)), now).unwrap(),
        Heard::Verdict
    );
    assert!(told(&mut first).is_none());
    let verdict = AppendVerdict::Ok {
        lsn: Lsn::new(3).unwrap(),
    };
    assert_eq!(told(&mut second).unwrap().unwrap().verdict, verdict);
    assert_eq!(
        calls.answered(&answered(&message[1], ok(9)), now).unwrap(),
        Heard::Nothing,
        "again"
    );
    assert!(!calls.is_empty());
}

#[test]
fn an_append_whose_stream_is_lost_is_never_sent_again() {
    let (mut calls, now) = (calls(), Instant::now());
    let (mut sent, mut waiting) = (add_append(&mut calls, 1, now), add_append(&mut calls, 2, now));
    let message = calls.next_message(1, now);
    assert_eq!(sent_calls(&message), [append(1)]);
    calls.stream_lost(LOST);
    assert_eq!(told(&mut sent), Some(Err(LOST.into())));
    assert!(told(&mut waiting).is_none(), "it was not under way");
    assert_eq!(sent_calls(&send(&mut calls, now)), [append(2)]);
}

#[test]
fn every_other_call_is_repeated_first_and_with_another_number() {
    let (mut calls, now) = (calls(), Instant::now());
    let mut heard = add_create(&mut calls, now);
    let first = send(&mut calls, now);
    let _waits = add_append(&mut calls, 1, now);
    calls.stream_lost(LOST);
    let second = send(&mut calls, now);
    assert_eq!(sent_calls(&second), [create(), append(1)]);
    assert_ne!(first[0].number, second[0].number);
    assert_eq!(
        calls.answered(&answered(&first[0], created()), now).unwrap(),
        Heard::Nothing,
        "late"
    );
    assert_eq!(
        calls.answered(&answered(&second[0], created()), now).unwrap(),
        Heard::Verdict
    );
    assert_eq!(told(&mut heard), Some(Ok(())));
}

#[test]
fn what_a_node_could_not_tell_is_asked_again_after_a_pause() {
    let (mut calls, now) = (calls(), Instant::now());
    let mut heard = add_create(&mut calls, now);
    for why in [Unknown::Busy, Unknown::Discarded] {
        let message = send(&mut calls, now);
        assert_eq!(
            calls.answered(&answered(&message[0], unknown(why)), now).unwrap(),
            Heard::Nothing
        );
        assert!(!calls.wants_to_send());
        assert_eq!(calls.next_instant(), Some(now + PAUSE));
        calls.pass_time(now + PAUSE);
        assert!(calls.wants_to_send());
    }
    assert!(told(&mut heard).is_none());
    calls.pass_time(now + DEADLINE);
    assert_eq!(
        told(&mut heard),
        Some(Err(Unknown::Discarded.into())),
        "the last that was heard"
    );
}

#[test]
fn what_another_node_leads_is_asked_again_at_once() {
    let (mut calls, now) = (calls(), Instant::now());
    let mut heard = add_create(&mut calls, now);
    let message = send(&mut calls, now);
    let refused = Unknown::NoLeader { hint: None };
    let says = calls.answered(&answered(&message[0], unknown(refused)), now).unwrap();
    assert_eq!(says, Heard::NotLeader { hint: None });
    assert!(calls.wants_to_send());
    calls.pass_time(now + DEADLINE);
    assert_eq!(told(&mut heard), Some(Err(refused.into())));
    assert!(!calls.wants_to_send());
}

#[test]
fn an_append_that_settled_nothing_is_told_so_at_once() {
    let (mut calls, now) = (calls(), Instant::now());
    let mut heard = add_append(&mut calls, 1, now);
    let message = send(&mut calls, now);
    let hint = Some(NodeId::new(2));
    let refused = Unknown::NoLeader { hint };
    let says = calls.answered(&answered(&message[0], unknown(refused)), now).unwrap();
    assert_eq!(says, Heard::NotLeader { hint });
    assert_eq!(told(&mut heard), Some(Err(refused.into())));
    assert!(calls.is_empty() && !calls.wants_to_send());
}

#[test]
fn the_oldest_is_given_up_first_whether_sent_or_not() {
    let (mut calls, start) = (calls(), Instant::now());
    let second = start + Duration::from_secs(1);
    let mut sent = add_append(&mut calls, 1, start);
    let message = send(&mut calls, start);
    let mut waiting = add_append(&mut calls, 2, second);
    assert_eq!(calls.next_instant(), Some(start + DEADLINE));
    calls.pass_time(start + DEADLINE - Duration::from_nanos(1));
    assert!(told(&mut sent).is_none());
    calls.pass_time(start + DEADLINE);
    let timed_out = Unknown::TimedOut { after: DEADLINE };
    assert_eq!(told(&mut sent), Some(Err(timed_out.into())));
    assert_eq!(
        calls.answered(&answered(&message[0], ok(2)), second).unwrap(),
        Heard::Nothing,
        "late"
    );
    assert_eq!(calls.next_instant(), Some(second + DEADLINE));
    calls.pass_time(second + DEADLINE);
    assert_eq!(told(&mut waiting), Some(Err(timed_out.into())));
    assert!(calls.is_empty() && !calls.wants_to_send());
    assert_eq!(calls.next_instant(), None);
}

#[test]
fn an_append_that_waited_long_claims_no_lease() {
    let (mut calls, start) = (calls(), Instant::now());
    for (waited, claims) in [(200, true), (201, false)] {
        let _heard = add_append(&mut calls, 1, start);
        let message = send(&mut calls, start + Duration::from_millis(waited));
        let Some(wire::call::Call::Append(append)) = sent_calls(&message)[0].call.clone() else {
            panic!("not an append");
        };
        assert_eq!(append.under_lease, claims, "after {waited} ms");
    }
}

#[test]
fn an_answer_that_cannot_be_read_is_an_error_and_no_verdict() {
    let (mut calls, now) = (calls(), Instant::now());
    let (mut odd, mut empty) = (add_append(&mut calls, 1, now), add_append(&mut calls, 2, now));
    let message = send(&mut calls, now);
    assert!(calls.answered(&answered(&message[0], created()), now).is_err());
    assert_eq!(told(&mut odd), Some(Err(LOST.into())));
    let nothing = wire::Answered {
        number: message[1].number,
        answer: None,
    };
    assert!(calls.answered(&nothing, now).is_err());
    calls.stream_lost(LOST);
    assert_eq!(told(&mut empty), Some(Err(LOST.into())));
}

#[test]
fn numbers_keep_the_call_and_the_sending_apart() {
    for (id, sending) in [(0, 0), (1, 1), ((1 << ID_BITS) - 1, u16::MAX), (77, 0x0102)] {
        assert_eq!(numbered(number(id, sending)), (id, sending));
    }
}
