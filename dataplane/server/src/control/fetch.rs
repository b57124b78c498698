//! Getting the bytes of a plugin's module from the control plane.
//! Promises: what comes back is what was asked for, to the bit; it is bounded in bytes and in time.

#[cfg(test)]
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use tenure_plugin_abi::MODULE_BYTES_MAX;
use tenure_wire::control_v1::{ModulePart, ModuleRequest};
use tokio::time::timeout;
use tonic::transport::Channel;

use super::modules::{ModuleId, id_of};
use crate::generated::nodes_client::NodesClient;
use crate::replica::error_chain;

/// How long one module may take.
const FETCHED_WITHIN: Duration = Duration::from_secs(30);

/// Why there is nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the control plane does not give it: {reason}")]
    Refused { reason: String },
    #[error("the control plane gives more than the {MODULE_BYTES_MAX} bytes that a module may have")]
    TooLarge,
    #[error("the control plane gives something else: its sha-256 is another")]
    Another,
    #[error("the control plane takes longer than {} s to give it", FETCHED_WITHIN.as_secs())]
    TooSlow,
}

/// Who gives modules.
#[derive(Clone)]
pub(super) enum Source {
    /// The control plane.
    ControlPlane(Channel),
    #[cfg(test)]
    Test(Arc<dyn Fn(ModuleId) -> Result<Vec<u8>, FetchError> + Send + Sync>),
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source")
    }
}

impl Source {
    pub(super) async fn fetch(&self, id: ModuleId) -> Result<Vec<u8>, FetchError> {
        match self {
            Self::ControlPlane(channel) => {
                let fetching = fetch(channel.clone(), id);
                timeout(FETCHED_WITHIN, fetching)
                    .await
                    .unwrap_or(Err(FetchError::TooSlow))
            }
            #[cfg(test)]
            Self::Test(fetch) => fetch(id),
        }
    }
}

async fn fetch(channel: Channel, id: ModuleId) -> Result<Vec<u8>, FetchError> {
    let request = ModuleRequest {
        sha256: id.to_vec().into(),
    };
    let answer = NodesClient::new(channel).module(request).await;
    let parts = answer.map_err(|status| FetchError::Refused {
        reason: error_chain(&status),
    })?;
    collect(parts.into_inner(), id).await
}

/// Puts the parts together.
pub(super) async fn collect<E: std::error::Error>(
    parts: impl Stream<Item = Result<ModulePart, E>>,
    id: ModuleId,
) -> Result<Vec<u8>, FetchError> {
    let mut parts = std::pin::pin!(parts);
    let mut bytes = Vec::new();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|error| FetchError::Refused {
            reason: error_chain(&error),
        })?;
        if bytes.len().saturating_add(part.bytes.len()) > MODULE_BYTES_MAX {
            return Err(FetchError::TooLarge);
        }
        bytes.extend_from_slice(&part.bytes);
    }
    if id_of(&bytes) != id {
        return Err(FetchError::Another);
    }
    Ok(bytes)
}
