//! How an owner gives its shard to another while both live.

use std::time::Duration;

use tenure_types::Epoch;

use super::super::Standing;
use super::super::own::{HAND_OVER_AGAIN_AFTER, HAND_OVER_WITHIN};
use super::world::{LEASE, World, run};

const FIRST: Epoch = Epoch::new(1);
const SECOND: Epoch = Epoch::new(2);

/// Both are told, as by one control plane.
fn order(old: &World, new: &World, epoch: Epoch) {
    old.order_hand_over(new.node(), epoch);
    new.order_hand_over(new.node(), epoch);
}

#[test]
fn the_shard_goes_to_the_first_choice_which_waits_for_nothing() {
    run(async {
        let old = World::serving().await;
        old.write("SET k v").await;
        let new = old.follower().await;
        let (_, executed) = old.command("SET k w");
        order(&old, &new, FIRST);
        old.standing(Standing::Replica).await;
        assert!(!old.replica_released(executed), "that was in another role");
        assert!(old.is_released().await);
        new.owning().await;
        new.renew().await;
        // No time has passed on any clock.
        assert_eq!(new.replica.standing(), Standing::Primary);
        assert_eq!(new.command("GET k").0, "\"w\"");
        new.write("SET k x").await;
        // With the image that it had.
        old.until(|| old.command("GET k").0 == "\"x\"").await;
        assert_eq!(old.begun_to_read().iter().map(|from| from.get()).max(), Some(3));
        old.look().await;
        assert_eq!(old.known_primary(), new.node());
    });
}

#[test]
fn what_was_executed_has_its_verdict_before_the_epoch_is_given_up() {
    run(async {
        let old = World::serving().await;
        let new = old.follower().await;
        old.cut();
        old.command("SET k v");
        order(&old, &new, FIRST);
        old.standing(Standing::Loading).await;
        assert_eq!(old.command("SET k w").0, "(error) LOADING", "nothing more is executed");
        assert!(!old.is_released().await);
        old.heal();
        old.standing(Standing::Replica).await;
        assert!(old.is_released().await);
        new.owning().await;
        new.renew().await;
        assert_eq!(new.command("GET k").0, "\"v\"");
    });
}

#[test]
fn an_order_for_another_epoch_or_in_favour_of_the_owner_changes_nothing() {
    run(async {
        let owner = World::serving().await;
        let other = owner.follower().await;
        let reborn = owner.another_process().await;
        for (to, epoch) in [
            (other.node(), FIRST),
            (other.node(), Epoch::new(3)),
            (reborn.node(), SECOND),
        ] {
            reborn.order_hand_over(to, epoch);
            reborn.look().await;
            assert_eq!(reborn.replica.standing(), Standing::Primary, "{to} {epoch}");
        }
        assert_eq!(
            (reborn.owner().await, reborn.is_released().await),
            ((SECOND, reborn.node()), false)
        );
    });
}

#[test]
fn an_owner_whose_records_have_no_verdict_goes_on_and_tries_again_later() {
    run(async {
        let owner = World::serving().await;
        let other = owner.follower().await;
        owner.cut();
        let (_, executed) = owner.command("SET k v");
        order(&owner, &other, FIRST);
        owner.standing(Standing::Loading).await;
        tokio::time::sleep(HAND_OVER_WITHIN).await;
        owner.standing(Standing::Primary).await;
        assert_eq!(owner.command("SET other v").0, "OK");
        assert!(!owner.is_released().await);
        owner.heal();
        owner.released(executed).await;
        assert_eq!(owner.replica.standing(), Standing::Primary, "it was tried a moment ago");
        tokio::time::sleep(HAND_OVER_AGAIN_AFTER).await;
        owner.standing(Standing::Replica).await;
        assert!(owner.is_released().await);
    });
}

