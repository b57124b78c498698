//! Requests: arrays of bulk strings, or a line of words.
//! Promises: arguments are not copied (those of a line are, into the parser); what has arrived of a request is looked at
//! once, however many pieces it comes in; a length is believed only up to the limits, before memory is used for it.
//! The errors are those that redis 7.0.15 gives, and after one the connection cannot go on.

use std::ops::Range;

use crate::inline;

/// Longest line: of words, or of a count.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Digits of the longest number that is one: more can only be zeros, or past every limit.
const DIGITS_MAX: usize = 19;

/// Room for the places of arguments, and for a line, that is kept from request to request.
const KEPT_PARTS: usize = 64;
const KEPT_LINE_BYTES: usize = 1 << 10;

/// The first bytes of a client that speaks TLS. No command begins so.
const TLS_HANDSHAKE: &[u8] = &[0x16, 0x03];

/// What somebody may send who has not logged in.
const ARGUMENTS_MAX_BEFORE_AUTH: usize = 10;
const BULK_BYTES_MAX_BEFORE_AUTH: usize = 16 << 10;

/// How large requests may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// Arguments of one request. Default 1,048,576.
    pub arguments_max: usize,
    /// Bytes of all arguments of one request together. Default 8 MiB.
    pub request_bytes_max: usize,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            arguments_max: 1 << 20,
            request_bytes_max: 8 << 20,
        }
    }
}

/// What stands at the start of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// Part of a request.
    Incomplete {
        /// At least so many bytes more are needed.
        missing: usize,
    },
    /// A request, whose arguments are [`RequestParser::parts`] of [`RequestParser::source`].
    Request {
        /// Its bytes.
        consumed: usize,
    },
    /// A request for nothing: an empty line, an empty array.
    Empty {
        /// Its bytes.
        consumed: usize,
    },
}

/// Bytes that no request begins with. The text is the reply, without the `-`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// A count of arguments that is no number, or too large a one.
    #[error("ERR Protocol error: invalid multibulk length")]
    InvalidMultibulkLength,
    /// A count of arguments without an end.
    #[error("ERR Protocol error: too big mbulk count string")]
    MultibulkCountTooLong,
    /// Something else where the length of an argument should begin.
    #[error("ERR Protocol error: expected '$', got '{}'", got.escape_ascii())]
    ExpectedDollar {
        /// What stands there.
        got: u8,
    },
    /// The length of an argument is no number, or too large a one.
    #[error("ERR Protocol error: invalid bulk length")]
    InvalidBulkLength,
    /// The length of an argument without an end.
    #[error("ERR Protocol error: too big bulk count string")]
    BulkCountTooLong,
    /// The arguments together are larger than the cluster allows.
    #[error("ERR Protocol error: a request may have {max} bytes of arguments")]
    TooLarge {
        /// How many may be.
        max: usize,
    },
    /// A line without an end.
    #[error("ERR Protocol error: too big inline request")]
    InlineTooLong,
    /// A quote that is not closed, or closed within a word.
    #[error("ERR Protocol error: unbalanced quotes in request")]
    UnbalancedQuotes,
    /// More arguments than somebody who has not logged in may send.
    #[error("ERR Protocol error: unauthenticated multibulk length")]
    UnauthenticatedMultibulkLength,
    /// A larger argument than somebody who has not logged in may send.
    #[error("ERR Protocol error: unauthenticated bulk length")]
    UnauthenticatedBulkLength,
    /// A web browser's request, which some page may have caused. The connection is closed without an answer.
    #[error("ERR this is no HTTP server")]
    Http,
    /// A client that speaks TLS where none is spoken. What else lies in its bytes was not meant as a command, and may be of
    /// somebody else's making. The connection is closed without an answer.
    #[error("ERR this port does not speak TLS")]
    Tls,
}

/// Finds requests at the start of a buffer, and remembers how far it looked at one that is not whole.
#[derive(Debug)]
pub struct RequestParser {
    limits: RequestLimits,
    authenticated: bool,
    parts: Vec<Range<usize>>,
    /// The words of a line, without quotes.
    line: Vec<u8>,
    is_line: bool,
    /// The request that is not whole; `None` between requests.
    progress: Option<Progress>,
    /// Up to where the bytes of that request were searched for the end of a line in vain, so that none is looked at twice.
    searched: usize,
}

#[derive(Debug, Clone, Copy)]
struct Progress {
    /// Arguments that have not been found.
    left: usize,
    /// Where the next one begins.
    at: usize,
    /// Bytes of arguments so far.
    bytes: usize,
}

