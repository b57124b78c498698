//! How commands write to an output.
//! Promises: the bytes are those of `tenure-resp`; nothing is kept beside them.

use bytes::BytesMut;
use tenure_engine::{CommandError, Protocol, Reply};
use tenure_resp::{ReplyWriter, Version};

/// Writes one reply.
#[derive(Debug)]
pub(crate) struct Writer<'o> {
    writer: ReplyWriter<'o>,
}

impl<'o> Writer<'o> {
    /// To the end of these bytes.
    pub(crate) fn new(bytes: &'o mut BytesMut, protocol: Protocol) -> Self {
        let version = match protocol {
            Protocol::Resp2 => Version::Resp2,
            Protocol::Resp3 => Version::Resp3,
        };
        Self {
            writer: ReplyWriter::new(bytes, version),
        }
    }
}

impl Reply for Writer<'_> {
    fn protocol(&self) -> Protocol {
        match self.writer.version() {
            Version::Resp2 => Protocol::Resp2,
            Version::Resp3 => Protocol::Resp3,
        }
    }

    fn simple(&mut self, text: &str) {
        self.writer.simple(text);
    }

    fn error(&mut self, error: &CommandError) {
        self.writer.error(&error.to_string());
    }

    fn integer(&mut self, number: i64) {
        self.writer.integer(number);
    }

    fn bulk(&mut self, bytes: &[u8]) {
        self.writer.bulk(bytes);
    }

    fn null(&mut self) {
        self.writer.null();
    }

    fn null_array(&mut self) {
        self.writer.null_array();
    }

    fn array(&mut self, replies: usize) {
        self.writer.array(replies);
    }

    fn map(&mut self, pairs: usize) {
        self.writer.map(pairs);
    }

    fn set(&mut self, replies: usize) {
        self.writer.set(replies);
    }

    fn double(&mut self, number: f64) {
        self.writer.double(number);
    }

    fn boolean(&mut self, yes: bool) {
        self.writer.boolean(yes);
    }

    fn verbatim(&mut self, format: &str, text: &str) {
        self.writer.verbatim(format, text);
    }
}
