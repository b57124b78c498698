//! How a client behaves when the log is slow, busy or partly gone.

use std::time::Duration;

use super::leader::Pauses;

/// Settings of a [`QuorumLog`](super::QuorumLog).
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// How long a call may take before its caller hears that nothing is known. Until then all calls but appends are
    /// repeated as they were when a node could not answer them, and appends wait for a connection. A node that owes one
    /// answer for so long is given up, whatever else it answers. Default 5 s: longer than an election and a round trip take together. Since 0.1.
    pub call_deadline: Duration,
    /// As `call_deadline`, for renewals. Default 1 s: an owner renews several times in that time, and a lease of the
    /// fast profile is nearly over. Since 0.1.
    pub renew_deadline: Duration,
    /// An append or a renewal that leaves later than this after it was submitted no longer says that its sender's lease
    /// is live. Default 200 ms, a sixth of the fast profile's lease: an owner that cannot reach the log must not look
    /// alive by what waited in its queue. Since 0.1.
    pub lease_claim_max: Duration,
    /// Most appends of one group without an answer, and as many of the other calls together. One more is answered
    /// `Busy`. Default 16,384: what a log node takes of one caller. Since 0.1.
    pub queued_calls_max: usize,
    /// Most bytes of one group's appends without an answer. One more is answered `Busy`. Default 64 MiB: twice what a
    /// log node takes of one caller. Since 0.1.
    pub queued_bytes_max: usize,
    /// Bytes of calls that one message collects; a larger call has one of its own. Default 1 MiB. Since 0.1.
    pub message_bytes_max: usize,
    /// Pause after every node was asked in vain once. Doubles with each further time. Default 20 ms. Since 0.1.
    pub retry_pause_min: Duration,
    /// The longest such pause. Default 200 ms: an election takes about as long. Since 0.1.
    pub retry_pause_max: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            call_deadline: Duration::from_secs(5),
            renew_deadline: Duration::from_secs(1),
            lease_claim_max: Duration::from_millis(200),
            queued_calls_max: 16_384,
            queued_bytes_max: 64 << 20,
            message_bytes_max: 1 << 20,
            retry_pause_min: Duration::from_millis(20),
            retry_pause_max: Duration::from_millis(200),
        }
    }
}

impl ClientOptions {
    pub(super) fn pauses(&self) -> Pauses {
        Pauses {
            // Never none: nodes that all refuse would be asked without a breath.
            min: self.retry_pause_min.max(Duration::from_millis(1)),
            max: self.retry_pause_max.max(Duration::from_millis(1)),
        }
    }
}
