//! How the groups look, from whichever node answers first.

use std::sync::Arc;
use std::time::Duration;

use tenure_log::{LogStatus, Unknown};
use tenure_wire::log_v1 as wire;
use tonic::Status;

use super::confirm::unknown_of;
use super::nodes::Connections;
use crate::convert;

/// Asks the nodes in turn.
pub(super) async fn status(connections: Arc<Connections>, within: Duration) -> Result<LogStatus, Unknown> {
    let nodes = connections.nodes();
    let each = within / u32::try_from(nodes.count()).unwrap_or(u32::MAX).max(1);
    let mut unknown = Unknown::Disconnected;
    for index in 0..nodes.count() {
        unknown = match tokio::time::timeout(each, status_of(&connections, index)).await {
            Ok(Ok(status)) => return Ok(status),
            Ok(Err(status)) => {
                let (node, code) = (nodes.id(index), status.code());
                tracing::debug!(?node, ?code, message = status.message(), "a log node did not answer");
                unknown_of(&status, within)
            }
            Err(_) => {
                connections.forget(index);
                Unknown::TimedOut { after: within }
            }
        };
    }
    Err(unknown)
}

async fn status_of(connections: &Connections, index: usize) -> Result<LogStatus, Status> {
    let client = connections.client(index);
    let mut client = client.map_err(|error| Status::unavailable(error.to_string()))?;
    let response = client.status(wire::StatusRequest {}).await?;
    Ok(convert::log_status_from_wire(response.get_ref()))
}
