//! Replies as they stand on the wire: where one ends, and what of two must be the same.
//! Promises: two frames are equal if and only if their bytes are. Nothing is interpreted but lengths, so a reply that no
//! client would accept is still shown. What a server claims to send is bounded.
//! Knows no crate of ours: a fault in our own decoder cannot hide one in our writer.

use std::fmt;
use std::io::{BufRead, Error, ErrorKind, Read, Result};

use crate::script::Rule;

const LINE_BYTES_MAX: u64 = 1 << 20;
const BULK_BYTES_MAX: usize = 64 << 20;
const CHILDREN_MAX: usize = 1 << 20;
const DEPTH_MAX: usize = 16;

/// A whole reply.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Frame {
    /// Its first line with the byte that tells the kind, without the line's end.
    head: Vec<u8>,
    /// What follows in one piece: the bytes of a string.
    body: Option<Vec<u8>>,
    /// What follows as replies: elements, keys and values.
    children: Vec<Frame>,
}

impl Frame {
    /// The next reply of a server.
    pub(crate) fn read(from: &mut impl BufRead) -> Result<Self> {
        Self::read_at(from, 0)
    }

    fn read_at(from: &mut impl BufRead, depth: usize) -> Result<Self> {
        if depth > DEPTH_MAX {
            return Err(malformed("is nested too deep"));
        }
        let head = read_line(from)?;
        let (kind, rest) = head
            .split_first()
            .ok_or_else(|| malformed("begins with an empty line"))?;
        let (mut body, mut children) = (None, 0);
        match kind {
            b'$' | b'!' | b'=' => {
                body = length(rest, BULK_BYTES_MAX)?
                    .map(|length| read_body(from, length))
                    .transpose()?
            }
            b'*' | b'~' | b'>' => children = length(rest, CHILDREN_MAX)?.unwrap_or(0),
            b'%' => children = length(rest, CHILDREN_MAX)?.unwrap_or(0) * 2,
            // Attributes stand before the reply that they are of.
            b'|' => children = length(rest, CHILDREN_MAX)?.unwrap_or(0) * 2 + 1,
            b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => {}
            _ => return Err(malformed("is of no kind that there is")),
        }
        let children = (0..children)
            .map(|_| Self::read_at(from, depth + 1))
            .collect::<Result<_>>()?;
        Ok(Self { head, body, children })
    }

    /// Whether this much of both is the same.
    pub(crate) fn agrees(&self, other: &Self, rule: Rule) -> bool {
        match rule {
            Rule::Exact => self == other,
            Rule::Unordered => self.sorted() == other.sorted(),
            Rule::SameType => self.kind() == other.kind(),
            Rule::SameErrorCode => self.error_code().is_some() && self.error_code() == other.error_code(),
            Rule::Silent => false,
        }
    }

    /// Whether it is what a server answers where all went well.
    pub(crate) fn is_error(&self) -> bool {
        self.error_code().is_some()
    }

    fn kind(&self) -> Option<u8> {
        self.head.first().copied()
    }

    fn error_code(&self) -> Option<&[u8]> {
        let text = match (self.kind(), &self.body) {
            (Some(b'-'), _) => self.head.get(1..)?,
            (Some(b'!'), Some(body)) => body,
            _ => return None,
        };
        text.split(|byte| *byte == b' ').next()
    }

    /// The same with all that has an order put in one of ours; pairs stay together.
    fn sorted(&self) -> Self {
        let mut sorted: Vec<_> = self.children.iter().map(Self::sorted).collect();
        match self.kind() {
            Some(b'*' | b'~') => sorted.sort(),
            Some(b'%') => {
                let mut pairs: Vec<_> = sorted.chunks(2).map(<[Self]>::to_vec).collect();
                pairs.sort();
                sorted = pairs.concat();
            }
            _ => {}
        }
        Self {
            head: self.head.clone(),
            body: self.body.clone(),
            children: sorted,
        }
    }
}

/// Heads as they are, strings in quotes behind theirs: `*2 $1 "a" $-1`. Different bytes look different.
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.head.escape_ascii())?;
        if let Some(body) = &self.body {
            write!(f, " \"{}\"", body.escape_ascii())?;
        }
        self.children.iter().try_for_each(|child| write!(f, " {child}"))
    }
}

/// A line without its end.
fn read_line(from: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut line = Vec::new();
    from.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    match line.strip_suffix(b"\r\n") {
        Some(line) => Ok(line.to_vec()),
        None if line.ends_with(b"\n") => Err(malformed("has a line that ends without a carriage return")),
        None => Err(Error::from(ErrorKind::UnexpectedEof)),
    }
}