#[test]
fn an_epoch_is_never_served_again_once_its_release_was_sent_although_the_log_never_heard_of_it() {
    run(async {
        let old = World::serving().await;
        old.write("SET k v").await;
        let new = old.follower().await;
        old.lose_next_release();
        let before = old.replica.incarnation();
        order(&old, &new, FIRST);
        old.standing(Standing::Replica).await;
        assert!(!old.is_released().await);
        assert_ne!(old.replica.incarnation(), before);
        // The log has it as the owner still, by the name that it had.
        for _ in 0..20 {
            old.look().await;
            new.look().await;
            old.renew().await;
            assert_eq!(old.replica.standing(), Standing::Replica);
        }
        assert_eq!(old.owner().await, (FIRST, old.node()));
        old.clock.advance(LEASE + LEASE / 6);
        new.owning().await;
        assert_eq!(old.owner().await, (SECOND, new.node()));
    });
}

#[test]
fn an_owner_gives_nothing_up_within_its_wait_out() {
    run(async {
        let first = World::serving().await;
        let other = first.follower().await;
        let second = first.another_process_that_waits().await;
        order(&second, &other, SECOND);
        second.look().await;
        assert!(!second.is_released().await, "the owner before it may still answer");
        second.clock.advance(LEASE * 2);
        second.renew().await;
        second.standing(Standing::Replica).await;
        assert!(second.is_released().await);
    });
}

#[test]
fn an_owner_that_is_stopped_while_it_hands_over_gives_the_epoch_up_all_the_same() {
    run(async {
        let owner = World::serving().await;
        let other = owner.follower().await;
        owner.cut();
        let (_, executed) = owner.command("SET k v");
        order(&owner, &other, FIRST);
        owner.standing(Standing::Loading).await;
        let healed = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            owner.heal();
        };
        tokio::join!(owner.stop(), healed);
        assert!(owner.replica_released(executed));
        assert!(owner.is_released().await);
    });
}

#[test]
fn who_handed_over_hides_as_a_replica_only_what_is_over_by_the_time_of_records() {
    run(async {
        let old = World::serving().await;
        let new = old.follower().await;
        old.write("SET k v PX 5000").await;
        // Its clock is ahead of the others': the next owner may still prolong what it thinks is over.
        old.clock.step_wall(Duration::from_secs(10));
        old.renew().await;
        old.renew().await;
        assert_eq!(old.command("GET other").0, "(nil)");
        order(&old, &new, FIRST);
        old.standing(Standing::Replica).await;
        assert!(old.is_released().await);
        assert_eq!(old.command("GET k").0, "\"v\"");
    });
}

#[test]
fn a_hand_over_that_ends_by_a_fence_is_one() {
    run(async {
        let old = World::serving().await;
        let new = old.follower().await;
        old.cut();
        old.command("SET k v");
        order(&old, &new, FIRST);
        old.standing(Standing::Loading).await;
        new.elect().await;
        old.renew().await;
        old.heal();
        old.standing(Standing::Replica).await;
        assert_eq!(old.owner().await, (SECOND, new.node()));
    });
}

#[test]
fn who_takes_part_in_a_hand_over_asks_the_log_often_and_nobody_else_does() {
    run(async {
        let second = Duration::from_secs(1);
        let asked = async |world: &World| {
            let before = world.times_asked();
            world.observe_for(second).await;
            world.times_asked() - before
        };
        let old = World::serving().await;
        let (new, third) = (old.follower().await, old.second_follower().await);
        for world in [&old, &new, &third] {
            // The first look is at once.
            assert!(asked(world).await <= 6, "{}", world.node());
        }
        // It never comes to it: who owns the shard has heard nothing of this.
        for world in [&new, &third] {
            world.order_hand_over(new.node(), FIRST);
        }
        let hurried = asked(&new).await;
        assert!((45..=51).contains(&hurried), "{hurried}");
        assert!(asked(&third).await <= 6);
        tokio::time::sleep(second * 4).await;
        assert!(asked(&new).await <= 6, "not for ever");
    });
}
