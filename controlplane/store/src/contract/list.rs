//! Rules of lists and their pages.

use std::fmt::Debug;

use tenure_control_model::{Change, ClusterId, Expect, Plugin, PluginId, Revision, TenantKey, Write};

use super::UnderTest;
use super::sample::*;
use crate::Page;

/// Nor does one of a cluster hold anything of others, nor one of both.
pub async fn a_list_of_one_tenant_holds_nothing_of_others(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    let owners = [Some(1), Some(2), None];
    let mut change = Change::default();
    for number in [1, 2] {
        change = change.with(Write::PutTenant(tenant(number), Expect::Absent));
    }
    for (owner, number) in owners.into_iter().zip(1..) {
        let key = owner.map(TenantKey::new);
        let (mut operation, mut event, mut api_key, mut audit_row) =
            (operation(number), event(number), api_key(number), audit_row(number));
        (operation.tenant, event.tenant, api_key.tenant, audit_row.tenant) = (key, key, key, key);
        event.cluster = owner.map(ClusterId::new);
        change = change
            .with(Write::PutOperation(operation, Expect::Absent))
            .with(Write::AddEvent(event))
            .with(Write::PutApiKey(api_key, Expect::Absent))
            .with(Write::PutAudit(audit_row));
        if let Some(key) = key {
            // Both have the same name.
            let mut cluster = cluster(number);
            (cluster.tenant, cluster.name) = (key, name("shop"));
            change = change.with(Write::PutCluster(cluster, Expect::Absent));
        }
    }
    apply(&store, change).await;

    for number in [1, 2] {
        let tenant = TenantKey::new(number);
        let cluster = store.cluster(tenant, &name("shop")).await.unwrap().unwrap();
        assert_eq!((cluster.id, cluster.tenant), (ClusterId::new(number), tenant));
        assert_eq!(store.clusters(tenant, &all()).await.unwrap(), [cluster]);
        let operations = store.operations(Some(tenant), &all()).await.unwrap();
        assert_eq!(ids(&operations, |row| row.id.get()), [number]);
        let api_keys = store.api_keys(Some(tenant), &all()).await.unwrap();
        assert_eq!(ids(&api_keys, |row| row.id.get()), [number]);
        let audit_log = store.audit_log(Some(tenant), &all()).await.unwrap();
        assert_eq!(ids(&audit_log, |row| row.id.get()), [number]);
        let mine = Some(ClusterId::new(number));
        let theirs = Some(ClusterId::new(3 - number));
        let events = async |tenant, cluster| {
            let events = store.events(tenant, cluster, &all()).await.unwrap();
            ids(&events, |event| event.id.get())
        };
        assert_eq!(events(Some(tenant), None).await, [number]);
        assert_eq!(events(None, mine).await, [number]);
        assert_eq!(events(Some(tenant), mine).await, [number]);
        assert_eq!(events(Some(tenant), theirs).await, [0_u128; 0]);
    }
    assert_eq!(store.operations(None, &all()).await.unwrap().len(), owners.len());
    assert_eq!(store.api_keys(None, &all()).await.unwrap().len(), owners.len());
    let of_platform = store.platform_api_keys(&all()).await.unwrap();
    assert_eq!(ids(&of_platform, |row| row.id.get()), [3]);
}

fn ids<T>(rows: &[T], id: impl Fn(&T) -> u128) -> Vec<u128> {
    rows.iter().map(id).collect()
}

/// Reconcilers look at what is under way, people also at what was.
pub async fn an_operation_that_is_over_leaves_the_world_and_stays_in_the_list(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    for number in [1, 2] {
        let put = Write::PutOperation(operation(number), Expect::Absent);
        apply(&store, just(put)).await;
    }
    assert_eq!(store.world().await.unwrap().operations, [operation(1), operation(2)]);
    let over = operation_over(1, at(20));
    let put = Write::PutOperation(over.clone(), Expect::Revision(Revision::FIRST));
    apply(&store, just(put)).await;
    assert_eq!(store.world().await.unwrap().operations, [operation(2)]);
    let listed = store.operations(None, &all()).await.unwrap();
    assert_eq!(ids(&listed, |row| row.id.get()), [2, 1]);
    let stored = store.operation(over.id).await.unwrap().unwrap();
    assert_eq!((stored.state, stored.error), (over.state, over.error));
}

