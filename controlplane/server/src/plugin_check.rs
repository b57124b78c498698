//! Whether a module that a tenant pushed can be run: asked of somebody else, for the answer takes a compiler and a trial run
//! of what nobody trusts.
//! Promises: none of it runs in this process. Leaves to the binary: where it runs, and with which limits.

use std::fmt;
use std::io;

use async_trait::async_trait;
use tenure_plugin_abi::Manifest;

/// See the top of the file.
#[async_trait]
pub trait PluginCheck: Send + Sync + fmt::Debug {
    /// What the module says of itself, if it can be run. Ends in bounded time, whatever the module is.
    async fn check(&self, module: &[u8]) -> Result<Manifest, PluginCheckError>;
}

/// Why there is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum PluginCheckError {
    /// The module cannot be run. It was looked at in another process, of which only the sentence comes back.
    #[error("{reason}")]
    Unfit {
        /// A sentence for its author.
        reason: String,
    },
    /// Nobody could look: that says nothing about the module.
    #[error("the module could not be looked at")]
    Unavailable {
        /// Why.
        #[source]
        source: io::Error,
    },
}
