//! How a shard goes from one node to another: who takes it, when, and what is answered meanwhile.

use std::time::Duration;

use tenure_engine::Effect;
use tenure_log::{EngineVersion, Fenced};
use tenure_types::{Epoch, Lsn};

use super::super::commit::Over;
use super::super::pipeline::ENGINE_VERSION;
use super::super::role::Role;
use super::super::{Standing, Watch};
use super::cut::Twist;
use super::world::{LEASE, World, run};

const MOMENT: Duration = Duration::from_millis(1);

#[test]
fn a_replica_takes_the_shard_of_an_owner_that_fell_silent_and_not_before() {
    run(async {
        let old = World::serving().await;
        old.write("SET k v").await;
        let new = old.follower().await;
        old.cut();
        old.clock.advance(LEASE + LEASE / 6 - MOMENT);
        new.look().await;
        assert_eq!(old.owner().await.1, old.node(), "the owner may only be slow");
        old.clock.advance(MOMENT);
        new.owning().await;
        // Its first renewal told it that the lease before its own has ended: it waits no more.
        assert_eq!(new.replica.standing(), Standing::Primary);
        assert_eq!(new.command("GET k"), ("\"v\"".to_owned(), None));
        new.write("SET k w").await;
        assert_eq!(
            new.known_primary(),
            new.node(),
            "its clients need not wait until the log tells"
        );
    });
}

#[test]
fn an_owner_that_renews_stays_and_so_does_one_that_pauses_for_less_than_its_lease() {
    run(async {
        let owner = World::serving().await;
        let follower = owner.follower().await;
        for _ in 0..10 {
            owner.clock.advance(LEASE - MOMENT);
            follower.look().await;
            owner.renew().await;
        }
        assert_eq!(owner.replica.standing(), Standing::Primary);
        assert_eq!(owner.owner().await.0.get(), 1);
    });
}

#[test]
fn an_owner_that_hears_no_answers_is_silent_to_those_who_wait() {
    run(async {
        let owner = World::serving().await;
        let follower = owner.follower().await;
        // Its calls arrive, and nothing comes back: as soon as its lease is over they count for nothing.
        for _ in 0..15 {
            owner.log.lose_next_answer();
            owner.renew().await;
            owner.clock.advance(LEASE / 6);
        }
        follower.owning().await;
    });
}

#[test]
fn nothing_is_acknowledged_by_a_new_owner_while_the_old_one_may_still_answer() {
    run(async {
        let old = World::serving().await;
        old.write("SET k old").await;
        let new = old.follower().await;
        // Cut from the log, not from its clients, right after it renewed.
        old.renew().await;
        old.cut();
        new.elect().await;
        new.owning().await;
        let mut acknowledged = false;
        while !acknowledged {
            let (reply, hold) = new.command("SET k new");
            if reply == "OK" {
                new.released(hold).await;
                acknowledged = true;
            }
            let (read, _) = old.command("GET k");
            assert!(!acknowledged || read == "(error) CLUSTERDOWN", "it read {read}");
            old.clock.advance(LEASE / 100);
            new.renew().await;
        }
        assert_eq!(new.command("GET k").0, "\"new\"");
    });
}

#[test]
fn who_is_fenced_for_loads_what_it_lacks_before_it_serves() {
    run(async {
        let old = World::serving().await;
        let new = old.follower().await;
        new.cut();
        new.until(|| new.command("GET k").0 == "(nil)").await;
        old.write("SET k v").await;
        old.cut();
        new.elect().await;
        old.clock.advance(LEASE * 2);
        new.heal();
        new.owning().await;
        new.standing(Standing::Primary).await;
        assert_eq!(new.command("GET k").0, "\"v\"");
    });
}

