//! Scopes: the small worlds that are searched to the end.
//! A scope bounds how many epochs, records, leader changes there may be; inside these bounds every order of events,
//! every loss, delay and repetition of messages, and every allowed drift of every clock is tried.
//! One scope that held everything would never end, so each turns on what its question needs and says what that is.

/// Ticks of a clock. In one step of true time a clock moves one or two ticks, chosen anew at every step: clocks differ
/// in rate by at most a factor of two, so ρ is one third and (1+ρ)/(1−ρ) is exactly 2. A step is the finest time there
/// is: a wait that is too short by less than a step of its clock is not seen. The arithmetic is exact; the search shows
/// which terms it needs.
pub type Ticks = u8;

/// (1+ρ)/(1−ρ) for the clocks of the model: by how much one clock may outrun another.
pub const DRIFT: Ticks = 2;

/// The longest lease a fence may ask for: the quorum's constant `L_max`.
pub const LEASE_MAX: Ticks = 2;

/// Most processes a scope may hold.
pub const PROCESSES_MAX: usize = 3;
/// Most records a scope may hold.
pub const RECORDS_MAX: usize = 3;
/// Most entries the log of a scope may hold: three fences, two releases, three records.
pub const LOG_MAX: usize = 8;
/// Most proposals the log leader holds that are not committed yet.
pub const PENDING_MAX: usize = 2;

/// Bounds of one search.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Short name, used in tests and in the table that the binary prints.
    pub name: &'static str,
    /// The question this scope answers.
    pub about: &'static str,
    /// The node each process runs on. Two processes of one node are two incarnations of it that run at once, as when an
    /// orphan of the old process lives on beside its successor.
    pub nodes: &'static [u8],
    /// Lease lengths a fence may ask for.
    pub leases: &'static [Ticks],
    /// Epochs that may begin, the first one included.
    pub epochs: u8,
    /// Records that may be executed, over all processes.
    pub records: u8,
    /// Times the log may change its leader.
    pub elections: u8,
    /// May a primary hand over by `Release`?
    pub releases: bool,
    /// May a replica nominate itself, at whatever position it believes to be the tail?
    pub self_nomination: bool,
    /// May the process that owns the newest epoch be fenced in favour of itself?
    pub fence_in_place: bool,
    /// Does the log leader keep `clear_at` and `old_until`, and answer `clear_in`?
    pub shortening: bool,
    /// May a process renew before it knows that its fence committed?
    pub early_renewal: bool,
    /// Is every combination of clock rates tried, and not only those that can do most harm?
    pub every_rate: bool,
}

const NOTHING: Scope = Scope {
    name: "",
    about: "",
    nodes: &[0, 1],
    leases: &[1, 2],
    epochs: 2,
    records: 0,
    elections: 0,
    releases: false,
    self_nomination: false,
    fence_in_place: false,
    shortening: false,
    early_renewal: false,
    every_rate: false,
};

/// Leases by renewal alone, three contenders, the full wait-out.
pub const LEASES: Scope = Scope {
    name: "leases",
    about: "A, B and C are fenced in any order, with leases of two lengths, while the log changes its leader",
    nodes: &[0, 1, 2],
    epochs: 3,
    elections: 1,
    ..NOTHING
};

/// Two would-be owners and every rate of every clock.
pub const RATES: Scope = Scope {
    name: "rates",
    about: "the same for A and B, trying every rate of every clock and not only the harmful ones",
    elections: 1,
    shortening: true,
    early_renewal: true,
    every_rate: true,
    ..NOTHING
};

/// The commit pipeline: records in flight, resends, verdicts, lapse and resume.
pub const WRITES: Scope = Scope {
    name: "writes",
    about: "records in flight are reordered, lost, resent and fenced while the log changes its leader",
    records: 2,
    elections: 1,
    ..NOTHING
};

/// Three epochs of writes: what a sender is told that was fenced more than once.
pub const SUCCESSION: Scope = Scope {
    name: "succession",
    about: "records of A and B meet two fences, and the loser of one may be the winner of the next",
    epochs: 3,
    records: 2,
    leases: &[1],
    fence_in_place: true,
    ..NOTHING
};

/// Re-election: the owner is fenced in favour of itself, or comes back after another.
pub const REELECTION: Scope = Scope {
    name: "re-election",
    about: "the owner is fenced in favour of itself, or of another and then of itself again",
    epochs: 3,
    records: 1,
    shortening: true,
    fence_in_place: true,
    ..NOTHING
};

/// Replicas that nominate themselves.
pub const SELF_NOMINATION: Scope = Scope {
    name: "self-nomination",
    about: "replicas that may lag nominate themselves, against each other and the control plane",
    records: 2,
    self_nomination: true,
    leases: &[1],
    ..NOTHING
};

/// Two incarnations of one node at once.
pub const INCARNATIONS: Scope = Scope {
    name: "incarnations",
    about: "a process and its successor on the same node live side by side",
    nodes: &[0, 0],
    epochs: 3,
    records: 1,
    early_renewal: true,
    ..NOTHING
};

/// Planned hand-over.
pub const HANDOVER: Scope = Scope {
    name: "hand-over",
    about: "owners release, at any time they may and whatever becomes of the request",
    nodes: &[0, 1, 2],
    epochs: 3,
    records: 1,
    releases: true,
    ..NOTHING
};

/// The shortened wait-out across three owners.
pub const SHORTENING: Scope = Scope {
    name: "shortening",
    about: "clear_in shortens the wait of B and C, also when B never spoke",
    nodes: &[0, 1, 2],
    epochs: 3,
    shortening: true,
    early_renewal: true,
    ..NOTHING
};

/// The shortened wait-out while the log's leadership goes to a follower and back.
pub const LEADERS: Scope = Scope {
    name: "leaders",
    about: "clear_in shortens the wait while leadership goes to a follower and back",
    elections: 2,
    shortening: true,
    early_renewal: true,
    ..NOTHING
};

/// The shortened wait-out when leases are made by records.
pub const SHORTENED_WRITES: Scope = Scope {
    name: "shortened writes",
    about: "clear_in shortens the wait when leases are made by records as well",
    records: 1,
    elections: 1,
    shortening: true,
    ..NOTHING
};

/// Planned hand-over with the shortened wait-out, while the log changes its leader.
pub const SHORTENED_HANDOVER: Scope = Scope {
    name: "shortened hand-over",
    about: "owners release while clear_in shortens other waits and the log changes its leader",
    epochs: 3,
    elections: 1,
    releases: true,
    shortening: true,
    ..NOTHING
};

/// All scopes, in the order they are searched.
pub const ALL: [Scope; 12] = [
    LEASES,
    RATES,
    WRITES,
    SUCCESSION,
    REELECTION,
    SELF_NOMINATION,
    INCARNATIONS,
    HANDOVER,
    SHORTENING,
    LEADERS,
    SHORTENED_WRITES,
    SHORTENED_HANDOVER,
];
