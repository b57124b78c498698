//! The rules of the protocol, one variant each, so that every one can be taken out and its absence caught.
//! A rule whose removal no scope notices would be a rule nobody needs, or a hole in the model; the tests hold that there
//! is none.

use crate::properties::{DURABLE, FENCED_OUT, FRESH, KEPT_IMAGE, ONCE_IN_ORDER, ONE_VOICE, ONE_WINNER};
use crate::scope::{self, Scope};

/// One rule of the protocol. The doc of a variant says what the rule is, not what happens without it: the
/// counterexample that the checker prints shows that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    // The log's verdicts.
    /// A record is refused unless it carries the stream's present epoch.
    EpochCheck,
    /// A renewal names its sender's incarnation, and the log compares it.
    RenewalNamesIncarnation,
    /// A record is refused unless it follows the tail.
    PrevLsn,
    /// A record that is already in the stream is answered as before, not applied again.
    ResendRecognised,
    /// A fence succeeds only against the epoch its sender expected.
    CompareAndSet,
    /// A replica that nominates itself succeeds only if the tail is where it believes it to be.
    ExpectTail,
    /// `Fenced` tells a sender where *its own* epoch ended, not where the newest began.
    SendersBound,

    // The holder of a lease.
    /// Nobody answers for the stream without a live lease.
    LeaseCheck,
    /// A lease counts from the first sending of the record that succeeded, not from a resend.
    FirstSendingTime,
    /// A renewal is confirmed by a round of heartbeats that began after it arrived.
    ReadIndex,
    /// A renewal is judged only when the leader has applied all that was committed when the round began.
    AppliedReadIndex,
    /// An owner that drops its image does not go on under its epoch: one that lost only its lease keeps image and records.
    DropEndsOwnership,
    /// An answer makes a lease only for the epoch and the incarnation it was asked for.
    AnswerOfOwnEpoch,
    /// An owner that is fenced with records beyond the bound drops its image.
    DropBeyondFence,
    /// A new owner holds every record before its fence when it begins.
    ReplayToFence,
    /// A reply waits for the records it depends on.
    HazardHold,

    // The wait-out.
    /// A new owner waits until the lease before it has ended.
    WaitOut,
    /// The wait allows for clocks that differ in rate.
    WaitOutDrift,
    /// The wait is for the longest lease of any earlier epoch, not only of the one before.
    LongestEarlierLease,
    /// During the wait no reply leaves, though records may be executed and committed.
    WaitOutHoldsReplies,
    /// An owner that is fenced during its own wait releases no held reply.
    FencedInWaitOutReleasesNothing,
    /// An owner hands over only after its own wait.
    ReleaseAfterWaitOut,
    /// An owner that sent `Release` never serves under that epoch again.
    ReleaseEndsService,

    // The shortening of the wait-out.
    /// A renewal raises `clear_at` when it arrives.
    RenewalRaisesClearAt,
    /// An append raises `clear_at` when it arrives.
    AppendRaisesClearAt,
    /// So does a request of an epoch later than the one applied at the leader.
    LaterEpochRaisesClearAt,
    /// A request of an epoch not applied at the leader counts as having the longest lease there is.
    UnappliedEpochHasLongestLease,
    /// `clear_at` is never lowered within a leadership.
    ClearAtNeverLowered,
    /// The clock that `clear_at` is set by is read after the request was sent.
    ClearAtReadsClockAfterSending,
    /// `clear_at` allows for clocks that differ in rate.
    ClearAtDrift,
    /// A leadership begins with marks of its own, not with those its node had in an earlier one.
    LeadershipStartsAnew,
    /// A new leadership sets `clear_at` to the longest lease there is.
    LeadershipSetsClearAt,
    /// A new leadership sets `old_until` as well, for fences it applied as a follower.
    LeadershipSetsOldUntil,
    /// A new leadership reads its clock after it won.
    LeadershipReadsClockAfterWinning,
    /// When a fence applies at the leader, `old_until` becomes `clear_at`.
    FenceSetsOldUntil,
    /// A fence that is applied is noted before anything is judged by its epoch.
    FenceNotedBeforeJudging,
    /// Only a renewal sent after its owner learned that its fence committed is told `clear_in`.
    ClearInAfterFenceKnown,
    /// `clear_in` comes only from the leadership that the round of heartbeats confirmed.
    ClearInFromConfirmedLeadership,
    /// The owner counts `clear_in` from the answer, not from the sending.
    ClearInCountsFromAnswer,
}

impl Rule {
    /// Rules that the log follows when it judges.
    pub const OF_VERDICTS: [Rule; 7] = [
        Rule::EpochCheck,
        Rule::RenewalNamesIncarnation,
        Rule::PrevLsn,
        Rule::ResendRecognised,
        Rule::CompareAndSet,
        Rule::ExpectTail,
        Rule::SendersBound,
    ];

