//! Starts real processes of the platform on loopback, and breaks them: for `tenure dev` and for tests.
//! Promises: what it started is gone when it is dropped, and nothing it hands out (ports, folders, authorities) is shared
//! with another cluster on the machine. Waits are for a state and bounded; none is for time to pass.
//! Leaves to the binary: everything a process does. Never touches a process or a file that it did not make.

mod control_node;
mod data_nodes;
mod fleet;
mod layout_file;
mod links;
mod log_nodes;
mod log_routes;
mod new_file;
mod pki;
mod placement;
mod port;
mod process;
mod proxy;

pub use control_node::{ControlNode, ControlNodeOptions};
pub use data_nodes::{ClusterOptions, ControlledOptions, DataNodes, DataNodesOptions};
pub use fleet::Fleet;
pub use layout_file::write_layout;
pub use links::Links;
pub use log_nodes::{LogNodes, LogNodesOptions, Profile};
pub use log_routes::LogRoutes;
pub use new_file::{PRIVATE, PUBLIC, make_folder, replace};
pub use pki::{Authority, CredentialFiles, data_node_name};
pub use placement::Placement;
pub use port::{Port, PortInUse, Ports};
pub use process::{Process, State};
pub use proxy::{Direction, Flow, Proxy, Seen};
