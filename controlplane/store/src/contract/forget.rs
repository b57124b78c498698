//! Rules of `forget`.

use tenure_control_model::{AuditRow, Change, Event, Expect, FailoverAttempt, OperationState, Remembered, Write};

use super::UnderTest;
use super::sample::*;

/// So it holds up nobody for long. What is left is forgotten by the next call, the oldest first.
pub async fn forgetting_is_bounded(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    let mut change = Change::default();
    for number in 1..=1001 {
        let event = Event {
            at: at(2000 - number),
            ..event(number)
        };
        change = change.with(Write::AddEvent(event));
    }
    apply(&store, change).await;
    store.forget(at(0), at(5000)).await.unwrap();
    let left = store.events(None, None, &all()).await.unwrap();
    assert_eq!(left.iter().map(|event| event.at).collect::<Vec<_>>(), [at(1999)]);
    store.forget(at(0), at(5000)).await.unwrap();
    assert_eq!(store.events(None, None, &all()).await.unwrap(), []);
}

/// What was written at the bound is not older than it. An answer that expires now is not remembered any more.
pub async fn only_what_is_old_and_over_is_forgotten(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    let times = [(1, at(99)), (2, at(100))];
    let mut change = Change::default();
    for (number, time) in times {
        let begun = FailoverAttempt {
            begun_at: time,
            ..failover(number)
        };
        let audit = AuditRow {
            started_at: time,
            ..audit_row(number)
        };
        let event = Event {
            at: time,
            ..event(number)
        };
        change = change
            .with(Write::PutOperation(operation_over(number, time), Expect::Absent))
            .with(Write::PutFailover(begun))
            .with(Write::PutAudit(audit))
            .with(Write::AddEvent(event));
    }
    for (number, expires_at) in [(1, at(50)), (2, at(51))] {
        let answer = Remembered {
            expires_at,
            ..remembered(number)
        };
        change = change.with(Write::Remember(answer));
    }
    let mut under_way = operation(3);
    under_way.state = OperationState::Pending;
    under_way.created_at = at(1);
    change = change.with(Write::PutOperation(under_way, Expect::Absent));
    apply(&store, change).await;

    store.forget(at(50), at(100)).await.unwrap();
    let numbers = |ids: Vec<u128>| assert_eq!(ids, [2]);
    let events = store.events(None, None, &all()).await.unwrap();
    numbers(events.iter().map(|event| event.id.get()).collect());
    let failovers = store.failovers(&all()).await.unwrap();
    numbers(failovers.iter().map(|attempt| attempt.id.get()).collect());
    let audit_log = store.audit_log(None, &all()).await.unwrap();
    numbers(audit_log.iter().map(|row| row.id.get()).collect());
    let operations = store.operations(None, &all()).await.unwrap();
    let operations: Vec<_> = operations.iter().map(|operation| operation.id.get()).collect();
    assert_eq!(operations, [3, 2]);
    let by = remembered(1).by;
    assert_eq!(store.remembered(by, "key 1").await.unwrap(), None);
    assert!(store.remembered(by, "key 2").await.unwrap().is_some());
}
