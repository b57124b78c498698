//! Replies: what the writer writes is read as what was meant, by a parser that is not ours.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::{Bytes, BytesMut};
use tenure_resp::{ReplyWriter, Value, Version, decode};

fn bulk(text: &'static str) -> Value {
    Value::Bulk(Bytes::from_static(text.as_bytes()))
}

/// Writes, and reads what was written in both versions.
fn check(write: impl Fn(&mut ReplyWriter<'_>), resp2: &Value, resp3: &Value) {
    for (version, expected) in [(Version::Resp2, resp2), (Version::Resp3, resp3)] {
        let mut out = BytesMut::new();
        write(&mut ReplyWriter::new(&mut out, version));
        let out = out.freeze();
        let (value, bytes) = decode(&out, version).unwrap().unwrap();
        assert_eq!(
            (&value, bytes),
            (expected, out.len()),
            "{version:?}: {}",
            out.escape_ascii()
        );
    }
}

fn check_same(write: impl Fn(&mut ReplyWriter<'_>), expected: &Value) {
    check(write, expected, expected);
}

#[test]
fn what_both_versions_have_is_written_alike() {
    check_same(|reply| reply.simple("OK"), &Value::Simple("OK".into()));
    check_same(|reply| reply.error("ERR no"), &Value::Error("ERR no".into()));
    for number in [0, 1, -1, 10, i64::MAX, i64::MIN] {
        check_same(|reply| reply.integer(number), &Value::Integer(number));
    }
    check_same(|reply| reply.bulk(b"a\r\nb"), &bulk("a\r\nb"));
    check_same(|reply| reply.bulk(b""), &bulk(""));
    check_same(|reply| reply.null(), &Value::Null);
    check_same(|reply| reply.null_array(), &Value::Null);
    check_same(|reply| reply.array(0), &Value::Array(vec![]));
    let nested = |reply: &mut ReplyWriter<'_>| {
        reply.array(2);
        reply.integer(1);
        reply.array(1);
        reply.bulk(b"x");
    };
    let inner = Value::Array(vec![bulk("x")]);
    check_same(nested, &Value::Array(vec![Value::Integer(1), inner]));
}

#[test]
fn what_resp2_lacks_is_written_as_redis_does() {
    let pair = |reply: &mut ReplyWriter<'_>| {
        reply.map(1);
        reply.bulk(b"k");
        reply.integer(1);
    };
    let flat = Value::Array(vec![bulk("k"), Value::Integer(1)]);
    check(pair, &flat, &Value::Map(vec![(bulk("k"), Value::Integer(1))]));
    let one = |header: fn(&mut ReplyWriter<'_>, usize)| {
        move |reply: &mut ReplyWriter<'_>| {
            header(reply, 1);
            reply.bulk(b"k");
        }
    };
    let array = Value::Array(vec![bulk("k")]);
    check(
        one(|reply, replies| reply.set(replies)),
        &array,
        &Value::Set(vec![bulk("k")]),
    );
    check(
        one(|reply, replies| reply.push(replies)),
        &array,
        &Value::Push(vec![bulk("k")]),
    );
    check(|reply| reply.boolean(true), &Value::Integer(1), &Value::Boolean(true));
    check(|reply| reply.boolean(false), &Value::Integer(0), &Value::Boolean(false));
    check(|reply| reply.double(1.5), &bulk("1.5"), &Value::Double(1.5));
    for (number, text) in [(1e20, "1e+20"), (-1e-7, "-9.9999999999999995e-08")] {
        check(|reply| reply.double(number), &bulk(text), &Value::Double(number));
    }
    let infinity = f64::INFINITY;
    check(|reply| reply.double(infinity), &bulk("inf"), &Value::Double(infinity));
    check(
        |reply| reply.big_number("123"),
        &bulk("123"),
        &Value::BigNumber("123".into()),
    );
    check(
        |reply| reply.verbatim("txt", "hi"),
        &bulk("hi"),
        &Value::Verbatim("hi".into()),
    );
}

#[test]
fn no_text_ends_a_line_of_its_own_making() {
    check_same(|reply| reply.error("ERR a\r\n+OK"), &Value::Error("ERR a  +OK".into()));
    check_same(|reply| reply.simple("a\nb"), &Value::Simple("a b".into()));
}

#[test]
fn part_of_a_reply_is_not_read_and_garbage_is_an_error() {
    for version in [Version::Resp2, Version::Resp3] {
        assert!(decode(&Bytes::from_static(b"$3\r\nab"), version).unwrap().is_none());
        assert!(decode(&Bytes::from_static(b"@\r\n"), version).is_err());
    }
}
