//! A replica with the log in memory: what leaves when, and what becomes of it when the log fails or another owner comes.
//! Time is the clock's, moved by hand; tokio's own is paused, so that pauses take no time.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chaos;
mod cut;
mod failover;
mod hand_over;
mod observe;
mod pipeline;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tenure_engine::command::Command;
use tenure_engine::{Effect, OwnedArgs, commands};

use self::world::{LEASE, Text, World, run};
use super::own::DRAIN_WITHIN;
use super::role::Role;
use super::{Standing, Ticket, Watch};

#[test]
fn a_write_leaves_when_the_log_has_it_and_not_before() {
    run(async {
        let world = World::serving().await;
        let (reply, hold) = world.command("SET k v");
        assert_eq!(reply, "OK");
        assert!(!world.replica_released(hold));
        world.released(hold).await;
        assert_eq!(world.command("GET k"), ("\"v\"".to_owned(), None));
    });
}

/// Writes each of these keys in a turn of its own, with time for the log in between, and waits for all of them.
async fn write_in_turns(world: &World, keys: &[&str]) {
    let mut hold = None;
    for key in keys {
        (_, hold) = world.command(&format!("SET {key} v"));
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }
    world.released(hold).await;
}

#[test]
fn those_who_were_answered_together_share_their_next_record() {
    run(async {
        let world = World::serving().await;
        let begun = world.records().await;
        write_in_turns(&world, &["a", "b"]).await;
        assert_eq!(world.records().await, begun + 2, "nobody was answered before");
        for key in ["a", "b", "c"] {
            world.command(&format!("SET {key} v"));
        }
        world.write("SET d v").await;
        let begun = world.records().await;
        write_in_turns(&world, &["a", "b", "c", "d"]).await;
        assert_eq!(world.records().await, begun + 1);
    });
}

#[test]
fn a_record_leaves_also_if_those_it_waits_for_do_not_come_and_the_clock_stands_still() {
    run(async {
        let world = World::serving().await;
        for key in ["a", "b", "c"] {
            world.command(&format!("SET {key} v"));
        }
        world.write("SET d v").await;
        world.write("SET a v").await;
    });
}

#[test]
fn a_reply_about_a_key_waits_for_its_unreleased_write_also_when_it_is_nil() {
    run(async {
        let world = World::serving().await;
        world.write("SET gone v").await;
        let (_, set) = world.command("SET k v");
        let (_, deleted) = world.command("DEL gone");
        assert_eq!(world.command("GET gone"), ("(nil)".to_owned(), deleted));
        assert_eq!(world.command("SETNX k w"), ("(integer) 0".to_owned(), set));
        assert_eq!(world.command("HGET k f"), ("(error) WRONGTYPE".to_owned(), set));
        assert_eq!(world.command("GET other"), ("(nil)".to_owned(), None));
        assert_eq!(world.command("DBSIZE"), ("(integer) 1".to_owned(), deleted));
        world.released(deleted).await;
        assert_eq!(world.command("GET gone"), ("(nil)".to_owned(), None));
    });
}

#[test]
fn a_read_that_deletes_an_expired_key_waits_for_the_deletion() {
    run(async {
        let world = World::serving().await;
        world.write("SET k v PX 5").await;
        world.clock.advance(Duration::from_millis(6));
        let (reply, hold) = world.command("GET k");
        assert_eq!(reply, "(nil)");
        world.released(Some(hold.expect("the nil waits"))).await;
    });
}

#[test]
fn an_answer_that_is_lost_is_asked_for_again_and_nothing_is_applied_twice() {
    run(async {
        let world = World::serving().await;
        world.log.lose_next_answer();
        world.write("INCR n").await;
        world.log.discard_next_call();
        world.write("INCR n").await;
        world.log.change_leader();
        world.write("INCR n").await;
        assert_eq!(world.command("GET n").0, "\"3\"");
        let reborn = world.another_process().await;
        assert_eq!(reborn.command("GET n").0, "\"3\"");
    });
}

