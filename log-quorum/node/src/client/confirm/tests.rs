//! Rules of what is owed to those who asked.

use super::*;
use tenure_log::StreamStatus;
use tenure_types::{NodeId, StreamId};

fn stream(number: u32) -> StreamId {
    StreamId::new(GroupId::new(0), number)
}

type Outcome = Result<Option<StreamStatus>, Unknown>;

fn owing(numbers: &[u32]) -> (Owed<StreamId>, mpsc::Receiver<Answers<StreamId>>) {
    let (to, answers) = mpsc::channel(1);
    let questions = numbers.iter().copied().map(stream).collect();
    (Owed::new(questions, to), answers)
}

fn told(answers: &mut mpsc::Receiver<Answers<StreamId>>) -> Vec<(u32, Outcome)> {
    let told = answers.try_recv().unwrap();
    assert!(answers.try_recv().is_err(), "answers are given once");
    told.into_iter()
        .map(|(stream, outcome)| (stream.number(), outcome))
        .collect()
}

fn settled(judged: bool, unknown: Option<Unknown>) -> Settled {
    Settled { judged, unknown }
}

#[test]
fn what_another_node_leads_is_asked_again_and_the_rest_kept() {
    let (mut owed, mut answers) = owing(&[1, 2, 3]);
    let hint = Some(NodeId::new(2));
    let refused = Unknown::NoLeader { hint };
    assert_eq!(
        owed.settle(vec![Ok(None), Err(refused), Ok(None)]),
        settled(true, Some(refused))
    );
    assert!(answers.try_recv().is_err(), "not before all are answered");
    assert_eq!(owed.questions, [stream(2)]);
    assert_eq!(owed.settle(vec![Ok(None)]), settled(true, None));
    owed.answer(Unknown::Discarded);
    assert_eq!(told(&mut answers), [(1, Ok(None)), (3, Ok(None)), (2, Ok(None))]);
}

#[test]
fn an_answer_that_nothing_is_known_settles_no_question() {
    let timed_out = Unknown::TimedOut {
        after: Duration::from_millis(400),
    };
    let table = [Unknown::Busy, Unknown::Discarded, Unknown::Disconnected, timed_out];
    for unknown in table {
        let (mut owed, mut answers) = owing(&[1]);
        assert_eq!(owed.settle(vec![Err(unknown)]), settled(false, Some(unknown)));
        assert_eq!(owed.questions, [stream(1)]);
        owed.answer(unknown);
        assert_eq!(told(&mut answers), [(1, Err(unknown))]);
    }
    for order in [[Unknown::Busy, timed_out], [timed_out, Unknown::Busy]] {
        let (mut owed, _answers) = owing(&[1, 2]);
        let outcomes = order.map(Err).to_vec();
        assert_eq!(
            owed.settle(outcomes),
            settled(false, Some(timed_out)),
            "another node is asked for both"
        );
    }
}

#[test]
fn every_question_is_answered_whatever_happens() {
    let (mut owed, mut answers) = owing(&[1, 2]);
    let refused = Unknown::NoLeader { hint: None };
    assert_eq!(owed.settle(vec![Ok(None), Err(refused)]), settled(true, Some(refused)));
    drop(owed);
    assert_eq!(told(&mut answers), [(1, Ok(None)), (2, Err(Unknown::Disconnected))]);

    let (owed, mut answers) = owing(&[7]);
    let late = Unknown::TimedOut {
        after: Duration::from_secs(1),
    };
    owed.answer(late);
    assert_eq!(told(&mut answers), [(7, Err(late))]);
}

#[test]
fn a_question_claims_a_lease_for_a_time_from_when_it_was_put() {
    let (put_at, lasts) = (Instant::now(), Duration::from_millis(200));
    let claim = Claim { put_at, lasts };
    assert!(claim.holds(put_at + lasts));
    assert!(!claim.holds(put_at + lasts + Duration::from_nanos(1)));
}
