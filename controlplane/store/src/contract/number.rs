//! Rules of `allocate`.

use std::collections::BTreeSet;

use futures::future;

use super::UnderTest;
use crate::Counter;

/// Not to callers at the same time, nor after a restart; and what one counter hands out is nothing to the other.
pub async fn numbers_are_never_handed_out_twice(under_test: &mut impl UnderTest) {
    let mut handed_out = BTreeSet::new();
    for _ in 0..3 {
        let store = under_test.store();
        let counts = (0..20_u32).map(|caller| caller % 5 + 1);
        let ask = async |count: u32| (store.allocate(Counter::Stream, count).await.unwrap(), count);
        for (first, count) in future::join_all(counts.map(ask)).await {
            for number in first..first + u64::from(count) {
                assert!(handed_out.insert(number), "{number} was handed out twice");
            }
        }
        drop(store);
        under_test.restart().await;
    }
    assert_eq!(handed_out.first(), Some(&1));
    let store = under_test.store();
    assert_eq!(store.allocate(Counter::Tenant, 2).await.unwrap(), 1);
    assert_eq!(store.allocate(Counter::Tenant, 1).await.unwrap(), 3);
}