    /// Rules about holding a lease.
    pub const OF_LEASES: [Rule; 9] = [
        Rule::LeaseCheck,
        Rule::FirstSendingTime,
        Rule::ReadIndex,
        Rule::AppliedReadIndex,
        Rule::DropEndsOwnership,
        Rule::AnswerOfOwnEpoch,
        Rule::DropBeyondFence,
        Rule::ReplayToFence,
        Rule::HazardHold,
    ];

    /// Rules about the wait of a new owner.
    pub const OF_WAIT_OUT: [Rule; 7] = [
        Rule::WaitOut,
        Rule::WaitOutDrift,
        Rule::LongestEarlierLease,
        Rule::WaitOutHoldsReplies,
        Rule::FencedInWaitOutReleasesNothing,
        Rule::ReleaseAfterWaitOut,
        Rule::ReleaseEndsService,
    ];

    /// Rules about shortening that wait.
    pub const OF_SHORTENING: [Rule; 16] = [
        Rule::RenewalRaisesClearAt,
        Rule::AppendRaisesClearAt,
        Rule::LaterEpochRaisesClearAt,
        Rule::UnappliedEpochHasLongestLease,
        Rule::ClearAtNeverLowered,
        Rule::ClearAtReadsClockAfterSending,
        Rule::ClearAtDrift,
        Rule::LeadershipStartsAnew,
        Rule::LeadershipSetsClearAt,
        Rule::LeadershipSetsOldUntil,
        Rule::LeadershipReadsClockAfterWinning,
        Rule::FenceSetsOldUntil,
        Rule::FenceNotedBeforeJudging,
        Rule::ClearInAfterFenceKnown,
        Rule::ClearInFromConfirmedLeadership,
        Rule::ClearInCountsFromAnswer,
    ];

    /// Every rule.
    pub fn all() -> impl Iterator<Item = Rule> {
        let families = [
            &Rule::OF_VERDICTS[..],
            &Rule::OF_LEASES,
            &Rule::OF_WAIT_OUT,
            &Rule::OF_SHORTENING,
        ];
        families.into_iter().flatten().copied()
    }

    /// Where the rule is missed: a scope, and the property that breaks in it without the rule.
    pub fn missed_in(self) -> (Scope, &'static str) {
        match self {
            Rule::EpochCheck => (scope::WRITES, FENCED_OUT),
            Rule::RenewalNamesIncarnation => (scope::INCARNATIONS, ONE_VOICE),
            Rule::PrevLsn => (scope::WRITES, FRESH),
            Rule::ResendRecognised => (scope::WRITES, ONCE_IN_ORDER),
            Rule::CompareAndSet => (scope::LEASES, ONE_WINNER),
            Rule::ExpectTail => (scope::SELF_NOMINATION, FRESH),
            Rule::SendersBound => (scope::SUCCESSION, DURABLE),
            Rule::LeaseCheck | Rule::ReadIndex | Rule::AppliedReadIndex => (scope::LEASES, ONE_VOICE),
            Rule::FirstSendingTime => (scope::SUCCESSION, ONE_VOICE),
            Rule::DropEndsOwnership | Rule::ReplayToFence => (scope::WRITES, FRESH),
            Rule::AnswerOfOwnEpoch => (scope::REELECTION, ONE_VOICE),
            Rule::DropBeyondFence => (scope::WRITES, KEPT_IMAGE),
            Rule::HazardHold => (scope::WRITES, DURABLE),
            Rule::WaitOut | Rule::WaitOutDrift | Rule::LongestEarlierLease => (scope::LEASES, ONE_VOICE),
            Rule::WaitOutHoldsReplies => (scope::WRITES, FRESH),
            Rule::FencedInWaitOutReleasesNothing => (scope::REELECTION, FRESH),
            Rule::ReleaseAfterWaitOut | Rule::ReleaseEndsService => (scope::HANDOVER, ONE_VOICE),
            Rule::AppendRaisesClearAt => (scope::SHORTENED_WRITES, ONE_VOICE),
            Rule::LaterEpochRaisesClearAt | Rule::UnappliedEpochHasLongestLease | Rule::ClearAtNeverLowered => {
                (scope::REELECTION, ONE_VOICE)
            }
            Rule::RenewalRaisesClearAt
            | Rule::ClearAtReadsClockAfterSending
            | Rule::ClearAtDrift
            | Rule::LeadershipStartsAnew
            | Rule::LeadershipSetsClearAt
            | Rule::LeadershipSetsOldUntil
            | Rule::LeadershipReadsClockAfterWinning
            | Rule::FenceSetsOldUntil
            | Rule::FenceNotedBeforeJudging
            | Rule::ClearInAfterFenceKnown
            | Rule::ClearInFromConfirmedLeadership
            | Rule::ClearInCountsFromAnswer => (scope::LEADERS, ONE_VOICE),
        }
    }
}