/// However many rows a page has, and although all rows have the same times and those of two tenants the same names.
pub async fn pages_hold_every_row_once_and_in_order(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    let count = 7;
    let mut change = Change::default();
    for number in 1..=count {
        change = change.with(Write::PutTenant(tenant(number), Expect::Absent));
    }
    // In an order that is neither that of names nor that of ids.
    for number in (1..=count).map(|number| number * 3 % 7 + 1) {
        let mut twin = cluster(number + 100);
        (twin.tenant, twin.name) = (TenantKey::new(2), cluster(number).name);
        change = change
            .with(Write::PutCluster(cluster(number), Expect::Absent))
            .with(Write::PutCluster(twin, Expect::Absent))
            .with(Write::PutOperation(operation(number), Expect::Absent))
            .with(Write::AddEvent(event(number)))
            .with(Write::AddPlugin(plugin(number), module(&plugin(number))))
            .with(Write::AddPlugin(of_one_name(number), module(&plugin(number))))
            .with(Write::PutApiKey(api_key(number), Expect::Absent))
            .with(Write::PutApiKey(platform_owner(number + 100), Expect::Absent))
            .with(Write::PutFailover(failover(number)))
            .with(Write::PutAudit(audit_row(number)));
    }
    apply(&store, change).await;
    let one = Some(TenantKey::new(1));
    for rows_max in 1..=8 {
        let page = async |page| store.tenants(&page).await.unwrap();
        assert_pages(rows_max, page, |row| row.name.to_string(), true).await;
        for tenant in [1, 2] {
            let page = async |page| store.clusters(TenantKey::new(tenant), &page).await.unwrap();
            assert_pages(rows_max, page, |row| row.name.to_string(), true).await;
        }
        for tenant in [None, one] {
            let page = async |page| store.operations(tenant, &page).await.unwrap();
            assert_pages(rows_max, page, |row| row.id.to_string(), false).await;
            let page = async |page| store.events(tenant, None, &page).await.unwrap();
            assert_pages(rows_max, page, |row| row.id.to_string(), false).await;
            let page = async |page| store.events(tenant, Some(ClusterId::new(1)), &page).await.unwrap();
            assert_pages(rows_max, page, |row| row.id.to_string(), false).await;
            let page = async |page| store.audit_log(tenant, &page).await.unwrap();
            assert_pages(rows_max, page, |row| row.id.to_string(), false).await;
        }
        let page = async |page| store.plugins(TenantKey::new(2), Some("many"), &page).await.unwrap();
        assert_pages(rows_max, page, |row| row.id.to_string(), true).await;
        let page = async |page| store.plugins(TenantKey::new(1), None, &page).await.unwrap();
        assert_pages(rows_max, page, |row| row.id.to_string(), true).await;
        let page = async |page| store.api_keys(one, &page).await.unwrap();
        assert_pages(rows_max, page, |row| row.id.to_string(), true).await;
        let page = async |page| store.platform_api_keys(&page).await.unwrap();
        assert_pages(rows_max, page, |row| row.id.to_string(), true).await;
        let page = async |page| store.failovers(&page).await.unwrap();
        assert_pages(rows_max, page, |row| row.id.to_string(), false).await;
    }
}

/// Of tenant 2, who has them all under one name.
fn of_one_name(number: u64) -> Plugin {
    Plugin {
        id: PluginId::new(u128::from(number) + 100),
        tenant: TenantKey::new(2),
        name: "many".to_owned(),
        ..plugin(number)
    }
}

/// Follows the pages of seven rows to their end.
async fn assert_pages<T: Debug>(
    rows_max: u32,
    page: impl AsyncFn(Page) -> Vec<T>,
    key: impl Fn(&T) -> String,
    ascending: bool,
) {
    let mut keys: Vec<String> = Vec::new();
    // As many pages as rows, and the one that is empty.
    for _ in 0..8 {
        let after = keys.last().cloned();
        let rows = page(Page { after, rows_max }).await;
        assert!(rows.len() <= rows_max as usize, "{rows:?}");
        keys.extend(rows.iter().map(&key));
    }
    assert_eq!(keys.len(), 7, "{keys:?}");
    let sorted = if ascending {
        keys.is_sorted_by(|a, b| a < b)
    } else {
        keys.is_sorted_by(|a, b| a > b)
    };
    assert!(sorted, "{keys:?}");
}
