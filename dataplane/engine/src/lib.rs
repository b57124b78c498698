//! The engine: one shard's data, and the commands that read and change it.
//! Promises: it is a function of its arguments: no clock, no randomness, no order of a run's own. A command changes data
//! by [`Effect`]s only, and the same effects in the same order make the same data on a replica. A command that fails
//! changed nothing.
//! Leaves to `server`: sockets, who may run what, when the time is up, the log, and when a reply may leave.
//!
//! ```text
//!   Args ──▶ Command.run(Call) ──▶ Reply             what the client reads
//!                 │      ▲
//!        write(Effect)  lookups                       Image: keyspace, time of the turn, memory
//!                 ▼      │
//!              Keyspace ─┘   └──▶ effects of the turn, encoded ──▶ a record of the log ──▶ Image::replay on replicas
//! ```

mod args;
pub mod command;
pub mod commands;
mod dump;
mod effect;
mod error;
pub mod eviction;
pub mod glob;
mod image;
mod keyspace;
mod number;
mod random;
mod reply;
mod score;
mod slot;

pub use args::{Args, OwnedArgs};
pub use dump::DumpError;
pub use effect::{Applied, Effect, EffectError, Effects};
pub use error::CommandError;
pub use image::{Image, ImageOptions, Lookups, Mode, Stats};
pub use keyspace::{Aggregate, Combination, Entry, Hash, Keyspace, Operation, Position, SortedSet, ValueRef};
pub use random::Random;
pub use reply::{Protocol, Reply};
pub use score::Score;
pub use slot::{SLOTS, Slot, key_slot};
