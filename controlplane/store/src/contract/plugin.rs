//! Rules of plugins, their modules, and the clusters that run them.

use tenure_control_model::{
    Attachment, Change, Expect, PLUGIN_BYTES_OF_TENANT_MAX, PLUGINS_OF_CLUSTER_MAX, PLUGINS_OF_TENANT_MAX, Plugin,
    PluginId, Revision, TenantKey, Write,
};

use super::UnderTest;
use super::sample::*;
use crate::{Limit, StoreError};

fn assert_full(result: Result<u64, StoreError>, expected: Limit) {
    match result {
        Err(StoreError::Full { limit, .. }) => assert_eq!(limit, expected),
        other => panic!("not full: {other:?}"),
    }
}

fn add(plugin: &Plugin) -> Write {
    Write::AddPlugin(plugin.clone(), module(plugin))
}

/// Whole, with the bytes as they were: a zero in them is one.
pub async fn a_plugin_and_its_module_are_read_back(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    apply_ground(&store).await;
    let plugin = plugin(1);
    apply(&store, just(add(&plugin))).await;
    under_test.restart().await;
    let store = under_test.store();
    let found = store.plugin(plugin.tenant, &plugin.name, plugin.version).await.unwrap();
    assert_eq!(found.as_ref(), Some(&plugin));
    let found = store.plugin_of_module(plugin.tenant, plugin.sha256).await.unwrap();
    assert_eq!(found.as_ref(), Some(&plugin));
    assert_eq!(store.module(plugin.id).await.unwrap(), Some(module(&plugin)));
    assert_eq!(store.module(PluginId::new(9)).await.unwrap(), None);
    let other = TenantKey::new(2);
    assert_eq!(store.plugin(other, &plugin.name, plugin.version).await.unwrap(), None);
    assert_eq!(store.plugin_of_module(other, plugin.sha256).await.unwrap(), None);
}

/// Of a tenant; another one's have nothing to do with them.
pub async fn a_version_and_a_module_are_there_once(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    apply_ground(&store).await;
    apply(&store, just(Write::PutTenant(tenant(2), Expect::Absent))).await;
    apply(&store, just(add(&plugin(1)))).await;
    let same_version = Plugin {
        name: plugin(1).name,
        version: plugin(1).version,
        ..plugin(2)
    };
    let same_module = Plugin {
        sha256: plugin(1).sha256,
        ..plugin(2)
    };
    for twin in [same_version, same_module] {
        assert_conflict(store.apply(just(add(&twin))).await, "plugin ");
        let elsewhere = Plugin {
            id: PluginId::new(twin.id.get() + 100),
            tenant: TenantKey::new(2),
            ..twin
        };
        apply(&store, just(add(&elsewhere))).await;
        apply(&store, just(Write::DeletePlugin(elsewhere.id))).await;
    }
    assert_eq!(store.module(plugin(2).id).await.unwrap(), None);
}

/// However many ask at once: it is looked at in the transaction that adds.
pub async fn a_tenant_has_so_many_plugins_and_so_many_bytes(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    apply_ground(&store).await;
    apply(&store, just(Write::PutTenant(tenant(2), Expect::Absent))).await;
    let writes = (1..=PLUGINS_OF_TENANT_MAX).map(|number| add(&plugin(number))).collect();
    apply(&store, Change { writes }).await;
    assert_full(store.apply(just(add(&plugin(1000)))).await, Limit::PluginsOfTenant);
    assert_conflict(store.apply(just(add(&plugin(1)))).await, "plugin ");
    let large = |number, bytes| Plugin {
        tenant: TenantKey::new(2),
        bytes,
        ..plugin(number)
    };
    apply(&store, just(add(&large(2001, PLUGIN_BYTES_OF_TENANT_MAX - 1)))).await;
    assert_full(
        store.apply(just(add(&large(2002, 2)))).await,
        Limit::PluginBytesOfTenant,
    );
    apply(&store, just(add(&large(2003, 1)))).await;
    assert_eq!(store.plugins(TenantKey::new(2), None, &all()).await.unwrap().len(), 2);
    assert_eq!(
        store.module(PluginId::new(2002)).await.unwrap(),
        None,
        "nothing of it is there"
    );
}

