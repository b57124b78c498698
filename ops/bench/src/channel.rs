//! Whether clients speak TLS, and with what they do.

use std::path::PathBuf;

use serde::Serialize;

/// How clients reach a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Channel {
    Plain,
    Tls,
}

/// Where a server is, and how a client gets in.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) port: u16,
    /// Of the user `default`; `None`: it asks for none.
    pub(crate) password: Option<String>,
    /// The authority of its certificate; `None`: plain.
    pub(crate) authority: Option<PathBuf>,
}

impl Door {
    /// The flags of redis-benchmark and redis-cli, which share them.
    pub(crate) fn flags(&self) -> Vec<String> {
        let mut flags = vec!["-h".to_owned(), "127.0.0.1".to_owned()];
        flags.extend(["-p".to_owned(), self.port.to_string()]);
        if let Some(password) = &self.password {
            flags.extend(["-a".to_owned(), password.clone()]);
        }
        if let Some(authority) = &self.authority {
            flags.extend([
                "--tls".to_owned(),
                "--cacert".to_owned(),
                authority.display().to_string(),
            ]);
        }
        flags
    }
}
