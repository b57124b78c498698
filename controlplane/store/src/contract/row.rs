//! Rules of single rows.

use tenure_control_model::{
    ApiKey, AuditRow, Cluster, ClusterState, Event, Expect, FailoverAttempt, FailoverOutcome, FailoverReason,
    NodePolicy, Operation, OperationKind, OperationState, ReplicaState, Role, ShardId, Write,
};
use tenure_types::{Epoch, NodeId};

use super::UnderTest;
use super::sample::*;

/// What it is about stays as it was begun.
pub async fn a_begun_row_is_completed_by_its_id(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    let begun = just(Write::PutAudit(audit_row(1))).with(Write::PutFailover(failover(1)));
    apply(&store, begun).await;
    let completed = AuditRow {
        completed_at: Some(at(30)),
        status: Some(409),
        problem: Some("conflict".to_owned()),
        ..audit_row(1)
    };
    let won = FailoverAttempt {
        outcome: FailoverOutcome::Won(Epoch::new(5)),
        ended_at: Some(at(31)),
        ..failover(1)
    };
    let change = just(Write::PutAudit(completed.clone())).with(Write::PutFailover(won.clone()));
    apply(&store, change).await;
    assert_eq!(store.audit_log(None, &all()).await.unwrap(), [completed]);
    assert_eq!(store.failovers(&all()).await.unwrap(), std::slice::from_ref(&won));
    let lost = FailoverAttempt {
        outcome: FailoverOutcome::Lost(Epoch::new(u64::MAX)),
        reason: FailoverReason::GivenUp,
        ended_at: None,
        ..failover(2)
    };
    apply(&store, just(Write::PutFailover(lost.clone()))).await;
    assert_eq!(store.failovers(&all()).await.unwrap(), [lost, won]);
}

/// So that one can see what it was, and since when it opens nothing.
pub async fn a_revoked_key_stays_and_its_first_revocation_counts(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    apply_ground(&store).await;
    apply(&store, just(Write::PutApiKey(api_key(1), Expect::Absent))).await;
    for revoked_at in [at(40), at(41)] {
        apply(&store, just(Write::RevokeApiKey(api_key(1).id, revoked_at))).await;
        let revoked = ApiKey {
            revoked_at: Some(at(40)),
            ..api_key(1)
        };
        assert_eq!(store.api_key(revoked.id).await.unwrap(), Some(revoked.clone()));
        assert_eq!(store.api_keys(revoked.tenant, &all()).await.unwrap(), [revoked]);
    }
}

/// With the largest numbers, in every state, and with nothing where nothing may be.
pub async fn every_row_is_read_back_as_it_was_written(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    let full = apply_cluster(&store).await;
    let bare = Cluster {
        certificate: None,
        users: Vec::new(),
        state: ClusterState::Deleting,
        ..cluster(2)
    };
    let (shard_1, mut shard_2, mut far) = (shard(&full, 1), shard(&full, 2), node(u64::MAX));
    let mut replica_1 = replica(&shard_1, 1);
    (shard_2.slots, shard_2.give_up, shard_2.owned) = (Vec::new(), None, None);
    shard_2.preferred = far.id;
    replica_1.state = ReplicaState::Leaving;
    replica_1.address = "[::1]:65535".parse().unwrap();
    (far.host, far.policy) = ("2001:db8::1".parse().unwrap(), NodePolicy::Cordoned);
    far.ports = Vec::new();
    let first = Expect::Revision(tenure_control_model::Revision::FIRST);
    let change = just(Write::PutCluster(bare.clone(), Expect::Absent))
        .with(Write::PutNode(far.clone(), Expect::Absent))
        .with(Write::PutShard(shard_2.clone(), first))
        .with(Write::PutReplica(replica_1.clone(), first))
        .with(Write::PutReport(report(1)));
    apply(&store, change).await;
    shard_2.revision = shard_2.revision.next();
    replica_1.revision = replica_1.revision.next();

    let tenant = tenant(1);
    assert_eq!(store.tenant(&tenant.name).await.unwrap(), Some(tenant.clone()));
    for cluster in [&full, &bare] {
        let stored = store.cluster(tenant.id, &cluster.name).await.unwrap();
        assert_eq!(stored.as_ref(), Some(cluster));
    }
    let shards = store.shards(full.id).await.unwrap();
    let expected = [
        (shard_1.clone(), vec![replica_1, replica(&shard_1, 2)]),
        (shard_2.clone(), vec![replica(&shard_2, 1), replica(&shard_2, 2)]),
    ];
    assert_eq!(shards, expected);
    let nodes = store.nodes().await.unwrap();
    assert_eq!(nodes, [(node(1), Some(report(1))), (node(2), None), (far, None)]);
    records_are_read_back(&store).await;
}