#[test]
fn past_the_lease_nothing_is_executed_and_a_renewal_resumes_it() {
    run(async {
        let world = World::serving().await;
        world.write("SET k v").await;
        world.clock.advance(LEASE);
        assert_eq!(world.replica.standing(), Standing::Lapsed);
        assert_eq!(world.command("GET k").0, "(error) CLUSTERDOWN");
        assert_eq!(world.command("SET k w").0, "(error) CLUSTERDOWN");
        world.renew().await;
        assert_eq!(world.command("GET k"), ("\"v\"".to_owned(), None));
    });
}

#[test]
fn the_lease_counts_from_the_first_sending_of_what_succeeded() {
    run(async {
        let world = World::serving().await;
        let half = LEASE / 2;
        // The append is sent now and fails, and succeeds half a lease later.
        world.log.refuse_for(half);
        let (_, hold) = world.command("SET k v");
        world.sent(1).await;
        world.clock.advance(half);
        world.released(hold).await;
        world.clock.advance(half);
        assert_eq!(
            world.replica.standing(),
            Standing::Lapsed,
            "not from the sending that succeeded"
        );
    });
}

#[test]
fn a_machine_whose_clocks_do_not_agree_answers_nothing_before_it_has_renewed() {
    run(async {
        let world = World::serving().await;
        world.write("SET k v").await;
        world.clock.step_wall(Duration::from_secs(3));
        assert_eq!(world.command("GET k").0, "(error) CLUSTERDOWN");
        world.renew().await;
        assert_eq!(world.command("GET k").0, "\"v\"");
    });
}

#[test]
fn clocks_are_looked_at_by_each_renewal_also_if_nobody_asks_for_anything() {
    run(async {
        let world = World::serving().await;
        world.clock.step_wall(Duration::from_secs(3));
        assert_eq!(world.command("GET k").0, "(error) CLUSTERDOWN");
    });
}

#[test]
fn losing_the_lease_drops_nothing() {
    run(async {
        let world = World::serving().await;
        world.log.refuse_for(LEASE * 3);
        let (_, hold) = world.command("SET k v");
        world.clock.advance(LEASE * 2);
        assert_eq!(world.replica.standing(), Standing::Lapsed);
        assert!(!world.replica_released(hold));
        world.clock.advance(LEASE * 2);
        world.released(hold).await;
        world.renew().await;
        assert_eq!(world.command("GET k").0, "\"v\"");
    });
}

#[test]
fn a_fenced_owner_releases_what_the_log_has_and_follows() {
    run(async {
        let world = World::serving().await;
        world.write("SET before fence").await;
        world.fence_by_another().await;
        let (_, hold) = world.command("SET after fence");
        world.standing(Standing::Replica).await;
        // The write is not in the log, so it is in no image, and its reply never left.
        assert!(!world.replica_released(hold));
        assert_eq!(world.command("GET after").0, "(nil)");
        assert_eq!(world.command("GET before").0, "\"fence\"");
        assert_eq!(world.command("SET k v").0, "(error) READONLY");
    });
}

#[test]
fn a_fenced_owner_keeps_an_image_that_holds_nothing_else_and_follows_from_there() {
    run(async {
        let world = World::serving().await;
        world.write("SET before fence").await;
        world.fence_by_another().await;
        world.renew().await;
        world.standing(Standing::Replica).await;
        assert_eq!(world.command("GET before").0, "\"fence\"");
        world.append_as_the_other(&Effect::Set {
            key: b"theirs",
            value: b"1",
            expires_at: None,
        });
        world.until(|| world.command("GET theirs").0 == "\"1\"").await;
    });
}

#[test]
fn a_new_owner_is_silent_until_the_lease_before_it_has_surely_ended() {
    run(async {
        let world = World::serving().await;
        world.write("SET k v").await;
        let reborn = world.another_process_that_waits().await;
        assert_eq!(reborn.replica.standing(), Standing::Loading);
        assert_eq!(reborn.command("GET k").0, "(error) LOADING");
        reborn.clock.advance(LEASE - Duration::from_millis(1));
        reborn.renew().await;
        assert_eq!(reborn.replica.standing(), Standing::Loading, "drift is allowed for");
        reborn.clock.advance(LEASE / 50);
        reborn.renew().await;
        assert_eq!(reborn.command("GET k").0, "\"v\"");
    });
}

