//! Questions that a group's leader answers after a round among the voters: renewals and descriptions.
//! Promises: every question gets exactly one answer, whatever happens. What one node did not judge is asked again until
//! the time is over: of another node if this one does not lead, cannot be reached, or did not come to an answer in time,
//! and of the same one if it was busy or gave the question up. Groups wait for each other in nothing.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tenure_log::Unknown;
use tenure_types::GroupId;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::group::Group;
use super::later;
use super::leader::{Pauses, Search};
use super::options::ClientOptions;
use crate::convert::BadMessage;

/// How long one node is waited for. A bit longer than its rounds among the voters take at most (`CONFIRM_WITHIN` in
/// `group.rs`), so that it is the node that says that it could not tell.
const ATTEMPT_MAX: Duration = Duration::from_millis(500);

/// Something that many streams of a group are asked at once.
pub(super) trait Question: Copy + Send + Sync + 'static {
    /// What becomes of one.
    type Outcome: Send + Sync + 'static;

    /// The group of the stream that is asked about.
    fn group_asked(&self) -> GroupId;

    /// Asks one node, which answers all or nothing.
    fn ask(
        channel: Channel,
        group: GroupId,
        questions: Vec<Self>,
        claim: Claim,
    ) -> impl Future<Output = Result<Vec<Self::Outcome>, Failed>> + Send;

    /// The outcome that nothing is known.
    fn unknown(unknown: Unknown) -> Self::Outcome;

    /// Why this outcome is none; `None`: it was judged.
    fn why_unknown(outcome: &Self::Outcome) -> Option<Unknown>;
}

/// For how long a question may say that its sender's lease is live.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    /// When the question was put.
    put_at: Instant,
    lasts: Duration,
}

impl Claim {
    /// Whether a question that leaves now may say so.
    pub(super) fn holds(self, now: Instant) -> bool {
        now.saturating_duration_since(self.put_at) <= self.lasts
    }
}

/// Questions with their outcomes.
pub(super) type Answers<Q> = Vec<(Q, <Q as Question>::Outcome)>;

