//! Replies as clients read them: for tests, the benchmark, and whoever else speaks to a server of this protocol.
//! Promises: bytes that are no reply are an error, never a panic. The redis-protocol crate does the reading; what it
//! thinks of as maps and sets comes in no order.

use bytes::{BufMut, Bytes, BytesMut};
use redis_protocol::resp2;
use redis_protocol::resp2::types::BytesFrame as Resp2Frame;
use redis_protocol::resp3;
use redis_protocol::resp3::types::BytesFrame as Resp3Frame;

use crate::Version;

/// One reply, with what is in it.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `+OK` and its like.
    Simple(Bytes),
    /// An error.
    Error(Bytes),
    /// A number.
    Integer(i64),
    /// Bytes.
    Bulk(Bytes),
    /// Nothing.
    Null,
    /// Replies in their order.
    Array(Vec<Value>),
    /// Pairs of replies.
    Map(Vec<(Value, Value)>),
    /// Replies in no order.
    Set(Vec<Value>),
    /// Replies that answer no request.
    Push(Vec<Value>),
    /// A number with a fraction.
    Double(f64),
    /// Yes or no.
    Boolean(bool),
    /// A whole number of any length.
    BigNumber(Bytes),
    /// Text for people.
    Verbatim(Bytes),
}

/// Bytes that are no reply.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// They break the protocol.
    #[error("the bytes are no reply of {version:?}")]
    Malformed {
        /// Which version was expected.
        version: Version,
        /// Why.
        source: redis_protocol::error::RedisProtocolError,
    },
    /// A frame that only clients send, or part of a streamed one.
    #[error("the frame is none that a server answers with")]
    Unexpected,
}

/// Reads the reply at the start of the bytes, and how many they were. `None`: it is not whole.
pub fn decode(buffer: &Bytes, version: Version) -> Result<Option<(Value, usize)>, DecodeError> {
    let malformed = |source| DecodeError::Malformed { version, source };
    match version {
        Version::Resp2 => match resp2::decode::decode_bytes(buffer).map_err(malformed)? {
            Some((frame, bytes)) => Ok(Some((from_resp2(frame), bytes))),
            None => Ok(None),
        },
        Version::Resp3 => match resp3::decode::complete::decode_bytes(buffer).map_err(malformed)? {
            Some((frame, bytes)) => Ok(Some((from_resp3(frame)?, bytes))),
            None => Ok(None),
        },
    }
}

/// Writes a request.
pub fn encode_request(args: &[&[u8]], out: &mut BytesMut) {
    out.put_slice(format!("*{}\r\n", args.len()).as_bytes());
    for arg in args {
        out.put_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.put_slice(arg);
        out.put_slice(b"\r\n");
    }
}

fn from_resp2(frame: Resp2Frame) -> Value {
    match frame {
        Resp2Frame::SimpleString(text) => Value::Simple(text),
        Resp2Frame::Error(text) => Value::Error(text.into_inner()),
        Resp2Frame::Integer(number) => Value::Integer(number),
        Resp2Frame::BulkString(bytes) => Value::Bulk(bytes),
        Resp2Frame::Array(frames) => Value::Array(frames.into_iter().map(from_resp2).collect()),
        Resp2Frame::Null => Value::Null,
    }
}

fn from_resp3(frame: Resp3Frame) -> Result<Value, DecodeError> {
    let all = |frames: Vec<Resp3Frame>| frames.into_iter().map(from_resp3).collect::<Result<Vec<_>, _>>();
    Ok(match frame {
        Resp3Frame::BlobString { data, .. } => Value::Bulk(data),
        Resp3Frame::BlobError { data, .. } => Value::Error(data),
        Resp3Frame::SimpleString { data, .. } => Value::Simple(data),
        Resp3Frame::SimpleError { data, .. } => Value::Error(data.into_inner()),
        Resp3Frame::Boolean { data, .. } => Value::Boolean(data),
        Resp3Frame::Null => Value::Null,
        Resp3Frame::Number { data, .. } => Value::Integer(data),
        Resp3Frame::Double { data, .. } => Value::Double(data),
        Resp3Frame::BigNumber { data, .. } => Value::BigNumber(data),
        Resp3Frame::VerbatimString { data, .. } => Value::Verbatim(data),
        Resp3Frame::Array { data, .. } => Value::Array(all(data)?),
        Resp3Frame::Push { data, .. } => Value::Push(all(data)?),
        Resp3Frame::Set { data, .. } => Value::Set(all(data.into_iter().collect())?),
        Resp3Frame::Map { data, .. } => {
            let pair = |(key, value)| Ok((from_resp3(key)?, from_resp3(value)?));
            Value::Map(data.into_iter().map(pair).collect::<Result<_, DecodeError>>()?)
        }
        Resp3Frame::Hello { .. } | Resp3Frame::ChunkedString(_) => return Err(DecodeError::Unexpected),
    })
}