#[test]
fn of_two_replicas_one_takes_the_shard_and_the_other_follows_it() {
    run(async {
        let old = World::serving().await;
        old.write("SET k v").await;
        let (first, second) = (old.follower().await, old.second_follower().await);
        old.cut();
        // Late enough for both.
        old.clock.advance(LEASE * 2);
        first.owning().await;
        second.look().await;
        assert_eq!(second.replica.standing(), Standing::Replica);
        assert_eq!(second.known_primary(), first.node(), "clients are sent there");
        first.write("SET k w").await;
        second.until(|| second.command("GET k").0 == "\"w\"").await;
        assert_eq!(old.owner().await.0.get(), 2, "nobody fenced twice");
    });
}

#[test]
fn replicas_that_do_not_see_each_other_take_one_epoch_once() {
    run(async {
        let old = World::serving().await;
        let (first, second) = (old.follower().await, old.second_follower().await);
        old.cut();
        old.clock.advance(LEASE * 2);
        // Both have looked before either has fenced.
        tokio::join!(first.look(), second.look());
        let owners = [&first, &second].map(|world| world.replica.standing() == Standing::Primary);
        assert_eq!(owners.iter().filter(|owns| **owns).count(), 1);
        assert_eq!(old.owner().await.0.get(), 2);
    });
}

#[test]
fn a_fence_whose_answer_was_lost_is_not_forgotten() {
    run(async {
        let old = World::serving().await;
        let new = old.follower().await;
        old.cut();
        old.clock.advance(LEASE * 2);
        new.lose_answer_of_next_fence();
        new.look().await;
        assert_eq!(new.replica.standing(), Standing::Replica, "it does not know");
        assert_eq!(old.owner().await, (Epoch::new(2), new.node()), "and yet it is");
        new.owning().await;
        assert_eq!(old.owner().await.0.get(), 2);
    });
}

#[test]
fn an_epoch_that_was_given_up_is_taken_without_a_wait() {
    run(async {
        let old = World::serving().await;
        old.write("SET k v").await;
        let new = old.follower().await;
        old.stop().await;
        new.owning().await;
        assert_eq!(new.replica.standing(), Standing::Primary);
        assert_eq!(new.command("GET k").0, "\"v\"");
    });
}

#[test]
fn a_fenced_owner_that_held_more_than_the_log_begins_another_life_and_may_own_again() {
    run(async {
        let first = World::serving().await;
        first.write("SET k v").await;
        let second = first.follower().await;
        let life = first.replica.incarnation();
        first.cut();
        let (_, hold) = first.command("SET k lost");
        first.clock.advance(LEASE * 2);
        second.owning().await;
        second.write("SET k w").await;
        first.heal();
        first.renew().await;
        first.standing(Standing::Replica).await;
        assert!(!first.replica_released(hold));
        assert_ne!(first.replica.incarnation(), life);
        assert_eq!(first.command("GET k").0, "\"w\"");
        first.look().await;
        assert_eq!(first.known_primary(), second.node());

        second.cut();
        first.clock.advance(LEASE * 2);
        first.owning().await;
        first.standing(Standing::Primary).await;
        assert_eq!(first.command("GET k").0, "\"w\"");
    });
}

#[test]
fn a_fenced_owner_that_held_nothing_else_lives_on() {
    run(async {
        let first = World::serving().await;
        first.write("SET k v").await;
        let second = first.follower().await;
        let life = first.replica.incarnation();
        first.cut();
        first.clock.advance(LEASE * 2);
        second.owning().await;
        first.heal();
        first.renew().await;
        first.standing(Standing::Replica).await;
        assert_eq!(first.replica.incarnation(), life);
        // Fenced for again under the same name: by others it is told apart by its epoch.
        second.cut();
        first.clock.advance(LEASE * 2);
        first.owning().await;
        first.standing(Standing::Primary).await;
        first.write("SET k w").await;
        assert_eq!(first.owner().await.0.get(), 3);
    });
}

