//! The lease: until when the owner of an epoch may answer, and from when.
//! Promises: it lasts L from the *first* sending of a record or renewal that later succeeded, never longer; nothing is
//! visible before every earlier lease has surely ended. Reads no clock (DESIGN, section 6).

use std::time::Duration;

use tenure_log::{Granted, WaitOut};
use tenure_types::{BootTime, WallTime};

/// By how much the time of day and the time since boot may differ in what they say of the time between two looks. More, and
/// one of them was set or stood still: a machine that was suspended, or cloned, without counting it.
const JUMP_MAX: Duration = Duration::from_millis(100);

/// The lease of one epoch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lease {
    length: Duration,
    /// When it ends; `None` before the first success.
    deadline: Option<BootTime>,
    /// What was first sent before says nothing of how long ago that was.
    counts_from: BootTime,
    /// The clocks at the newest look.
    seen: Option<(BootTime, WallTime)>,
    /// The end of the wait-out.
    visible_from: BootTime,
    /// How long it is, if nobody shortens it.
    wait: Duration,
}

impl Lease {
    /// Of an epoch whose owner learned of its fence now.
    pub(super) fn begin(granted: &Granted, now: BootTime) -> Self {
        let wait = match granted.wait_out {
            WaitOut::Nothing => Duration::ZERO,
            WaitOut::For(longest) => longest.wait_out(),
        };
        Self {
            length: granted.lease.as_duration(),
            deadline: None,
            counts_from: now,
            seen: None,
            visible_from: now.saturating_add(wait),
            wait,
        }
    }

    /// Whether the clocks agree with those of the look before on how much time has passed.
    pub(super) fn clocks_agree(&self, now: BootTime, wall: WallTime) -> bool {
        let Some((boot_before, wall_before)) = self.seen else {
            return true;
        };
        let by_boot = now.elapsed_since(boot_before);
        // The time of day may have been set back.
        let wall_expected_millis = u128::from(wall_before.as_unix_millis()) + by_boot.as_millis();
        let differ_millis = wall_expected_millis.abs_diff(u128::from(wall.as_unix_millis()));
        differ_millis <= JUMP_MAX.as_millis()
    }

    /// Looks at the clocks. If they do not agree, the lease is over, and only what is sent from now on makes another; a
    /// wait-out that was not over begins again. Tells whether they do.
    pub(super) fn look_at_clocks(&mut self, now: BootTime, wall: WallTime) -> bool {
        let agree = self.clocks_agree(now, wall);
        let seen_before = self.seen.replace((now, wall));
        if !agree {
            (self.deadline, self.counts_from) = (None, now);
            if seen_before.is_some_and(|(boot, _)| !self.is_visible(boot)) {
                self.visible_from = now.saturating_add(self.wait);
            }
        }
        agree
    }

    /// Something that was first sent then has succeeded.
    pub(super) fn extend(&mut self, first_sent: BootTime) {
        if first_sent < self.counts_from {
            return;
        }
        let deadline = first_sent.saturating_add(self.length);
        self.deadline = self.deadline.max(Some(deadline));
    }

    /// A renewal that was sent after the fence was learned of says that every earlier lease ends within `clear_in` from
    /// now.
    pub(super) fn shorten(&mut self, clear_in: Duration, now: BootTime) {
        self.visible_from = self.visible_from.min(now.saturating_add(clear_in));
    }

    /// Whether requests still count as sent under it.
    pub(super) fn is_live(&self, now: BootTime) -> bool {
        self.deadline.is_some_and(|deadline| now < deadline)
    }

    /// How much of it is left; zero once it is over.
    pub(super) fn left(&self, now: BootTime) -> Duration {
        self.deadline
            .map_or(Duration::ZERO, |deadline| deadline.elapsed_since(now))
    }

    /// Whether the wait-out is over.
    pub(super) fn is_visible(&self, now: BootTime) -> bool {
        self.visible_from <= now
    }

