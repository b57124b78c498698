//! Requests. The errors are what redis-server 7.0.15 answers to the same bytes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use tenure_resp::{Parsed, RequestError, RequestLimits, RequestParser, encode_request};

type Words = Vec<Vec<u8>>;

/// All requests in the bytes, which arrive in pieces that end at these places.
fn parse_in_pieces(bytes: &[u8], ends: &[usize]) -> (Vec<Words>, Option<RequestError>) {
    let mut parser = RequestParser::new(RequestLimits::default());
    let mut requests = Vec::new();
    let mut start = 0;
    for end in ends.iter().copied().chain([bytes.len()]) {
        loop {
            let buffer = &bytes[start..end];
            match parser.parse(buffer) {
                Ok(Parsed::Request { consumed }) => {
                    let source = parser.source(buffer);
                    let words = parser.parts().iter().map(|part| source[part.clone()].to_vec());
                    requests.push(words.collect());
                    start += consumed;
                }
                Ok(Parsed::Empty { consumed }) => start += consumed,
                Ok(Parsed::Incomplete { missing }) => {
                    assert!(missing > 0);
                    break;
                }
                Err(error) => return (requests, Some(error)),
            }
        }
    }
    (requests, None)
}

fn words(line: &str) -> Words {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

#[test]
fn requests_of_both_forms_are_read() {
    let cases: [(&[u8], &[&str]); 7] = [
        (b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", &["GET k"]),
        (b"*1\r\n$4\r\nPING\r\nPING\r\n", &["PING", "PING"]),
        (b"PING\n", &["PING"]),
        (b"\r\n\r\nPING\r\n", &["PING"]),
        (b"*0\r\n*-1\r\nPING\r\n", &["PING"]),
        (b"  SET  k\tv \r\n", &["SET k v"]),
        (b"*2\r\n$3\r\nGET\r\n$0\r\n\r\n", &["GET "]),
    ];
    for (bytes, expected) in cases {
        let expected: Vec<Words> = expected.iter().map(|line| words(line)).collect();
        assert_eq!(
            parse_in_pieces(bytes, &[]),
            (expected, None),
            "{}",
            bytes.escape_ascii()
        );
    }
}

#[test]
fn quotes_and_escapes_are_those_of_redis() {
    let cases: [(&[u8], &[u8]); 6] = [
        (b"ECHO \"a b\"\r\n", b"a b"),
        (b"ECHO 'a b'\r\n", b"a b"),
        (b"ECHO \"\\x41\\n\\\"\\t\"\r\n", b"A\n\"\t"),
        (b"ECHO 'it\\'s'\r\n", b"it's"),
        (b"ECHO \"\"\r\n", b""),
        (b"ECHO ab\"cd\"\r\n", b"abcd"),
    ];
    for (bytes, expected) in cases {
        let (requests, error) = parse_in_pieces(bytes, &[]);
        assert_eq!(error, None);
        assert_eq!(requests[0][1], expected, "{}", bytes.escape_ascii());
    }
}

#[test]
fn what_is_no_request_gets_the_error_of_redis() {
    let long = [&b"*"[..], &vec![b'1'; 70_000]].concat();
    let long_bulk = [&b"*1\r\n$"[..], &vec![b'1'; 70_000]].concat();
    let cases: [(&[u8], &str); 13] = [
        (b"*x\r\n", "invalid multibulk length"),
        (b"*99999999999999999999999\r\n", "invalid multibulk length"),
        (b"*2000000\r\n", "invalid multibulk length"),
        (b"*1\r\n:3\r\n", "expected '$', got ':'"),
        (b"*1\r\n$x\r\n", "invalid bulk length"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$1000000000\r\n", "invalid bulk length"),
        (b"*1\r\n$999999999999999999999\r\n", "invalid bulk length"),
        (b"SET \"k v\r\n", "unbalanced quotes in request"),
        (b"SET \"k\"v\r\n", "unbalanced quotes in request"),
        (&long, "too big mbulk count string"),
        (&long_bulk, "too big bulk count string"),
        (&[b'a'; 70_000], "too big inline request"),
    ];
    for (bytes, expected) in cases {
        let (_, error) = parse_in_pieces(bytes, &[]);
        let said = error.unwrap().to_string();
        assert_eq!(
            said,
            format!("ERR Protocol error: {expected}"),
            "{}",
            bytes[..8.min(bytes.len())].escape_ascii()
        );
    }
}

#[test]
fn how_a_line_without_an_end_is_cut_changes_nothing() {
    let bytes = [&b"*"[..], &vec![b'1'; 65_000], &vec![b'x'; 60_000], b"\r\n"].concat();
    let whole = parse_in_pieces(&bytes, &[]);
    assert_eq!(whole.1, Some(RequestError::MultibulkCountTooLong));
    assert_eq!(parse_in_pieces(&bytes, &[30_000, 65_010, 100_000]), whole);
    // Byte by byte each is looked at once: quadratic work would take a minute here.
    let line = [&b"ECHO "[..], &vec![b'a'; 60_000], b"\r\n"].concat();
    let each: Vec<_> = (1..line.len()).collect();
    let (requests, error) = parse_in_pieces(&line, &each);
    assert_eq!((requests.len(), error), (1, None));
}

#[test]
fn a_browser_is_not_spoken_to() {
    for bytes in [&b"POST / HTTP/1.1\r\n"[..], b"Host: localhost\r\n"] {
        assert_eq!(parse_in_pieces(bytes, &[]).1, Some(RequestError::Http));
    }
}

#[test]
fn somebody_who_has_not_logged_in_may_send_little() {
    let cases = [
        (&b"*11\r\n"[..], "unauthenticated multibulk length"),
        (b"*1\r\n$16385\r\n", "unauthenticated bulk length"),
    ];
    for (bytes, expected) in cases {
        let mut parser = RequestParser::new(RequestLimits::default());
        parser.set_authenticated(false);
        let said = parser.parse(bytes).unwrap_err().to_string();
        assert_eq!(said, format!("ERR Protocol error: {expected}"));
    }
}

#[test]
fn arguments_together_are_bounded_too() {
    let mut parser = RequestParser::new(RequestLimits {
        request_bytes_max: 10,
        ..RequestLimits::default()
    });
    let error = parser.parse(b"*2\r\n$6\r\n123456\r\n$6\r\n").unwrap_err();
    assert_eq!(error, RequestError::TooLarge { max: 10 });
}

#[test]
fn how_a_request_is_cut_changes_nothing() {
    let bytes = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10\r\n0123\r\n6789\r\nPING \"a b\"\r\n*1\r\n$4\r\nQUIT\r\n";
    let whole = parse_in_pieces(bytes, &[]);
    assert_eq!(whole.0.len(), 3);
    for first in 0..bytes.len() {
        for second in first..bytes.len() {
            assert_eq!(
                parse_in_pieces(bytes, &[first, second]),
                whole,
                "cut at {first} and {second}"
            );
        }
    }
    let each: Vec<_> = (1..bytes.len()).collect();
    assert_eq!(parse_in_pieces(bytes, &each), whole);
}

proptest! {
    #[test]
    fn a_request_is_read_as_it_was_written(args in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..8), cut in any::<prop::sample::Index>()) {
        let mut bytes = bytes::BytesMut::new();
        encode_request(&args.iter().map(Vec::as_slice).collect::<Vec<_>>(), &mut bytes);
        let cut = cut.index(bytes.len());
        prop_assert_eq!(parse_in_pieces(&bytes, &[cut]), (vec![args], None));
    }

    #[test]
    fn arbitrary_bytes_are_requests_or_errors_wherever_they_are_cut(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'*'), Just(b'$'), Just(b'\r'), Just(b'\n'), Just(b'1'), Just(b'"')], 0..64), cut in any::<prop::sample::Index>()) {
        let whole = parse_in_pieces(&bytes, &[]);
        if !bytes.is_empty() {
            let pieces = parse_in_pieces(&bytes, &[cut.index(bytes.len())]);
            prop_assert_eq!(pieces, whole);
        }
    }
}