#[test]
fn an_epoch_that_was_given_up_keeps_nobody_waiting() {
    run(async {
        let world = World::serving().await;
        let (_, hold) = world.command("SET k v");
        world.stop().await;
        assert!(world.replica_released(hold), "what was executed has its verdict");
        assert_eq!(
            world.command("GET k").0,
            "(error) LOADING",
            "nothing is served any more"
        );
        let reborn = world.another_process_that_waits().await;
        reborn.renew().await;
        assert_eq!(reborn.command("GET k").0, "\"v\"");
    });
}

#[test]
fn an_epoch_is_not_given_up_within_the_wait_out_nor_before_everything_has_its_verdict() {
    run(async {
        let world = World::serving().await;
        world.log.refuse_for(LEASE / 2);
        let (_, hold) = world.command("SET k v");
        // The log is back just before the stop has waited long enough, under the lease, and between two sendings.
        let clock = Arc::clone(&world.clock);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(DRAIN_WITHIN - Duration::from_millis(20)).await;
            clock.advance(LEASE / 2);
        });
        world.stop().await;
        assert!(!world.replica_released(hold));
        assert_eq!(world.command("GET k").0, "(error) LOADING");
        assert!(!world.is_released().await, "a record has no verdict");
        let reborn = world.another_process_that_waits().await;
        reborn.stop().await;
        assert!(!reborn.is_released().await, "an earlier owner may still answer");
    });
}

#[test]
fn without_credit_no_write_is_executed_and_reads_go_on() {
    run(async {
        let world = World::with_credit(40 << 10).await;
        let mut written = 0;
        world.log.grant_credit(0);
        let refused = loop {
            let (reply, hold) = world.command(&format!("SET k{written} {}", "v".repeat(1000)));
            if reply != "OK" {
                break reply;
            }
            world.released(hold).await;
            written += 1;
            assert!(written < 100, "credit ends");
        };
        assert_eq!(refused, "(error) TRYAGAIN");
        assert!(written > 5);
        assert_eq!(world.command("EXISTS k0").0, "(integer) 1");
        assert_eq!(world.command(&format!("EXISTS k{written}")).0, "(integer) 0");
        world.log.grant_credit(1 << 20);
        world.renew().await;
        assert_eq!(world.command("SET k v").0, "OK");
    });
}

/// As a defect of a command would, half-way through a change.
fn panic_within_the_data(world: &World) {
    let set = commands::all().find(|command| command.spec.name == "set").unwrap();
    let panics: &'static Command = Box::leak(Box::new(Command {
        run: |call| {
            call.image.write(Effect::Remove { key: b"k" });
            panic!("as a defect would");
        },
        ..*set
    }));
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let args: OwnedArgs = ["set", "k", "w"].iter().collect();
        world
            .replica
            .begin_turn()
            .run(panics, args.as_args(), &mut Text::default())
    }));
    assert!(outcome.is_err());
}

#[test]
fn a_panic_within_the_data_breaks_the_shard_and_nothing_of_it_is_logged() {
    run(async {
        let world = World::serving().await;
        world.write("SET k v").await;
        let before = world.records().await;
        panic_within_the_data(&world);
        assert_eq!(world.replica.standing(), Standing::Broken);
        assert_eq!(world.command("GET k").0, "(error) CLUSTERDOWN");
        world.renew().await;
        assert_eq!(
            (world.replica.standing(), world.records().await),
            (Standing::Broken, before)
        );
    });
}

#[test]
fn a_broken_shard_stays_so_also_if_it_is_granted_an_epoch() {
    run(async {
        let world = World::serving().await;
        panic_within_the_data(&world);
        // As if a fence had been under way when a read of a replica panicked.
        world.replica.change_role(Role::Replica);
        assert_eq!(world.replica.standing(), Standing::Broken);
    });
}

#[test]
fn a_watched_key_whose_time_is_over_is_changed_also_if_nobody_met_it() {
    run(async {
        let world = World::serving().await;
        world.write("SET k v PX 50").await;
        let mut watch = Watch::on(&world.replica);
        world.replica.begin_turn().watch(b"k", &mut watch).unwrap();
        assert!(!world.replica.begin_turn().is_changed(&watch));
        world.clock.advance(Duration::from_millis(50));
        assert!(world.replica.begin_turn().is_changed(&watch));
    });
}

