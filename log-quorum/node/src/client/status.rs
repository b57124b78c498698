//! How the groups look, from whichever node answers first.

use std::sync::Arc;
use std::time::Duration;

use tenure_log::{LogStatus, Unknown};
use tenure_wire::log_v1 as wire;
use tonic::Status;

use super::confirm::unknown_of;
use super::nodes::{self, Nodes};
use crate::convert;

/// Asks the nodes in turn, each over a new connection: people ask seldom.
pub(super) async fn status(nodes: Arc<Nodes>, within: Duration) -> Result<LogStatus, Unknown> {
    let each = within / u32::try_from(nodes.count()).unwrap_or(u32::MAX).max(1);
    let mut unknown = Unknown::Disconnected;
    for index in 0..nodes.count() {
        unknown = match tokio::time::timeout(each, status_of(&nodes, index)).await {
            Ok(Ok(status)) => return Ok(status),
            Ok(Err(status)) => {
                let (node, code) = (nodes.id(index), status.code());
                tracing::debug!(?node, ?code, message = status.message(), "a log node did not answer");
                unknown_of(&status, within)
            }
            Err(_) => Unknown::TimedOut { after: within },
        };
    }
    Err(unknown)
}

async fn status_of(nodes: &Nodes, index: usize) -> Result<LogStatus, Status> {
    let channel = nodes.connect(index);
    let channel = channel.map_err(|error| Status::unavailable(error.to_string()))?;
    let response = nodes::client(channel).status(wire::StatusRequest {}).await?;
    Ok(convert::log_status_from_wire(response.get_ref()))
}