/// As redis 7.0.15 answers. With zeros in front every length could be 64 KiB long, and a request 64 GiB.
#[test]
fn a_number_has_one_spelling() {
    for bytes in [
        &b"*01\r\n"[..],
        b"*-0\r\n",
        b"*00\r\n",
        b"*+1\r\n",
        b"*\r\n",
        b"*-\r\n",
        b"*1 \r\n",
    ] {
        let (_, error) = parse_in_pieces(bytes, &[]);
        let shown = bytes.escape_ascii();
        assert_eq!(error, Some(RequestError::InvalidMultibulkLength), "{shown}");
    }
    for bytes in [&b"*1\r\n$01\r\na\r\n"[..], b"*1\r\n$-0\r\n\r\n", b"*1\r\n$\r\n"] {
        let (_, error) = parse_in_pieces(bytes, &[]);
        let shown = bytes.escape_ascii();
        assert_eq!(error, Some(RequestError::InvalidBulkLength), "{shown}");
    }
}

/// A web page can make its reader's browser send such bytes, and choose some of them.
#[test]
fn a_client_that_speaks_tls_runs_no_command() {
    let (requests, error) = parse_in_pieces(b"\x16\x03\x01\x00\r\nFLUSHALL\r\n", &[]);
    assert_eq!((requests, error), (Vec::new(), Some(RequestError::Tls)));
}

#[test]
fn a_large_request_leaves_no_memory_behind() {
    let large = b"$0\r\n\r\n".repeat(100_000);
    let large = [&b"*100000\r\n"[..], &large].concat();
    let long = [&b"ECHO "[..], &b"x ".repeat(20_000), b"\r\n"].concat();
    for request in [large, long] {
        let mut parser = RequestParser::new(RequestLimits::default());
        assert!(matches!(parser.parse(&request), Ok(Parsed::Request { .. })));
        assert!(parser.memory_bytes() > 100_000);
        // One that is not whole: the connection may stay so for ever.
        assert!(matches!(parser.parse(b"*1\r\n$"), Ok(Parsed::Incomplete { .. })));
        assert!(parser.memory_bytes() < 4_096, "{}", parser.memory_bytes());
    }
}
