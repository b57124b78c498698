//! Starts real processes of the platform on loopback, and breaks them: for `tenure dev` and for tests.
//! Promises: what it started is gone when it is dropped, and nothing it hands out (ports, folders, authorities) is shared
//! with another cluster on the machine. Waits are for a state and bounded; none is for time to pass.
//! Leaves to the binary: everything a process does. Never touches a process or a file that it did not make.

mod links;
mod log_nodes;
mod pki;
mod port;
mod process;
mod proxy;

pub use links::Links;
pub use log_nodes::{LogNodes, LogNodesOptions, Profile};
pub use pki::{Authority, CredentialFiles, data_node_name};
pub use port::Port;
pub use process::{Process, State};
pub use proxy::{Direction, Flow, Proxy, Seen};