#[test]
fn a_reader_that_hears_nothing_of_what_the_leader_tells_of_begins_anew() {
    run(async {
        let old = World::serving().await;
        let new = old.follower().await;
        // The log node that it reads from is cut off from the others, and nobody knows.
        new.silence_readers();
        old.write("SET k v").await;
        old.cut();
        old.clock.advance(LEASE * 2);
        new.observe_for(LEASE * 20).await;
        assert_eq!(
            new.replica.standing(),
            Standing::Primary,
            "it lags, so nobody takes the shard"
        );
        assert_eq!(new.command("GET k").0, "\"v\"");
    });
}

#[test]
fn who_is_not_answered_asks_no_more_often_than_else() {
    run(async {
        let old = World::serving().await;
        let new = old.follower().await;
        old.cut();
        // Nearly silent for long enough: it looks again very soon.
        old.clock.advance(LEASE + LEASE / 6 - MOMENT);
        new.look().await;
        new.cut();
        let before = new.times_asked();
        new.observe_for(LEASE).await;
        let asked = new.times_asked() - before;
        assert!(asked <= 8, "{asked} times in a lease");
    });
}

#[test]
fn the_wait_of_a_new_owner_counts_from_when_it_learned_of_its_epoch() {
    run(async {
        let old = World::serving().await;
        let new = old.follower().await;
        old.cut();
        old.clock.advance(LEASE * 2);
        let go = new.hold_next_fence();
        new.look().await;
        // It was only slow, and renews before the fence takes effect.
        old.heal();
        old.renew().await;
        go.send(()).unwrap();
        new.owning().await;
        old.clock.advance(LEASE - MOMENT);
        assert_eq!(old.replica.standing(), Standing::Primary);
        new.renew().await;
        assert_eq!(new.replica.standing(), Standing::Loading, "the other still answers");
        old.clock.advance(LEASE / 50);
        new.renew().await;
        assert_eq!(new.replica.standing(), Standing::Primary);
    });
}

#[test]
fn an_owner_that_wrote_after_the_replica_looked_stays() {
    run(async {
        let old = World::serving().await;
        let new = old.follower().await;
        old.cut();
        old.clock.advance(LEASE * 2);
        let go = new.hold_next_fence();
        new.look().await;
        old.heal();
        old.renew().await;
        old.write("SET k v").await;
        go.send(()).unwrap();
        new.until(|| new.command("GET k").0 == "\"v\"").await;
        assert_eq!(old.owner().await, (Epoch::new(1), old.node()));
        assert_eq!(old.replica.standing(), Standing::Primary);
    });
}

#[test]
fn a_broken_replica_takes_nothing() {
    run(async {
        let old = World::serving().await;
        let new = old.follower().await;
        new.replica.change_role(Role::Broken);
        old.cut();
        old.clock.advance(LEASE * 2);
        new.look().await;
        assert_eq!(old.owner().await, (Epoch::new(1), old.node()));
    });
}

#[test]
fn a_replica_is_settled_once_it_sees_another_serve() {
    run(async {
        let owner = World::serving().await;
        assert!(owner.replica.is_settled());
        let follower = owner.follower().await;
        assert!(!follower.replica.is_settled(), "it heard of nobody");
        follower.hear().await;
        assert!(follower.replica.is_settled());
        owner.clock.advance(LEASE);
        follower.hear().await;
        assert!(!follower.replica.is_settled(), "that one may be dead");
        owner.renew().await;
        owner.clock.advance(MOMENT);
        owner.renew().await;
        owner.stop().await;
        follower.hear().await;
        assert!(!follower.replica.is_settled(), "it gave the shard up");
    });
}

#[test]
fn who_was_fenced_for_is_settled_only_when_it_serves() {
    run(async {
        let owner = World::serving().await;
        let follower = owner.follower().await;
        follower.elect().await;
        follower.hear().await;
        assert_eq!(follower.replica.standing(), Standing::Replica);
        assert!(!follower.replica.is_settled());
    });
}

#[test]
fn a_replica_that_is_to_take_its_shard_looks_again_when_the_time_comes() {
    run(async {
        let old = World::serving().await;
        let new = old.follower().await;
        old.cut();
        old.clock.advance(LEASE + LEASE / 6 - MOMENT * 20);
        let before = new.times_asked();
        new.observe_for(MOMENT * 30).await;
        assert_eq!(new.times_asked() - before, 2, "at once, and when it is due");
    });
}

