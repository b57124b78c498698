//! What the leader of a group has granted, so that the log's disk never fills up with what was promised.
//! Promises: what all owners may still write by the grants of one leader stays within the room there was; a grant is
//! never taken back; whoever comes late is granted something while there is room. Leaves to `Room`: how much there is, and
//! a reserve for what is not counted here. Knows no clock.
//!
//! A grant is a window, but not more than a sixteenth of the room that the others leave. So n owners that all write end
//! up with room/(n + 15) each, and one that comes when others hold much still gets a part of the rest.
//!
//! A new leader cannot know what the ones before it granted. It counts for every stream what that rule gives.

use std::collections::BTreeMap;

use tenure_log::Credit;
use tenure_types::StreamId;

/// One owner is granted at most one of so many parts of the room that the others leave.
const SHARES: u64 = 16;

/// Grants of one leadership.
#[derive(Debug)]
pub(super) struct Ledger {
    window_bytes: u64,
    streams: BTreeMap<StreamId, Account>,
    /// Sum of what every account may still write.
    outstanding_bytes: u64,
}

/// One stream's.
#[derive(Debug, Clone, Copy)]
struct Account {
    limit_bytes: u64,
    /// What it had written when this was last looked at. Less than it has now, so `outstanding` is never too small.
    appended_bytes: u64,
}

impl Account {
    fn outstanding(self) -> u64 {
        self.limit_bytes.saturating_sub(self.appended_bytes)
    }
}

impl Ledger {
    /// Begins a leadership over streams that have an owner and have written so much.
    pub(super) fn on_leadership(window_bytes: u64, owned: &[(StreamId, u64)], room_bytes: u64) -> Self {
        let each = (room_bytes / (owned.len() as u64 + SHARES - 1)).min(window_bytes);
        let inherited = |appended_bytes: u64| Account {
            limit_bytes: appended_bytes.saturating_add(each),
            appended_bytes,
        };
        let streams: BTreeMap<_, _> = owned
            .iter()
            .map(|(stream, bytes)| (*stream, inherited(*bytes)))
            .collect();
        let outstanding_bytes = streams.values().map(|account| account.outstanding()).sum();
        Self {
            window_bytes,
            streams,
            outstanding_bytes,
        }
    }

    /// Grants a stream a window past what it has written, or its part of the room that the others leave.
    pub(super) fn grant(&mut self, stream: StreamId, appended_bytes: u64, room_bytes: u64) -> Credit {
        let account = self.streams.entry(stream).or_insert(Account {
            limit_bytes: 0,
            appended_bytes,
        });
        let before = account.outstanding();
        account.appended_bytes = account.appended_bytes.max(appended_bytes);
        let others = self.outstanding_bytes - before;
        let affordable = (room_bytes.saturating_sub(others) / SHARES).min(self.window_bytes);
        account.limit_bytes = account.limit_bytes.max(appended_bytes.saturating_add(affordable));
        self.outstanding_bytes = others.saturating_add(account.outstanding());
        Credit::up_to(account.limit_bytes)
    }

    /// A fence was applied: what the owners before held is worth nothing to the next one.
    pub(super) fn on_fence_applied(&mut self, stream: StreamId, appended_bytes: u64) {
        self.forget(stream);
        let account = Account {
            limit_bytes: 0,
            appended_bytes,
        };
        self.streams.insert(stream, account);
    }

    /// A stream is gone.
    pub(super) fn forget(&mut self, stream: StreamId) {
        if let Some(account) = self.streams.remove(&stream) {
            self.outstanding_bytes -= account.outstanding();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_types::GroupId;

    fn stream(number: u32) -> StreamId {
        StreamId::new(GroupId::new(0), number)
    }

    /// With a window of 100 bytes.
    fn ledger(owned: &[(u32, u64)], room_bytes: u64) -> Ledger {
        let owned: Vec<_> = owned.iter().map(|(number, bytes)| (stream(*number), *bytes)).collect();
        Ledger::on_leadership(100, &owned, room_bytes)
    }

    #[test]
    fn a_grant_is_a_window_past_what_is_written() {
        let mut ledger = ledger(&[], 10_000);
        assert_eq!(ledger.grant(stream(1), 0, 10_000), Credit::up_to(100));
        assert_eq!(ledger.grant(stream(1), 40, 10_000), Credit::up_to(140));
    }

    #[test]
    fn all_grants_together_stay_within_the_room() {
        let mut ledger = ledger(&[], 1600);
        let granted: u64 = (1..=1000)
            .map(|number| ledger.grant(stream(number), 0, 1600).limit_bytes())
            .sum();
        assert!(granted <= 1600, "{granted}");
    }

    #[test]
    fn whoever_comes_late_is_granted_something() {
        let mut ledger = ledger(&[], 1 << 20);
        for number in 1..=5000 {
            let credit = ledger.grant(stream(number), 0, 1 << 20);
            assert!(credit.left(0) > 0, "stream {number}");
        }
    }

    #[test]
    fn without_room_nothing_is_granted() {
        let mut ledger = ledger(&[], 0);
        assert_eq!(ledger.grant(stream(1), 7, 0).left(7), 0);
    }

    #[test]
    fn a_grant_is_never_taken_back() {
        let mut ledger = ledger(&[], 10_000);
        ledger.grant(stream(1), 0, 10_000);
        assert_eq!(ledger.grant(stream(1), 10, 0), Credit::up_to(100));
    }

    #[test]
    fn a_new_leader_counts_what_others_may_have_granted() {
        let mut ledger = ledger(&[(1, 500), (2, 0)], 1700);
        // 100 may be out with each of the two, so a sixteenth of 1500 is left.
        assert_eq!(ledger.grant(stream(3), 0, 1700), Credit::up_to(93));
    }

    #[test]
    fn a_fence_voids_what_earlier_owners_held() {
        let mut ledger = ledger(&[(1, 500)], 1600);
        assert_eq!(ledger.grant(stream(2), 0, 1600), Credit::up_to(93));
        ledger.on_fence_applied(stream(1), 500);
        assert_eq!(ledger.grant(stream(2), 0, 1600), Credit::up_to(100));
    }

    #[test]
    fn a_deleted_stream_holds_nothing() {
        let mut ledger = ledger(&[(1, 500)], 1600);
        ledger.forget(stream(1));
        ledger.forget(stream(1));
        assert_eq!(ledger.grant(stream(2), 0, 1600), Credit::up_to(100));
    }
}
