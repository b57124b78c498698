//! The suite every implementation of [`Store`] runs: one function per rule, one file per area.
//! Promises: a store that passes does what the trait says in every case tried here. Leaves to each implementation: what a
//! crash in the middle of a write may leave behind.
//!
//! An implementation gives a [`UnderTest`] and expands [`store_contract!`](crate::store_contract) in a test file. Each
//! rule gets an empty store.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a rule is a test: it fails by panicking"
)]

use std::sync::Arc;

use crate::Store;

pub mod change;
pub mod constraint;
pub mod forget;
pub mod key;
pub mod list;
pub mod node;
pub mod number;
pub mod plugin;
pub mod row;
mod sample;
pub mod world;

/// A store under test, and what can be done to it from outside.
pub trait UnderTest: Sync {
    /// The store.
    fn store(&self) -> Arc<dyn Store>;

    /// Ends it, and begins it again on what it kept. Stores that were handed out before cannot be used any more.
    fn restart(&mut self) -> impl Future<Output = ()>;
}

/// Expands to one `#[test]` for each rule of the contract. Takes what runs a future to its end, and an expression that
/// makes a fresh [`UnderTest`]; it is evaluated inside the future.
#[macro_export]
macro_rules! store_contract {
    ($block_on:expr, $under_test:expr $(,)?) => {
        $crate::store_contract! { @rules $block_on, $under_test,
            change::a_change_that_fails_leaves_nothing,
            change::a_dropped_change_is_whole_or_nothing,
            change::a_row_that_is_expected_absent_and_is_there_is_refused,
            change::a_row_that_was_changed_meanwhile_is_refused,
            change::a_change_for_another_generation_is_refused,
            change::generation_grows_once_with_what_nodes_host,
            change::of_concurrent_changes_of_one_row_one_wins,
            change::revision_counts_changes_whatever_the_row_says,
            change::writes_are_made_in_their_order,
            constraint::a_cluster_goes_with_its_shards_and_replicas,
            constraint::a_key_of_a_caller_is_remembered_once,
            constraint::a_row_whose_parent_is_gone_is_refused,
            constraint::a_tenant_that_is_in_use_is_kept,
            constraint::keys_go_with_their_tenant,
            constraint::names_numbers_streams_and_ports_are_unique,
            constraint::one_operation_at_a_time_works_on_a_cluster,
            forget::forgetting_is_bounded,
            forget::only_what_is_old_and_over_is_forgotten,
            list::a_list_of_one_tenant_holds_nothing_of_others,
            list::an_operation_that_is_over_leaves_the_world_and_stays_in_the_list,
            list::pages_hold_every_row_once_and_in_order,
            key::live_keys_of_a_tenant_are_counted,
            key::of_two_owners_that_revoke_each_other_one_stays,
            key::only_a_live_owner_of_the_platform_counts_as_one,
            key::the_last_owner_of_the_platform_whose_key_never_ends_is_not_revoked,
            node::a_change_of_a_node_does_not_take_its_lease_back,
            node::a_report_takes_the_place_of_the_one_before,
            node::renewing_leases_is_no_change_of_revision,
            number::numbers_are_never_handed_out_twice,
            plugin::a_cluster_runs_so_many_plugins,
            plugin::a_plugin_and_its_module_are_read_back,
            plugin::a_plugin_that_a_cluster_runs_is_kept,
            plugin::a_tenant_has_so_many_plugins_and_so_many_bytes,
            plugin::a_version_and_a_module_are_there_once,
            plugin::an_attachment_is_read_with_its_plugin,
            plugin::plugins_go_with_their_tenant,
            row::a_begun_row_is_completed_by_its_id,
            row::a_revoked_key_stays_and_its_first_revocation_counts,
            row::every_row_is_read_back_as_it_was_written,
            row::what_is_not_there_is_not_found,
            world::everything_outlives_a_restart,
            world::the_world_is_of_one_moment,
            world::the_world_is_sorted,
        }
    };
    (@rules $block_on:expr, $under_test:expr, $($area:ident::$rule:ident),* $(,)?) => {
        $(
            #[test]
            fn $rule() {
                ($block_on)(async {
                    let mut under_test = $under_test;
                    $crate::contract::$area::$rule(&mut under_test).await;
                });
            }
        )*
    };
}

#[cfg(test)]
mod tests {
    /// A rule that is written but not listed above would never run.
    #[test]
    fn every_rule_is_listed() {
        let areas = [
            ("change", include_str!("contract/change.rs")),
            ("constraint", include_str!("contract/constraint.rs")),
            ("forget", include_str!("contract/forget.rs")),
            ("key", include_str!("contract/key.rs")),
            ("list", include_str!("contract/list.rs")),
            ("node", include_str!("contract/node.rs")),
            ("number", include_str!("contract/number.rs")),
            ("plugin", include_str!("contract/plugin.rs")),
            ("row", include_str!("contract/row.rs")),
            ("world", include_str!("contract/world.rs")),
        ];
        let listed = include_str!("contract.rs");
        for (area, source) in areas {
            for rule in source.lines().filter_map(|line| line.strip_prefix("pub async fn ")) {
                let name = rule.split('(').next().unwrap_or(rule);
                assert!(
                    listed.contains(&format!("            {area}::{name},\n")),
                    "{area}::{name} is not listed"
                );
            }
        }
    }
}
