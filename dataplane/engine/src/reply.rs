//! What a command answers with, piece by piece.
//! Promises: a command does not know whether a socket, a transaction, a script or a test reads its reply.

use crate::CommandError;

/// Which version of the protocol the reader of a reply chose with HELLO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// RESP2: what a client speaks that never said HELLO.
    #[default]
    Resp2,
    /// RESP3.
    Resp3,
}

/// Takes a reply. A header (`array`, `map`, `set`) is followed by exactly as many whole replies as it says.
///
/// Types that RESP2 lacks are written as Redis writes them to a RESP2 client: a map as a flat array, a double as a bulk
/// string, a boolean as an integer, null as the null bulk string. A command that answers differently in the two versions
/// beyond that asks [`Reply::protocol`].
pub trait Reply {
    /// What the reader speaks.
    fn protocol(&self) -> Protocol;
    /// `+OK` and its like.
    fn simple(&mut self, text: &str);
    /// An error in the place of a reply, such as one of the replies within EXEC.
    fn error(&mut self, error: &CommandError);
    /// A number.
    fn integer(&mut self, number: i64);
    /// Bytes.
    fn bulk(&mut self, bytes: &[u8]);
    /// Nothing in the place of a value.
    fn null(&mut self);
    /// Nothing in the place of an array: differs from `null` in RESP2 only.
    fn null_array(&mut self);
    /// So many replies follow.
    fn array(&mut self, replies: usize);
    /// So many pairs of replies follow.
    fn map(&mut self, pairs: usize);
    /// So many replies follow, in no order.
    fn set(&mut self, replies: usize);
    /// A number with a fraction.
    fn double(&mut self, number: f64);
    /// Yes or no.
    fn boolean(&mut self, yes: bool);
    /// Text for people; `format` is `txt` or `mkd`.
    fn verbatim(&mut self, format: &str, text: &str);

    /// `+OK`.
    fn ok(&mut self) {
        self.simple("OK");
    }

    /// Bytes, or null.
    fn bulk_or_null(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }
}