/// With what is of the plugin that it names now.
pub async fn an_attachment_is_read_with_its_plugin(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    let cluster = apply_cluster(&store).await;
    let next = Plugin {
        name: plugin(1).name,
        ..plugin(2)
    };
    apply(&store, just(add(&plugin(1))).with(add(&next))).await;
    apply(
        &store,
        just(Write::PutAttachment(attachment(&cluster, &plugin(1)), Expect::Absent)),
    )
    .await;
    let attached = store.world().await.unwrap().attachments;
    assert_eq!(attached, [attachment(&cluster, &plugin(1))]);
    let swapped = Attachment {
        attached_at: at(99),
        ..attachment(&cluster, &next)
    };
    let first = Expect::Revision(Revision::FIRST);
    apply(&store, just(Write::PutAttachment(swapped.clone(), first))).await;
    let expected = Attachment {
        revision: Revision::FIRST.next(),
        ..swapped.clone()
    };
    assert_eq!(
        store.world().await.unwrap().attachments,
        std::slice::from_ref(&expected)
    );
    assert_conflict(
        store.apply(just(Write::PutAttachment(swapped.clone(), first))).await,
        "plugin ",
    );
    let absent = Write::PutAttachment(swapped, Expect::Absent);
    assert_conflict(store.apply(just(absent)).await, "plugin ");
    let detach = |revision| Write::DeleteAttachment(cluster.id, expected.name.clone(), revision);
    assert_conflict(store.apply(just(detach(Revision::FIRST))).await, "plugin ");
    apply(&store, just(detach(expected.revision))).await;
    assert_eq!(store.world().await.unwrap().attachments, []);
}

/// A node that starts anew asks for it.
pub async fn a_plugin_that_a_cluster_runs_is_kept(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    let cluster = apply_cluster(&store).await;
    let change = just(add(&plugin(1)))
        .with(add(&plugin(2)))
        .with(Write::PutAttachment(attachment(&cluster, &plugin(1)), Expect::Absent));
    apply(&store, change).await;
    let delete = |number| store.apply(just(Write::DeletePlugin(plugin(number).id)));
    assert_in_use(delete(1).await, "plugin plg_");
    delete(2).await.unwrap();
    assert_conflict(delete(2).await, "plugin plg_");
    assert_eq!(store.module(plugin(2).id).await.unwrap(), None, "its module goes too");
    let gone = Write::PutAttachment(attachment(&cluster, &plugin(2)), Expect::Absent);
    assert_conflict(store.apply(just(gone)).await, "plugin ");
    // A cluster that goes runs nothing any more.
    apply(&store, just(Write::DeleteCluster(cluster.id, Revision::FIRST))).await;
    assert_eq!(store.world().await.unwrap().attachments, []);
    delete(1).await.unwrap();
}

/// More would make every change of its desired state long.
pub async fn a_cluster_runs_so_many_plugins(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    let cluster = apply_cluster(&store).await;
    for number in 1..=PLUGINS_OF_CLUSTER_MAX {
        let attach = Write::PutAttachment(attachment(&cluster, &plugin(number)), Expect::Absent);
        apply(&store, just(add(&plugin(number))).with(attach)).await;
    }
    let one_more = Write::PutAttachment(attachment(&cluster, &plugin(99)), Expect::Absent);
    assert_full(
        store.apply(just(add(&plugin(99))).with(one_more)).await,
        Limit::PluginsOfCluster,
    );
    let swap = Write::PutAttachment(attachment(&cluster, &plugin(1)), Expect::Revision(Revision::FIRST));
    apply(&store, just(swap)).await;
    assert!(
        store
            .world()
            .await
            .unwrap()
            .attachments
            .is_sorted_by_key(|row| (row.cluster, row.name.clone()))
    );
}

/// Nobody could name them any more.
pub async fn plugins_go_with_their_tenant(under_test: &mut impl UnderTest) {
    let store = under_test.store();
    apply_ground(&store).await;
    apply(&store, just(add(&plugin(1)))).await;
    apply(&store, just(Write::DeleteTenant(tenant(1).id, Revision::FIRST))).await;
    assert_eq!(store.plugins(tenant(1).id, None, &all()).await.unwrap(), []);
    assert_eq!(store.module(plugin(1).id).await.unwrap(), None);
}
