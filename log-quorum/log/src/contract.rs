//! The suite every implementation of [`Log`] runs: one function per rule, one file per area.
//! Promises: a log that passes does what the trait says in every case tried here, with any clock and any executor.
//! Leaves to simulation and real processes: what a crash, a partition or a damaged disk may do.
//!
//! An implementation gives a [`World`] and expands [`log_contract!`](crate::log_contract) in a test file:
//!
//! ```ignore
//! tenure_log::log_contract!(futures::executor::block_on, MemoryWorld::new());
//! ```
//!
//! Rules repeat a call whose outcome is unknown, as every caller has to, so a world may also be unquiet.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a rule is a test: it fails by panicking"
)]

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tenure_types::{BootTime, LeaseLength, StreamId};

use crate::Log;

pub mod append;
pub mod credit;
pub mod fence;
pub mod lease;
pub mod lifecycle;
pub mod release;
pub mod tail;
pub mod trim;
mod writer;

/// A log under test, and what can be done to it from outside. Each rule gets a world of its own.
///
/// The last methods are faults. They answer whether the world can do them; a rule that needs one it cannot do says so
/// on standard error and tries nothing.
pub trait World: Sync {
    /// The log under test.
    fn log(&self) -> Arc<dyn Log>;

    /// A stream id that was never used in this log.
    fn fresh_stream_id(&self) -> StreamId;

    /// L_max of the quorum.
    fn lease_max(&self) -> LeaseLength;

    /// Now, by the clock that [`advance`](World::advance) moves.
    fn now(&self) -> BootTime;

    /// Lets at least this much time pass: moves a clock, or sleeps.
    fn advance(&self, by: Duration) -> impl Future<Output = ()>;

    /// The next call takes effect, but its caller hears that nothing is known.
    fn lose_next_answer(&self) -> impl Future<Output = bool>;

    /// The next call takes no effect, and its caller hears that nothing is known.
    fn discard_next_call(&self) -> impl Future<Output = bool>;

    /// Another node gains leadership of every group.
    fn change_leader(&self) -> impl Future<Output = bool>;

    /// Every reader there is now is cut off.
    fn interrupt_tails(&self) -> impl Future<Output = bool>;

    /// From now on grants no credit past what is appended.
    fn stop_granting_credit(&self) -> impl Future<Output = bool>;
}

/// Says that a rule was not tried. Not a failure: a world need not be able to do every harm.
fn not_tried(rule: &str, needs: &str) {
    eprintln!("contract rule {rule} was not tried: this world cannot {needs}");
}

/// Expands to one `#[test]` for each rule of the contract. Takes what runs a future to its end, and an expression that
/// makes a fresh [`World`]; it is evaluated inside the future.
#[macro_export]
macro_rules! log_contract {
    ($block_on:expr, $world:expr $(,)?) => {
        $crate::log_contract! { @rules $block_on, $world,
            append::a_dropped_future_cancels_nothing,
            append::another_incarnation_cannot_append,
            append::append_of_an_epoch_to_come_is_ahead,
            append::malformed_append_is_refused,
            append::resend_from_before_the_window_is_old,
            append::a_record_of_another_history_diverges,
            append::appends_are_judged_in_the_order_they_were_submitted,
            append::discarded_append_can_be_resent,
            append::gap_is_refused,
            append::records_are_read_back_in_order,
            append::resend_after_a_lost_answer_is_applied_once,
            append::resend_is_recognised,
            append::streams_do_not_disturb_each_other,
            credit::append_is_never_refused_for_credit,
            credit::credit_is_never_taken_back,
            fence::a_repeat_by_another_incarnation_is_lost,
            fence::of_many_contenders_at_once_one_wins,
            fence::fence_with_an_unknown_outcome_is_recognised,
            fence::fenced_owner_is_refused_with_its_own_bound,
            fence::nothing_of_a_fenced_append_is_read,
            fence::of_two_contenders_one_wins,
            fence::self_nomination_with_a_stale_tail_is_refused,
            fence::too_long_a_lease_is_refused,
            lease::age_counts_from_the_fence_and_for_the_owner_only,
            lease::an_early_renewal_counts_with_the_longest_lease,
            lease::renew_answers_each_life_for_itself,
            lease::age_of_the_owners_last_request_is_told,
            lease::clear_in_covers_the_old_lease,
            lease::new_leader_makes_a_new_owner_wait_in_full,
            lease::renew_answers_every_stream_named,
            lease::silence_before_the_fence_shortens_the_wait,
            lifecycle::create_is_idempotent,
            lifecycle::deleted_stream_is_gone,
            lifecycle::describe_tells_the_state,
            lifecycle::status_names_leader_and_voters,
            release::longest_earlier_lease_is_reported,
            release::release_then_fence_waits_for_nothing,
            release::released_epoch_is_refused,
            tail::batches_are_bounded_in_bytes,
            tail::interrupted_tail_goes_on_where_it_was,
            tail::sleeping_reader_is_woken,
            tail::tail_follows_new_records_and_waits_when_caught_up,
            tail::tail_of_no_stream_ends,
            tail::tail_resumes_from_any_position,
            trim::tail_of_dropped_records_is_refused,
            trim::trim_drops_only_what_snapshots_cover,
            trim::with_a_restore_window_only_archived_records_are_dropped,
        }
    };
    (@rules $block_on:expr, $world:expr, $($area:ident::$rule:ident),* $(,)?) => {
        $(
            #[test]
            fn $rule() {
                ($block_on)(async {
                    let world = $world;
                    $crate::contract::$area::$rule(&world).await;
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
            ("append", include_str!("contract/append.rs")),
            ("credit", include_str!("contract/credit.rs")),
            ("fence", include_str!("contract/fence.rs")),
            ("lease", include_str!("contract/lease.rs")),
            ("lifecycle", include_str!("contract/lifecycle.rs")),
            ("release", include_str!("contract/release.rs")),
            ("tail", include_str!("contract/tail.rs")),
            ("trim", include_str!("contract/trim.rs")),
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
