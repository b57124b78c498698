//! Messages between nodes, in protobuf. Those of `call.proto` are stored as well: a log entry holds each logged call
//! ([`log_v1::Call`]) as the leader that proposed it encoded it, and the voters pass entries on as they are stored.
//! Promises: what one version wrote, every later one reads as it was meant. So a field never changes its number, type or
//! meaning; one that goes leaves its number `reserved`; one that comes means by its absence what held before it came.
//! Decoding skips what it does not know, and encoding again loses it: a leader that is older than its caller stores the
//! call without what it does not know. So callers are upgraded after the log nodes; stored bytes are passed on, never
//! rebuilt; and what an older node must not skip comes under a new version of the entry, where that node stops.
//! `tests/golden` holds the bytes.
//! Leaves to its users: what is well formed, and the conversions to their own types. The services are there too, since
//! what is generated for them needs tonic, which brings tokio, and this package is pure.

pub mod control_v1;
pub mod log_v1;