/// Every kind, state and role has its word.
async fn records_are_read_back(store: &std::sync::Arc<dyn crate::Store>) {
    let kinds = [
        OperationKind::CreateCluster,
        OperationKind::DeleteCluster,
        OperationKind::Failover {
            shard: ShardId::new(u128::MAX),
            to: NodeId::new(u64::MAX),
        },
        OperationKind::VerifyLog,
        OperationKind::AttachPlugin {
            name: "ratelimit".to_owned(),
            version: "1.0.2".parse().unwrap(),
            generation: u64::MAX,
        },
        OperationKind::DetachPlugin {
            name: "ratelimit".to_owned(),
            generation: 1,
        },
    ];
    let states = [
        OperationState::Pending,
        OperationState::Running,
        OperationState::Succeeded,
        OperationState::Failed,
    ];
    for ((kind, state), number) in kinds.into_iter().zip(states.into_iter().cycle()).zip(1..) {
        let operation = Operation {
            kind,
            state,
            ..operation_over(number, at(7))
        };
        apply(store, just(Write::PutOperation(operation.clone(), Expect::Absent))).await;
        assert_eq!(store.operation(operation.id).await.unwrap(), Some(operation));
    }
    let roles = [Role::Owner, Role::Admin, Role::Operator, Role::Viewer, Role::Metrics];
    for (role, number) in roles.into_iter().zip(1..) {
        let key = ApiKey {
            role,
            tenant: None,
            expires_at: None,
            ..api_key(number)
        };
        apply(store, just(Write::PutApiKey(key.clone(), Expect::Absent))).await;
        assert_eq!(store.api_key(key.id).await.unwrap(), Some(key));
    }
    let bare = Event {
        tenant: None,
        cluster: None,
        shard: None,
        node: None,
        ..event(2)
    };
    let change = just(Write::AddEvent(event(1)))
        .with(Write::AddEvent(bare.clone()))
        .with(Write::Remember(remembered(1)));
    apply(store, change).await;
    assert_eq!(store.events(None, None, &all()).await.unwrap(), [bare, event(1)]);
    let remembered = remembered(1);
    assert_eq!(
        store.remembered(remembered.by, &remembered.key).await.unwrap(),
        Some(remembered)
    );
}

/// Nothing is no failure.
pub async fn what_is_not_there_is_not_found(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    assert_eq!(store.tenant(&name("a")).await.unwrap(), None);
    assert_eq!(store.cluster(tenant(1).id, &name("a")).await.unwrap(), None);
    assert_eq!(store.shards(cluster(1).id).await.unwrap(), []);
    assert_eq!(store.operation(operation(1).id).await.unwrap(), None);
    assert_eq!(store.api_key(api_key(1).id).await.unwrap(), None);
    assert_eq!(store.remembered(api_key(1).id, "key").await.unwrap(), None);
    assert_eq!(store.nodes().await.unwrap(), []);
    let empty = tenure_control_model::World {
        generation: 1,
        ..tenure_control_model::World::default()
    };
    assert_eq!(store.world().await.unwrap(), empty);
}
