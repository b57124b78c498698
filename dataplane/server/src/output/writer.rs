//! How commands write to an output.
//! Promises: the bytes are those of `tenure-resp`; nothing is kept beside them; once the output is past its bound, nothing is
//! added. Leaves to the connection: to end with an output past its bound, before a byte of it leaves.

use bytes::BytesMut;
use tenure_engine::{CommandError, Protocol, Reply};
use tenure_plugin_abi::Piece;
use tenure_resp::{ReplyWriter, Version};

/// Writes one reply.
#[derive(Debug)]
pub(crate) struct Writer<'o> {
    writer: ReplyWriter<'o>,
    output_bytes_max: usize,
}

impl<'o> Writer<'o> {
    /// To the end of these bytes, of which there may be so many.
    pub(crate) fn new(bytes: &'o mut BytesMut, protocol: Protocol, output_bytes_max: usize) -> Self {
        let version = match protocol {
            Protocol::Resp2 => Version::Resp2,
            Protocol::Resp3 => Version::Resp3,
        };
        Self {
            writer: ReplyWriter::new(bytes, version),
            output_bytes_max,
        }
    }

    /// A piece of a plugin's reply.
    pub(crate) fn piece(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Simple(text) => self.simple(text),
            Piece::Error(text) => self.write(|writer| writer.error(text)),
            Piece::Integer(number) => self.integer(number),
            Piece::Bulk(bytes) => self.bulk(bytes),
            Piece::Null => self.null(),
            Piece::Array(replies) => self.array(replies),
            Piece::Map(pairs) => self.map(pairs),
            Piece::Set(replies) => self.set(replies),
            Piece::Double(number) => self.double(number),
            Piece::Boolean(yes) => self.boolean(yes),
            Piece::Verbatim { format, text } => self.verbatim(format, text),
        }
    }

    /// Writes, unless there is too much already. One request can ask for the same large value a million times; each of
    /// these replies would be made before anybody looks at how many there are.
    fn write(&mut self, what: impl FnOnce(&mut ReplyWriter<'o>)) {
        if self.writer.buffered_bytes() <= self.output_bytes_max {
            what(&mut self.writer);
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
        self.write(|writer| writer.simple(text));
    }

    fn error(&mut self, error: &CommandError) {
        self.write(|writer| writer.error(&error.to_string()));
    }

    fn integer(&mut self, number: i64) {
        self.write(|writer| writer.integer(number));
    }

    fn bulk(&mut self, bytes: &[u8]) {
        self.write(|writer| writer.bulk(bytes));
    }

    fn null(&mut self) {
        self.write(|writer| writer.null());
    }

    fn null_array(&mut self) {
        self.write(|writer| writer.null_array());
    }

    fn array(&mut self, replies: usize) {
        self.write(|writer| writer.array(replies));
    }

    fn map(&mut self, pairs: usize) {
        self.write(|writer| writer.map(pairs));
    }

    fn set(&mut self, replies: usize) {
        self.write(|writer| writer.set(replies));
    }

    fn double(&mut self, number: f64) {
        self.write(|writer| writer.double(number));
    }

    fn boolean(&mut self, yes: bool) {
        self.write(|writer| writer.boolean(yes));
    }

    fn verbatim(&mut self, format: &str, text: &str) {
        self.write(|writer| writer.verbatim(format, text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_added_past_the_bound() {
        let mut bytes = BytesMut::new();
        let mut writer = Writer::new(&mut bytes, Protocol::Resp2, 100);
        writer.array(1_000_000);
        for _ in 0..1_000_000 {
            writer.bulk(&[b'x'; 60]);
        }
        assert!(bytes.len() > 100, "the connection could not tell");
        assert!(bytes.len() < 200, "{}", bytes.len());
    }
}