#[test]
fn a_turn_that_began_with_credit_is_run_whole() {
    run(async {
        let world = World::with_credit(40 << 10).await;
        world.log.grant_credit(0);
        // As a transaction does: all in one turn.
        let (replies, _) = world.commands(&[format!("SET a {}", "v".repeat(39 << 10)), "SET b v".to_owned()]);
        assert_eq!(replies, ["OK", "OK"]);
        assert_eq!(world.command("SET c v").0, "(error) TRYAGAIN");
    });
}

#[test]
fn a_replica_shows_what_is_committed_and_hides_what_is_expired() {
    run(async {
        let world = World::serving().await;
        world.write("SET k v").await;
        world.write("SET brief v PX 50").await;
        let follower = world.follower().await;
        assert_eq!(follower.command("GET k"), ("\"v\"".to_owned(), None));
        assert_eq!(follower.command("SET k w").0, "(error) READONLY");
        // By the time of the newest record: by its own clock it could hide what the primary prolongs, and show it again.
        world.clock.advance(Duration::from_millis(51));
        assert_eq!(follower.command("GET brief").0, "\"v\"");
        follower.until(|| follower.command("GET brief").0 == "(nil)").await;
        world.write("HSET h f 1").await;
        follower.until(|| follower.command("HGET h f").0 == "\"1\"").await;
    });
}

#[test]
fn keys_whose_time_has_come_are_deleted_without_being_asked_for() {
    run(async {
        let world = World::serving().await;
        world.write("SET brief v PX 50").await;
        world.write("SET k v").await;
        world.clock.advance(Duration::from_millis(51));
        world.until(|| world.command("DBSIZE").0 == "(integer) 1").await;
    });
}

#[test]
fn turns_that_wait_for_the_log_become_one_record() {
    run(async {
        let world = World::serving().await;
        let before = world.records().await;
        let mut last = None;
        for number in 0..50 {
            last = world.command(&format!("SET k{number} v")).1;
        }
        world.released(last).await;
        assert_eq!(world.records().await - before, 1);
    });
}

#[test]
fn a_turn_that_would_not_fit_a_record_refuses_what_is_too_much() {
    run(async {
        let world = World::serving().await;
        let value = "v".repeat(2 << 20);
        // As a transaction does: all in one turn.
        let replies = world.commands(&[
            format!("SET a {value}"),
            format!("SET b {value}"),
            format!("SET c {value}"),
            format!("SET d {value}"),
        ]);
        assert_eq!(replies.0, ["OK", "OK", "OK", "(error) ERR"]);
        world.released(replies.1).await;
        assert_eq!(world.command("EXISTS a b c d").0, "(integer) 3");
    });
}

#[test]
fn keys_that_a_record_could_not_hold_twice_are_refused() {
    run(async {
        let world = World::serving().await;
        let long = "k".repeat(1 << 20);
        assert_eq!(world.command(&format!("SET {long} v")).0, "OK");
        assert_eq!(world.command(&format!("MSETNX {long}a v b v")).0, "(error) ERR");
        let value = "v".repeat(2 << 20);
        assert_eq!(world.command(&format!("SET k {value}")).0, "OK");
    });
}

#[test]
fn what_one_role_left_unreleased_is_released_by_no_later_one() {
    let (first, second) = (Ticket::of(3), Ticket::default().next_life());
    assert!(first.is_released(Ticket::of(3)) && !first.is_released(Ticket::of(2)));
    let far = (0..9).fold(second, |ticket, _| ticket.next());
    assert!(!first.is_released(far));
}

#[test]
fn who_waits_for_a_log_that_is_behind_is_woken_although_nobody_writes_meanwhile() {
    run(async {
        let world = World::with_credit(1 << 30).await;
        world.log.refuse_for(LEASE / 2);
        let set = format!("SET k {}", "v".repeat(1 << 20));
        for _ in 0..40 {
            if world.replica.begin_turn().backlog().is_some() {
                break;
            }
            world.command(&set);
            // Into a record of its own.
            world.sent(1).await;
        }
        let behind = world.replica.begin_turn().backlog();
        assert!(behind.is_some(), "the log is behind");
        world.clock.advance(LEASE / 2);
        world.released(behind).await;
        assert_eq!(world.replica.begin_turn().backlog(), None);
    });
}