impl RequestParser {
    /// For somebody who has logged in, or needs not.
    pub fn new(limits: RequestLimits) -> Self {
        Self {
            limits,
            authenticated: true,
            parts: Vec::new(),
            line: Vec::new(),
            is_line: false,
            progress: None,
            searched: 0,
        }
    }

    /// Whether the sender has logged in: until then it may send little.
    pub fn set_authenticated(&mut self, authenticated: bool) {
        self.authenticated = authenticated;
    }

    /// Gives back what a large request took. To be called when the buffer is empty.
    pub fn rest(&mut self) {
        if self.progress.is_none() {
            self.forget_request();
        }
    }

    /// Bytes of memory that it keeps beside itself.
    pub fn memory_bytes(&self) -> usize {
        self.parts.capacity() * size_of::<Range<usize>>() + self.line.capacity()
    }

    /// Where the arguments of the request that was just found lie in its [`source`](Self::source).
    pub fn parts(&self) -> &[Range<usize>] {
        &self.parts
    }

    /// What the parts of the request that was just found in `buffer` refer to.
    pub fn source<'b>(&'b self, buffer: &'b [u8]) -> &'b [u8] {
        if self.is_line { &self.line } else { buffer }
    }

    /// Looks for a request at the start of `buffer`. After `Incomplete` the next call must come with the same bytes and
    /// more; after the others with what follows the bytes that were consumed.
    pub fn parse(&mut self, buffer: &[u8]) -> Result<Parsed, RequestError> {
        let Some(first) = buffer.first() else {
            return Ok(Parsed::Incomplete { missing: 1 });
        };
        if *first == b'*' {
            self.parse_array(buffer)
        } else {
            self.parse_line(buffer)
        }
    }

    fn parse_array(&mut self, buffer: &[u8]) -> Result<Parsed, RequestError> {
        self.is_line = false;
        let mut progress = match self.progress {
            Some(progress) => progress,
            None => {
                self.forget_request();
                match self.array_head(buffer)? {
                    Ok(progress) => progress,
                    Err(parsed) => return Ok(parsed),
                }
            }
        };
        while progress.left > 0 {
            match self.argument(buffer, &mut progress)? {
                None => progress.left -= 1,
                Some(missing) => {
                    self.progress = Some(progress);
                    return Ok(Parsed::Incomplete { missing });
                }
            }
        }
        self.progress = None;
        Ok(Parsed::Request { consumed: progress.at })
    }

    /// Where the line that goes on here ends: the place of `end`. `None`: not within the bytes there are, or not within the
    /// longest that a line from `start` may be.
    fn line_end(&mut self, buffer: &[u8], start: usize, from: usize, end: u8) -> Option<usize> {
        let from = from.max(self.searched);
        let until = buffer.len().min(start + LINE_BYTES_MAX + 1);
        let found = buffer
            .get(from..until)
            .unwrap_or_default()
            .iter()
            .position(|byte| *byte == end);
        self.searched = if found.is_some() { 0 } else { until };
        found.map(|found| from + found)
    }

    /// The number that begins here and ends with a line end, and where the next line begins. `None`: the line is not whole.
    /// The inner `None`: it is no number. As in Redis a number has no zeros in front: a length could be any number of bytes
    /// long otherwise, and what is kept of a request would have no bound.
    fn number(&mut self, buffer: &[u8], start: usize) -> Option<(Option<i64>, usize)> {
        let at = match canonical(buffer, start)? {
            Ok(number) => {
                self.searched = 0;
                return Some(number);
            }
            Err(at) => at,
        };
        // No number: it is one mistake as soon as its line is whole.
        let end = self.line_end(buffer, start, at, b'\r')?;
        Some((None, end + 2))
    }

    /// Forgets the request that was just found, and its memory if it was a large one.
    fn forget_request(&mut self) {
        self.parts.clear();
        self.line.clear();
        if self.parts.capacity() > KEPT_PARTS {
            self.parts = Vec::new();
        }
        if self.line.capacity() > KEPT_LINE_BYTES {
            self.line = Vec::new();
        }
    }