#[test]
fn a_replica_shows_nothing_before_it_holds_what_was_there_and_may_hold_more() {
    run(async {
        let owner = World::serving().await;
        owner.write("SET a 1").await;
        let follower = owner.follower_that_cannot_read().await;
        owner.write("SET b 2").await;
        assert_eq!(follower.replica.standing(), Standing::Loading);
        // Both come at once, though there was one when it asked.
        follower.refuse_readers(false);
        follower.standing(Standing::Replica).await;
        follower.until(|| follower.command("GET b").0 == "\"2\"").await;
    });
}

#[test]
fn records_that_do_not_follow_those_before_them_break_a_replica() {
    for twist in [Twist::Skips, Twist::Forges] {
        run(async {
            let owner = World::serving().await;
            let follower = owner.follower().await;
            follower.twist(twist);
            owner.write("SET k v").await;
            follower.standing(Standing::Broken).await;
            let loading = owner.third_node_that_cannot_read().await;
            loading.twist(twist);
            loading.refuse_readers(false);
            loading.standing(Standing::Broken).await;
        });
    }
}

#[test]
fn a_fenced_owner_that_kept_its_image_reads_no_record_again() {
    run(async {
        let old = World::serving().await;
        old.write("SET k v").await;
        old.fence_by_another().await;
        old.renew().await;
        old.standing(Standing::Replica).await;
        old.until(|| old.begun_to_read().last() == Lsn::new(2).as_ref()).await;
        let again = old.begun_to_read().iter().filter(|from| **from == Lsn::FIRST).count();
        assert_eq!(again, 1, "when its life began");
    });
}

#[test]
fn a_fenced_owner_that_dropped_its_image_shows_nothing_before_it_has_read_it_anew() {
    run(async {
        let old = World::serving().await;
        old.write("SET k v").await;
        old.fence_by_another().await;
        old.refuse_readers(true);
        let (_, _) = old.command("SET k lost");
        old.standing(Standing::Loading).await;
        old.until(|| old.begun_to_read().len() > 3).await;
        assert_eq!(old.replica.standing(), Standing::Loading);
        old.refuse_readers(false);
        old.standing(Standing::Replica).await;
        assert_eq!(old.command("GET k").0, "\"v\"");
    });
}

#[test]
fn an_owner_that_is_fenced_while_it_loads_follows() {
    run(async {
        let old = World::serving().await;
        old.write("SET k v").await;
        let new = old.follower().await;
        new.cut();
        old.write("SET k w").await;
        new.refuse_readers(true);
        new.heal();
        new.elect().await;
        new.look().await;
        assert_eq!(new.replica.standing(), Standing::Loading);
        let life = new.replica.incarnation();
        old.fence_by_another().await;
        new.renew().await;
        new.until(|| new.replica.incarnation() != life).await;
        new.refuse_readers(false);
        new.standing(Standing::Replica).await;
        assert_eq!(new.command("GET k").0, "\"w\"");
    });
}

#[test]
fn a_record_of_a_newer_engine_breaks_a_replica() {
    run(async {
        let owner = World::serving().await;
        owner.fence_by_another().await;
        owner.renew().await;
        owner.standing(Standing::Replica).await;
        let newer = EngineVersion::new(ENGINE_VERSION.get() + 1);
        owner.append_of_version(newer, &Effect::Remove { key: b"k" });
        owner.standing(Standing::Broken).await;
    });
}

#[test]
fn a_key_that_is_watched_on_a_replica_is_changed_by_the_owners_record() {
    run(async {
        let owner = World::serving().await;
        let follower = owner.follower().await;
        let mut watch = Watch::on(&follower.replica);
        follower.replica.begin_turn().watch(b"k", &mut watch).unwrap();
        owner.write("SET k v").await;
        follower
            .until(|| follower.replica.begin_turn().is_changed(&watch))
            .await;
    });
}

