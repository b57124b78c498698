//! The numbers every part of Tenure speaks of: ids, positions, epochs, lengths of leases, instants.
//! Promises: a number of one kind cannot be passed for another, and every rule about a number lives in its type.
//! Leaves to others: what the numbers decide. Never touches a clock or randomness; [`Clock`] is handed in by the edge.

mod epoch;
mod ids;
mod lease;
mod lsn;
mod owner;
mod stream_id;
mod time;

pub use epoch::Epoch;
pub use ids::{GroupId, NodeId, ParseIdError, TenantId};
pub use lease::{CLOCK_RATE_ERROR_PER_MILLE, LeaseLength};
pub use lsn::Lsn;
pub use owner::{Incarnation, Owner};
pub use stream_id::{ParseStreamIdError, StreamId};
pub use time::{BootTime, Clock, WallTime};
