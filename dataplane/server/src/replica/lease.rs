//! The lease: until when the owner of an epoch may answer, and from when.
//! Promises: it lasts L from the *first* sending of a record or renewal that later succeeded, never longer; nothing is
//! visible before every earlier lease has surely ended. Reads no clock (DESIGN, section 6).

use std::time::Duration;

use tenure_log::{Granted, WaitOut};
use tenure_types::BootTime;

/// The lease of one epoch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lease {
    length: Duration,
    /// When it ends; `None` before the first success.
    deadline: Option<BootTime>,
    /// The end of the wait-out.
    visible_from: BootTime,
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
            visible_from: now.saturating_add(wait),
        }
    }

    /// Something that was first sent then has succeeded.
    pub(super) fn extend(&mut self, first_sent: BootTime) {
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