#[test]
fn a_reader_that_lacks_nothing_or_not_for_long_goes_on() {
    run(async {
        let owner = World::serving().await;
        let follower = owner.follower().await;
        follower.until(|| follower.begun_to_read().len() == 1).await;
        owner.write("SET k v").await;
        follower.observe_for(Duration::from_secs(10)).await;
        assert_eq!(follower.begun_to_read().len(), 1, "it has all");
        follower.silence_readers();
        owner.write("SET k w").await;
        follower.observe_for(Duration::from_millis(900)).await;
        assert_eq!(follower.begun_to_read().len(), 1, "it may still come");
        follower.observe_for(Duration::from_secs(2)).await;
        follower.until(|| follower.command("GET k").0 == "\"w\"").await;
    });
}

#[test]
fn what_ended_one_epoch_ends_no_later_one() {
    run(async {
        let old = World::serving().await;
        let new = old.follower().await;
        let fenced = Fenced {
            epoch: Epoch::new(1),
            fence_lsn: None,
        };
        // As if a renewal and an append had both told of it.
        new.replica.over.set(Some(Over::Fenced(fenced)));
        old.cut();
        old.clock.advance(LEASE * 2);
        new.look().await;
        assert_eq!(new.replica.standing(), Standing::Primary);
    });
}

#[test]
fn a_replica_whose_history_is_not_the_one_that_the_leader_tells_of_breaks() {
    run(async {
        let owner = World::serving().await;
        owner.write("SET k v").await;
        let follower = owner.follower_of_another_history();
        follower.standing(Standing::Broken).await;
    });
}

#[test]
fn a_fenced_owner_hides_as_a_replica_only_what_is_over_by_the_time_of_records() {
    run(async {
        let old = World::serving().await;
        old.write("SET k v PX 5000").await;
        // Its clock is ahead of the others': the next owner may still prolong what it thinks is over.
        old.clock.step_wall(Duration::from_secs(10));
        old.renew().await;
        old.renew().await;
        assert_eq!(old.command("GET other").0, "(nil)");
        old.fence_by_another().await;
        old.renew().await;
        old.standing(Standing::Replica).await;
        assert_eq!(old.command("GET k").0, "\"v\"");
    });
}

#[test]
fn a_fenced_owner_goes_on_to_hide_what_is_over_by_the_time_of_records() {
    run(async {
        let old = World::serving().await;
        old.write("SET k v PX 50").await;
        old.clock.advance(MOMENT * 100);
        old.write("SET other v").await;
        let new = old.follower().await;
        // Of its own records, and of those that it only read.
        old.cut();
        old.clock.advance(LEASE * 2);
        new.look().await;
        assert_eq!(new.replica.standing(), Standing::Primary);
        old.heal();
        for owner in [&old, &new] {
            new.fence_by_another().await;
            owner.renew().await;
            owner.standing(Standing::Replica).await;
            assert_eq!(owner.command("GET k").0, "(nil)");
        }
    });
}

#[test]
fn a_primary_that_dies_again_and_again_loses_its_shard_to_another() {
    run(async {
        let mut primary = World::serving().await;
        primary.write("SET k v").await;
        let follower = primary.follower().await;
        for _ in 0..10 {
            primary = primary.restarted().await;
            primary.look().await;
            primary.clock.advance(LEASE / 4);
            follower.look().await;
        }
        assert_eq!(follower.owner().await.1, follower.node());
    });
}

#[test]
fn a_stream_that_its_first_choice_never_began_is_taken_by_another_in_the_end() {
    run(async {
        let follower = World::alone().await;
        follower.look().await;
        assert_eq!(follower.replica.standing(), Standing::Replica);
        follower.clock.advance(LEASE * 11);
        follower.owning().await;
        follower.standing(Standing::Primary).await;
        follower.write("SET k v").await;
    });
}
