//! Replies, written piece by piece into a connection's output.
//! Promises: no text of a reply can end a line of its own making; a type that RESP2 lacks is written as Redis writes it to
//! such a client.

use bytes::{BufMut, BytesMut};

use crate::double;

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// RESP2.
    Resp2,
    /// RESP3.
    Resp3,
}

/// Writes replies behind what the buffer holds. A header is followed by as many whole replies as it says.
#[derive(Debug)]
pub struct ReplyWriter<'a> {
    out: &'a mut BytesMut,
    version: Version,
}

impl<'a> ReplyWriter<'a> {
    /// Writes into this buffer.
    pub fn new(out: &'a mut BytesMut, version: Version) -> Self {
        Self { out, version }
    }

    /// What it writes.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Bytes in the buffer: what was there, and what was written.
    pub fn buffered_bytes(&self) -> usize {
        self.out.len()
    }

    /// `+OK` and its like.
    pub fn simple(&mut self, text: &str) {
        self.line(b'+', text);
    }

    /// An error: its code, a blank, and what happened.
    pub fn error(&mut self, text: &str) {
        self.line(b'-', text);
    }

    /// A number.
    pub fn integer(&mut self, number: i64) {
        self.out.put_u8(b':');
        if number < 0 {
            self.out.put_u8(b'-');
        }
        self.digits(number.unsigned_abs());
    }

    /// Bytes.
    pub fn bulk(&mut self, bytes: &[u8]) {
        // One check of the room for all of it.
        self.out.reserve(bytes.len() + 32);
        self.head(b'$', bytes.len());
        self.out.put_slice(bytes);
        self.out.put_slice(b"\r\n");
    }

    /// Nothing in the place of a value.
    pub fn null(&mut self) {
        self.out.put_slice(self.choose(b"$-1\r\n", b"_\r\n"));
    }

    /// Nothing in the place of an array.
    pub fn null_array(&mut self) {
        self.out.put_slice(self.choose(b"*-1\r\n", b"_\r\n"));
    }

    /// So many replies follow.
    pub fn array(&mut self, replies: usize) {
        self.head(b'*', replies);
    }

    /// So many pairs of replies follow.
    pub fn map(&mut self, pairs: usize) {
        match self.version {
            Version::Resp2 => self.head(b'*', pairs * 2),
            Version::Resp3 => self.head(b'%', pairs),
        }
    }

    /// So many replies follow, in no order.
    pub fn set(&mut self, replies: usize) {
        match self.version {
            Version::Resp2 => self.head(b'*', replies),
            Version::Resp3 => self.head(b'~', replies),
        }
    }

    /// So many replies follow, which answer no request.
    pub fn push(&mut self, replies: usize) {
        match self.version {
            Version::Resp2 => self.head(b'*', replies),
            Version::Resp3 => self.head(b'>', replies),
        }
    }

    /// A number with a fraction.
    pub fn double(&mut self, number: f64) {
        let text = double::text(number);
        match self.version {
            Version::Resp2 => self.bulk(text.as_bytes()),
            Version::Resp3 => self.line(b',', &text),
        }
    }

    /// Yes or no.
    pub fn boolean(&mut self, yes: bool) {
        let (number, truth): (&[u8], &[u8]) = if yes {
            (b":1\r\n", b"#t\r\n")
        } else {
            (b":0\r\n", b"#f\r\n")
        };
        self.out.put_slice(self.choose(number, truth));
    }

    /// A whole number of any length, in decimal.
    pub fn big_number(&mut self, digits: &str) {
        match self.version {
            Version::Resp2 => self.bulk(digits.as_bytes()),
            Version::Resp3 => self.line(b'(', digits),
        }
    }

    /// Text for people; `format` has three letters.
    pub fn verbatim(&mut self, format: &str, text: &str) {
        match self.version {
            Version::Resp2 => self.bulk(text.as_bytes()),
            Version::Resp3 => {
                self.head(b'=', format.len() + 1 + text.len());
                self.out.put_slice(format.as_bytes());
                self.out.put_u8(b':');
                self.out.put_slice(text.as_bytes());
                self.out.put_slice(b"\r\n");
            }
        }
    }

    fn choose<'b>(&self, resp2: &'b [u8], resp3: &'b [u8]) -> &'b [u8] {
        match self.version {
            Version::Resp2 => resp2,
            Version::Resp3 => resp3,
        }
    }

    fn line(&mut self, kind: u8, text: &str) {
        self.out.put_u8(kind);
        let start = self.out.len();
        self.out.put_slice(text.as_bytes());
        for byte in &mut self.out[start..] {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        self.out.put_slice(b"\r\n");
    }

    fn head(&mut self, kind: u8, number: usize) {
        self.out.put_u8(kind);
        self.digits(number as u64);
    }

    /// A number and the end of its line.
    fn digits(&mut self, mut number: u64) {
        let mut text = [0; 22];
        text[20..].copy_from_slice(b"\r\n");
        let mut start = 20;
        loop {
            start -= 1;
            text[start] = b'0' + (number % 10).to_le_bytes()[0];
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.out.put_slice(&text[start..]);
    }
}
