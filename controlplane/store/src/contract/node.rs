//! Rules of nodes, their leases and their reports.

use tenure_control_model::{Expect, NodePolicy, NodeReport, Revision, Write};
use tenure_types::NodeId;

use super::UnderTest;
use super::sample::*;

/// The lease was renewed after the row was read, which its revision does not tell.
pub async fn a_change_of_a_node_does_not_take_its_lease_back(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    apply_ground(&store).await;
    let mut read = store.nodes().await.unwrap()[0].0.clone();
    store.renew_nodes(&[read.id], at(500)).await.unwrap();
    read.policy = NodePolicy::Cordoned;
    apply(&store, just(Write::PutNode(read, Expect::Revision(Revision::FIRST)))).await;
    let mut stored = store.nodes().await.unwrap()[0].0.clone();
    assert_eq!((stored.policy, stored.seen_at), (NodePolicy::Cordoned, at(500)));
    // One that begins a session renews the lease by its change.
    stored.seen_at = at(900);
    let revision = stored.revision;
    apply(&store, just(Write::PutNode(stored, Expect::Revision(revision)))).await;
    assert_eq!(store.nodes().await.unwrap()[0].0.seen_at, at(900));
}

/// Whatever was in it.
pub async fn a_report_takes_the_place_of_the_one_before(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    apply_ground(&store).await;
    apply(&store, just(Write::PutReport(report(2)))).await;
    let short = NodeReport {
        node: NodeId::new(2),
        at: at(1),
        generation: 0,
        replicas: Vec::new(),
        refusals: Vec::new(),
        plugins: Vec::new(),
    };
    apply(&store, just(Write::PutReport(short.clone()))).await;
    let nodes = store.nodes().await.unwrap();
    assert_eq!(nodes, [(node(1), None), (node(2), Some(short.clone()))]);
    assert_eq!(store.world().await.unwrap().reports, [short]);
}

/// So that it disturbs nobody who changes the node. A node that is not there has no lease.
pub async fn renewing_leases_is_no_change_of_revision(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    apply_ground(&store).await;
    let renewed = [NodeId::new(1), NodeId::new(7)];
    store.renew_nodes(&renewed, at(500)).await.unwrap();
    let [mut first, second] = [node(1), node(2)];
    first.seen_at = at(500);
    let world = store.world().await.unwrap();
    assert_eq!(world.nodes, [first.clone(), second]);
    assert_eq!(world.generation, 1);
    apply(&store, just(Write::PutNode(first, Expect::Revision(Revision::FIRST)))).await;
}
