//! Paths and queries, percent-encoded.
//! Promises: a segment is one segment, a value is one value, whatever is in them.

use std::fmt::Write;

/// A path, and then its query.
#[derive(Debug)]
pub(super) struct Target {
    text: String,
    has_query: bool,
}

impl Target {
    /// `/v1` and these segments.
    pub(super) fn path(segments: &[&str]) -> Self {
        let mut text = "/v1".to_owned();
        for segment in segments {
            text.push('/');
            encode(segment, &mut text);
        }
        Self { text, has_query: false }
    }

    /// The same with one more parameter.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.text.push(if self.has_query { '&' } else { '?' });
        self.has_query = true;
        encode(name, &mut self.text);
        self.text.push('=');
        encode(value, &mut self.text);
        self
    }

    /// The same with one more parameter, if there is a value.
    pub(super) fn with_some(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// RFC 3986: what is not unreserved is encoded. A segment of dots alone would be taken for a step up, so its dots are, too.
fn encode(raw: &str, into: &mut String) {
    let is_step = matches!(raw, "." | "..");
    for byte in raw.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') || (byte == b'.' && !is_step);
        if is_plain {
            into.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(into, "%{byte:02X}");
        }
    }
}
