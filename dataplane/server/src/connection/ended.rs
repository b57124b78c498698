//! Why a connection ended, for the log of whoever looks for one.

use crate::client::End;

/// The end of a connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("everything was answered")]
    Done,
    #[error("the client closed it")]
    ByClient,
    #[error("the socket failed: {source}")]
    Socket { source: std::io::Error },
    #[error("the client asked for more than {bytes_max} bytes of replies, or left them unread")]
    RepliesUnread { bytes_max: usize },
    #[error("it was told to end: {reason:?}")]
    Told { reason: End },
}