    /// Reads `*3`. The inner error is what to answer instead.
    fn array_head(&mut self, buffer: &[u8]) -> Result<Result<Progress, Parsed>, RequestError> {
        let Some((count, at)) = self.number(buffer, 1) else {
            if buffer.len() > LINE_BYTES_MAX {
                return Err(RequestError::MultibulkCountTooLong);
            }
            return Ok(Err(Parsed::Incomplete { missing: 1 }));
        };
        let count = count.ok_or(RequestError::InvalidMultibulkLength)?;
        let Ok(left) = usize::try_from(count) else {
            return Ok(Err(Parsed::Empty { consumed: at }));
        };
        if left > self.limits.arguments_max {
            return Err(RequestError::InvalidMultibulkLength);
        }
        if left > ARGUMENTS_MAX_BEFORE_AUTH && !self.authenticated {
            return Err(RequestError::UnauthenticatedMultibulkLength);
        }
        if left == 0 {
            return Ok(Err(Parsed::Empty { consumed: at }));
        }
        Ok(Ok(Progress { left, at, bytes: 0 }))
    }

    /// Reads the next argument; `Some`: so many bytes are missing.
    fn argument(&mut self, buffer: &[u8], progress: &mut Progress) -> Result<Option<usize>, RequestError> {
        let Some(first) = buffer.get(progress.at) else {
            return Ok(Some(1));
        };
        if *first != b'$' {
            return Err(RequestError::ExpectedDollar { got: *first });
        }
        let Some((length, start)) = self.number(buffer, progress.at + 1) else {
            if buffer.len() - progress.at > LINE_BYTES_MAX {
                return Err(RequestError::BulkCountTooLong);
            }
            return Ok(Some(1));
        };
        let length = length.and_then(|length| usize::try_from(length).ok());
        let length = length.ok_or(RequestError::InvalidBulkLength)?;
        if length > BULK_BYTES_MAX_BEFORE_AUTH && !self.authenticated {
            return Err(RequestError::UnauthenticatedBulkLength);
        }
        let max = self.limits.request_bytes_max;
        if length > max {
            return Err(RequestError::InvalidBulkLength);
        }
        if progress.bytes + length > max {
            return Err(RequestError::TooLarge { max });
        }
        // What stands in place of the line end is not looked at, as Redis does not.
        let end = start + length + 2;
        if buffer.len() < end {
            return Ok(Some(end - buffer.len()));
        }
        self.parts.push(start..start + length);
        progress.at = end;
        progress.bytes += length;
        Ok(None)
    }

    fn parse_line(&mut self, buffer: &[u8]) -> Result<Parsed, RequestError> {
        self.is_line = true;
        self.forget_request();
        if buffer.starts_with(TLS_HANDSHAKE) {
            return Err(RequestError::Tls);
        }
        let Some(end) = self.line_end(buffer, 0, 0, b'\n') else {
            if buffer.len() > LINE_BYTES_MAX {
                return Err(RequestError::InlineTooLong);
            }
            return Ok(Parsed::Incomplete { missing: 1 });
        };
        let line = &buffer[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        inline::words(line, &mut self.line, &mut self.parts).ok_or(RequestError::UnbalancedQuotes)?;
        let consumed = end + 1;
        let Some(first) = self.parts.first() else {
            return Ok(Parsed::Empty { consumed });
        };
        let first = &self.line[first.clone()];
        if first.eq_ignore_ascii_case(b"post") || first.eq_ignore_ascii_case(b"host:") {
            return Err(RequestError::Http);
        }
        Ok(Parsed::Request { consumed })
    }
}

/// The canonical number that begins here, and where the next line begins; or where the text stops to be one. `None`: more bytes
/// must tell.
fn canonical(buffer: &[u8], start: usize) -> Option<Result<(Option<i64>, usize), usize>> {
    let mut value: i64 = 0;
    let negative = buffer.get(start) == Some(&b'-');
    let digits = start + usize::from(negative);
    let mut at = digits;
    loop {
        let byte = *buffer.get(at)?;
        if !byte.is_ascii_digit() || at - digits == DIGITS_MAX {
            break;
        }
        // Nineteen digits may be too much; the value must only not wrap around.
        value = value.saturating_mul(10).saturating_add(i64::from(byte - b'0'));
        at += 1;
    }
    let is_canonical = match at - digits {
        0 => false,
        1 => !negative || value != 0,
        _ => buffer.get(digits) != Some(&b'0'),
    };
    if !is_canonical || buffer.get(at) != Some(&b'\r') {
        return Some(Err(at));
    }
    // The line feed must have come too.
    buffer.get(at + 1)?;
    Some(Ok((Some(if negative { -value } else { value }), at + 2)))
}
