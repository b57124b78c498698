//! The `[tls]` section of every node's configuration: who the node is to other nodes.
//! Promises: a file that cannot be read is named. Leaves to the transport: whether what is in them can be used.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;
use tenure_log_node::transport::Credentials;

use crate::failure::{Failure, OrHint};

/// PEM files. They are read at the start only.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsFiles {
    /// The certificate of the authority that signed those of all nodes and callers. Since 0.1.
    pub(crate) authority: PathBuf,
    /// The certificate of this node: of a log node for the name `node-<node>.log.tenure.internal`, of a data node for
    /// `node-<node>.data.tenure.internal`. Since 0.1.
    pub(crate) certificate: PathBuf,
    /// The key to it. Nobody else should be able to read it. Since 0.1.
    pub(crate) key: PathBuf,
}

impl TlsFiles {
    /// Relative paths start at `folder` from now on.
    pub(crate) fn start_at(&mut self, folder: &Path) {
        for path in [&mut self.authority, &mut self.certificate, &mut self.key] {
            *path = folder.join(&*path);
        }
    }

    /// Reads all of them.
    pub(crate) fn read(&self) -> Result<Credentials, Failure> {
        let read = |path: &Path| {
            let text = fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()));
            text.or_hint("check the paths under [tls], and that this user may read the files")
        };
        Ok(Credentials {
            authority_pem: read(&self.authority)?,
            certificate_pem: read(&self.certificate)?,
            key_pem: read(&self.key)?,
        })
    }
}