fn read_body(from: &mut impl BufRead, length: usize) -> Result<Vec<u8>> {
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    let mut end = [0; 2];
    from.read_exact(&mut end)?;
    if end == *b"\r\n" {
        Ok(body)
    } else {
        Err(malformed("has a string that is longer than it says"))
    }
}

/// A length; `None` for that of a null.
fn length(digits: &[u8], max: usize) -> Result<Option<usize>> {
    if digits == b"-1" {
        return Ok(None);
    }
    let length = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    match length {
        Some(length) if length <= max => Ok(Some(length)),
        Some(_) => Err(malformed("is larger than any that is expected")),
        None => Err(malformed("has a length that is no number")),
    }
}

fn malformed(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("the reply {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: &str) -> Frame {
        let mut rest = bytes.as_bytes();
        let frame = Frame::read(&mut rest).unwrap();
        assert!(rest.is_empty(), "{} are left of {bytes:?}", rest.escape_ascii());
        frame
    }

    #[test]
    fn a_reply_ends_where_its_lengths_say() {
        for bytes in [
            "+OK\r\n",
            "-ERR no\r\n",
            ":-1\r\n",
            "$-1\r\n",
            "*-1\r\n",
            "$0\r\n\r\n",
            "$4\r\n\r\n+a\r\n",
            "*2\r\n*1\r\n:1\r\n$1\r\na\r\n",
            "_\r\n",
            "#t\r\n",
            ",1.5\r\n",
            "(123\r\n",
            "=7\r\ntxt:abc\r\n",
            "!3\r\nERR\r\n",
            "%1\r\n+a\r\n*0\r\n",
            "~1\r\n:1\r\n",
            ">1\r\n:1\r\n",
            "|1\r\n+a\r\n+b\r\n:1\r\n",
        ] {
            frame(bytes);
        }
    }

    #[test]
    fn bytes_that_are_no_reply_are_refused() {
        for bytes in [
            "",
            "\r\n",
            "+OK",
            "+OK\n",
            "?\r\n",
            "$3\r\nab\r\n",
            "$1\r\nabc\r\n",
            "$x\r\n",
            "$-2\r\n",
            "*2\r\n:1\r\n",
            "*99999999999999999999\r\n",
            "$99999999999\r\n",
        ] {
            assert!(Frame::read(&mut bytes.as_bytes()).is_err(), "{bytes:?}");
        }
        let deep = "*1\r\n".repeat(100_000);
        assert!(Frame::read(&mut deep.as_bytes()).is_err());
    }

    #[test]
    fn rules_forgive_what_they_name_and_nothing_else() {
        let cases = [
            ("$1\r\na\r\n", "+a\r\n", Rule::Exact, false),
            ("$-1\r\n", "*-1\r\n", Rule::Exact, false),
            ("*2\r\n:1\r\n:2\r\n", "*2\r\n:2\r\n:1\r\n", Rule::Exact, false),
            ("*2\r\n:1\r\n:2\r\n", "*2\r\n:2\r\n:1\r\n", Rule::Unordered, true),
            ("*2\r\n:1\r\n:1\r\n", "*2\r\n:1\r\n:2\r\n", Rule::Unordered, false),
            ("*2\r\n:1\r\n:2\r\n", "~2\r\n:2\r\n:1\r\n", Rule::Unordered, false),
            (
                "%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n",
                "%2\r\n+b\r\n:2\r\n+a\r\n:1\r\n",
                Rule::Unordered,
                true,
            ),
            (
                "%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n",
                "%2\r\n+b\r\n:1\r\n+a\r\n:2\r\n",
                Rule::Unordered,
                false,
            ),
            (":1\r\n", ":2\r\n", Rule::SameType, true),
            (":1\r\n", "+2\r\n", Rule::SameType, false),
            ("-ERR a\r\n", "-ERR b\r\n", Rule::SameErrorCode, true),
            ("-ERR a\r\n", "-OOM a\r\n", Rule::SameErrorCode, false),
            ("+ERR a\r\n", "+ERR a\r\n", Rule::SameErrorCode, false),
        ];
        for (one, other, rule, agree) in cases {
            assert_eq!(
                frame(one).agrees(&frame(other), rule),
                agree,
                "{one:?} {other:?} {rule:?}"
            );
        }
    }

    #[test]
    fn different_bytes_look_different() {
        assert_eq!(
            frame("*3\r\n$3\r\na\"b\r\n$-1\r\n_\r\n").to_string(),
            r#"*3 $3 "a\"b" $-1 _"#
        );
    }
}