    /// The end of the wait-out.
    pub(super) fn visible_from(&self) -> BootTime {
        self.visible_from
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_log::Chain;
    use tenure_types::{Epoch, GroupId, LeaseLength, StreamId};

    const fn at(millis: u64) -> BootTime {
        BootTime::from_nanos(millis * 1_000_000)
    }

    fn lease(wait_out: WaitOut) -> Lease {
        let granted = Granted {
            epoch: Epoch::new(2),
            lease: LeaseLength::from_millis(1200).unwrap(),
            fence_lsn: None,
            tail: None,
            chain: Chain::start_of(StreamId::new(GroupId::new(0), 1)),
            appended_bytes: 0,
            wait_out,
        };
        Lease::begin(&granted, at(1000))
    }

    #[test]
    fn there_is_no_lease_before_the_first_success() {
        assert!(!lease(WaitOut::Nothing).is_live(at(1000)));
    }

    #[test]
    fn it_lasts_l_from_the_first_sending_and_its_end_is_outside() {
        let mut lease = lease(WaitOut::Nothing);
        lease.extend(at(2000));
        assert!(lease.is_live(at(3199)));
        assert!(!lease.is_live(at(3200)));
    }

    #[test]
    fn an_older_success_that_comes_late_takes_nothing_back() {
        let mut lease = lease(WaitOut::Nothing);
        lease.extend(at(2000));
        lease.extend(at(1500));
        assert!(lease.is_live(at(3199)));
    }

    const fn wall(millis: u64) -> WallTime {
        WallTime::from_unix_millis(5_000_000 + millis)
    }

    #[test]
    fn clocks_that_do_not_agree_end_it_and_what_was_sent_before_makes_no_other() {
        for (boot_then, wall_then) in [(2010, 3000), (2110, 1990), (3000, 2010)] {
            let mut lease = lease(WaitOut::Nothing);
            lease.extend(at(2000));
            assert!(lease.look_at_clocks(at(2000), wall(2000)));
            assert!(lease.look_at_clocks(at(2005), wall(2050)));
            assert!(lease.is_live(at(2005)));
            assert!(!lease.look_at_clocks(at(boot_then), wall(wall_then)));
            assert!(!lease.is_live(at(boot_then)));
            lease.extend(at(2006));
            assert!(!lease.is_live(at(boot_then)), "nobody knows how long ago that was");
            lease.extend(at(boot_then));
            assert!(lease.is_live(at(boot_then)));
            assert!(lease.look_at_clocks(at(boot_then + 1), wall(wall_then + 1)));
        }
    }

    #[test]
    fn clocks_that_do_not_agree_begin_the_wait_again_unless_it_was_over() {
        let earlier = LeaseLength::from_millis(1200).unwrap();
        let mut lease = lease(WaitOut::For(earlier));
        assert!(lease.look_at_clocks(at(1010), wall(1010)));
        // The time since boot went ahead of the time of day: who knows how much of the wait is over.
        assert!(!lease.look_at_clocks(at(3000), wall(1020)));
        let end = at(3000).saturating_add(earlier.wait_out());
        assert_eq!(lease.visible_from(), end);
        assert!(lease.look_at_clocks(at(5000), wall(3020)));
        assert!(!lease.look_at_clocks(at(9000), wall(3030)));
        assert_eq!(lease.visible_from(), end, "it was over");
    }

    #[test]
    fn clocks_may_drift_apart_slowly() {
        let mut lease = lease(WaitOut::Nothing);
        lease.extend(at(2000));
        for second in 0..1000 {
            // A tenth too fast: far more than is allowed for.
            let now = at(2000 + second * 500);
            assert!(lease.look_at_clocks(now, wall(2000 + second * 550)));
        }
    }

    #[test]
    fn nothing_is_visible_before_the_longest_earlier_lease_has_ended() {
        let earlier = LeaseLength::from_millis(1200).unwrap();
        let lease = lease(WaitOut::For(earlier));
        let end = at(1000).saturating_add(earlier.wait_out());
        assert!(!lease.is_visible(BootTime::from_nanos(end.as_nanos() - 1)));
        assert!(lease.is_visible(end));
    }

    #[test]
    fn an_answer_shortens_the_wait_and_never_stretches_it() {
        let earlier = LeaseLength::from_millis(1200).unwrap();
        let mut lease = lease(WaitOut::For(earlier));
        lease.shorten(Duration::from_millis(100), at(1050));
        assert_eq!(lease.visible_from(), at(1150));
        lease.shorten(Duration::from_millis(500), at(1060));
        assert_eq!(lease.visible_from(), at(1150));
    }
}