/// Why a node gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    /// It could not be asked, or did not answer.
    #[error("{:?}: {}", .0.code(), .0.message())]
    Rpc(#[from] Status),
    /// It answered what cannot be read.
    #[error(transparent)]
    Unreadable(#[from] BadMessage),
    /// It answered more or fewer questions than it was asked.
    #[error("the node answered more or fewer questions than it was asked")]
    Miscounted,
}

/// Questions to one group, and how long there is for them.
pub(super) struct Asking<Q: Question> {
    owed: Owed<Q>,
    group: Arc<Group>,
    options: Arc<ClientOptions>,
    put_at: Instant,
    within: Duration,
    _permit: OwnedSemaphorePermit,
}

impl<Q: Question> Asking<Q> {
    /// The questions are put now. `None`: too much is asked of the group already, and they are answered so.
    pub(super) fn begin(
        questions: Vec<Q>,
        to: mpsc::Sender<Answers<Q>>,
        group: Arc<Group>,
        options: Arc<ClientOptions>,
        within: Duration,
    ) -> Option<Self> {
        let owed = Owed::new(questions, to);
        let Ok(permit) = Arc::clone(&group.asking).try_acquire_owned() else {
            owed.answer(Unknown::Busy);
            return None;
        };
        Some(Self {
            owed,
            group,
            options,
            put_at: Instant::now(),
            within,
            _permit: permit,
        })
    }

    /// Asks until every question is answered or the time is over.
    pub(super) async fn ask(mut self) {
        let deadline = later(self.put_at, self.within);
        let pauses = self.options.pauses();
        let mut search = self.search(pauses);
        let mut why = Unknown::TimedOut { after: self.within };
        while !self.owed.questions.is_empty() && Instant::now() < deadline {
            let pause = match self.ask_once(&mut search, deadline).await {
                Ok(pause) => pause,
                Err((unknown, pause)) => {
                    why = unknown;
                    pause
                }
            };
            if !pause.is_zero() {
                tokio::time::sleep_until(later(Instant::now(), pause).min(deadline)).await;
            }
        }
        self.owed.answer(why);
    }

    fn search(&self, pauses: Pauses) -> Search {
        let first = self.group.leader.first();
        Search::new(self.group.confirming.nodes().ids(), first, pauses)
    }

    /// Asks one node. Answers how long to pause before the next, and why there has to be one.
    async fn ask_once(&mut self, search: &mut Search, deadline: Instant) -> Result<Duration, (Unknown, Duration)> {
        let (at, asked_at) = (search.at(), Instant::now());
        let leader = Arc::clone(&self.group.leader);
        let outcomes = match self.outcomes(at, asked_at, deadline).await {
            Ok(outcomes) => outcomes,
            Err(failed) => {
                let node = self.group.confirming.nodes().id(at);
                tracing::debug!(group = %self.group.id, ?node, %failed, "a log node did not answer");
                let pause = search.failed();
                leader.doubt(at, asked_at, search.at());
                return Err((self.unknown_of(&failed), pause));
            }
        };
        let Settled { judged, unknown } = self.owed.settle(outcomes);
        if judged {
            leader.found(at, asked_at);
        }
        let Some(unknown) = unknown else {
            return Ok(Duration::ZERO);
        };
        let pause = match unknown {
            Unknown::NoLeader { hint } => search.refused(hint),
            // It may be cut off from the others.
            Unknown::TimedOut { .. } | Unknown::Disconnected => search.failed(),
            Unknown::Busy | Unknown::Discarded => search.stay(),
        };
        leader.doubt(at, asked_at, search.at());
        Err((unknown, pause))
    }

    async fn outcomes(&self, at: usize, asked_at: Instant, deadline: Instant) -> Result<Vec<Q::Outcome>, Failed> {
        let claim = Claim {
            put_at: self.put_at,
            lasts: self.options.lease_claim_max,
        };
        let questions = self.owed.questions.clone();
        let asked = questions.len();
        let connections = &self.group.confirming;
        let channel = connections.channel(at);
        let channel = channel.map_err(|error| Status::unavailable(error.to_string()))?;
        // A node that is silent must leave time to ask another.
        let until = later(asked_at, ATTEMPT_MAX).min(deadline);
        let asking = Q::ask(channel, self.group.id, questions, claim);
        let Ok(answered) = tokio::time::timeout_at(until, asking).await else {
            connections.forget(at);
            return Err(Status::deadline_exceeded("the node did not answer").into());
        };
        let outcomes = answered?;
        if outcomes.len() == asked {
            Ok(outcomes)
        } else {
            Err(Failed::Miscounted)
        }
    }

    fn unknown_of(&self, failed: &Failed) -> Unknown {
        let Failed::Rpc(status) = failed else {
            return Unknown::Disconnected;
        };
        unknown_of(status, self.within)
    }
}

/// What a call's end by gRPC says of its outcome, when it had so much time.
pub(super) fn unknown_of(status: &Status, within: Duration) -> Unknown {
    match status.code() {
        Code::DeadlineExceeded => Unknown::TimedOut { after: within },
        Code::ResourceExhausted => Unknown::Busy,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss
        | Code::Unauthenticated => Unknown::Disconnected,
    }
}

/// Answers every question that nothing is known, without asking anybody.
pub(super) fn refuse<Q: Question>(questions: Vec<Q>, to: mpsc::Sender<Answers<Q>>, unknown: Unknown) {
    Owed::new(questions, to).answer(unknown);
}

/// What one node did with the questions it was asked.
#[derive(Debug, PartialEq, Eq)]
struct Settled {
    /// It judged some, as only a leader does.
    judged: bool,
    /// Why it did not judge the others. Of several reasons, one to ask another node; `None`: it judged all.
    unknown: Option<Unknown>,
}

/// Questions to one group, and the answers so far. They are given all together, once, by whatever drops this.
struct Owed<Q: Question> {
    questions: Vec<Q>,
    settled: Answers<Q>,
    /// What is told of the questions that are left.
    unknown: Unknown,
    to: mpsc::Sender<Answers<Q>>,
}

impl<Q: Question> Owed<Q> {
    fn new(questions: Vec<Q>, to: mpsc::Sender<Answers<Q>>) -> Self {
        Self {
            settled: Vec::with_capacity(questions.len()),
            questions,
            unknown: Unknown::Disconnected,
            to,
        }
    }

    /// Keeps what the node judged. The rest is still owed.
    fn settle(&mut self, outcomes: Vec<Q::Outcome>) -> Settled {
        let sends_on = |unknown: &Unknown| !matches!(unknown, Unknown::Busy | Unknown::Discarded);
        let mut all = Settled {
            judged: false,
            unknown: None,
        };
        for (question, outcome) in std::mem::take(&mut self.questions).into_iter().zip(outcomes) {
            match Q::why_unknown(&outcome) {
                Some(unknown) => {
                    all.unknown = all.unknown.filter(sends_on).or(Some(unknown));
                    self.questions.push(question);
                }
                None => {
                    all.judged = true;
                    self.settled.push((question, outcome));
                }
            }
        }
        all
    }

    fn answer(mut self, unknown: Unknown) {
        self.unknown = unknown;
    }
}

impl<Q: Question> Drop for Owed<Q> {
    fn drop(&mut self) {
        let mut answers = std::mem::take(&mut self.settled);
        let left = std::mem::take(&mut self.questions).into_iter();
        answers.extend(left.map(|question| (question, Q::unknown(self.unknown))));
        // Whoever dropped the stream does not want to hear it. Else there is room: one for each that is owed.
        let _ = self.to.try_send(answers);
    }
}

#[cfg(test)]
mod tests;
