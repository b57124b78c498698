//! Messages are written as exactly the bytes in `rows.rs`, and read back from them. Logged calls are stored, and nodes of
//! two versions talk to each other: a row that was released stays as it is, and a new field gets a row of its own.
//! Leaves out messages that are sent rarely and never stored.

mod plugins;
mod rows;

use prost::Message;
use prost::bytes::Bytes;
use tenure_wire::log_v1::{Append, Call, Release, call};

use rows::{append, release};

#[test]
fn stored_messages_are_written_as_their_golden_bytes() {
    hold(&rows::stored());
}

#[test]
fn messages_of_the_service_are_written_as_their_golden_bytes() {
    hold(&rows::of_the_service());
}

#[test]
fn messages_between_voters_are_written_as_their_golden_bytes() {
    hold(&rows::between_voters());
}

#[test]
fn messages_about_plugins_are_written_as_their_golden_bytes() {
    hold(&plugins::rows());
}

#[test]
fn every_stored_message_has_golden_bytes() {
    let rows = rows::stored();
    let declared = include_str!("../../proto/tenure/log/v1/call.proto").lines();
    let declared: Vec<_> = declared
        .filter_map(|line| line.strip_prefix("message ")?.strip_suffix(" {"))
        .collect();

    assert!(declared.contains(&"Call"));
    for message in declared {
        assert!(rows.iter().any(|row| row.message == message), "{message} has no row");
    }
}

#[test]
fn a_field_of_a_later_version_is_skipped() {
    // Field 15 as a varint, 16 as eight bytes, 1000 with a length.
    let later = from_hex("78 05  8101 0102030405060708  c23e 03 010203");
    let known = release().encode_to_vec();

    for bytes in [[known.as_slice(), &later].concat(), [later.as_slice(), &known].concat()] {
        assert_eq!(Release::decode(bytes.as_slice()), Ok(release()));
    }
}

#[test]
fn a_call_of_a_later_version_is_read_as_no_call() {
    // Field 7, which `Call` does not have. Its reader finds nothing to do, and must not take that for done.
    let later = from_hex("3a 02 0801");

    assert_eq!(Call::decode(later.as_slice()), Ok(Call { call: None }));
}

#[test]
fn a_message_cut_short_is_refused() {
    let call = Call {
        call: Some(call::Call::Release(release())),
    };
    let whole = call.encode_to_vec();

    // None of its bytes is the empty message, in which no call is chosen.
    for length in 1..whole.len() {
        assert!(Call::decode(&whole[..length]).is_err(), "its first {length} bytes");
    }
}

#[test]
fn a_payload_is_a_view_of_the_buffer_that_brought_it() {
    let buffer = Bytes::from(append().encode_to_vec());

    let read = Append::decode(buffer.clone()).unwrap();

    assert!(buffer.as_ptr_range().contains(&read.records[0].payload.as_ptr()));
}

/// One message and its bytes.
struct Row {
    message: &'static str,
    written: Vec<u8>,
    golden: Vec<u8>,
    /// Whether the golden bytes are read as the message.
    is_read_back: bool,
}

impl Row {
    /// Spaces in the golden bytes are for the reader's eye.
    fn of<M: Message + Default + PartialEq>(value: M, golden: &str) -> Row {
        let golden = from_hex(golden);
        let path = std::any::type_name::<M>();
        Row {
            message: path.rsplit("::").next().unwrap_or(path),
            written: value.encode_to_vec(),
            is_read_back: M::decode(golden.as_slice()).is_ok_and(|read| read == value),
            golden,
        }
    }
}

fn hold(rows: &[Row]) {
    for row in rows {
        assert_eq!(
            hex(&row.written),
            hex(&row.golden),
            "{} is written otherwise",
            row.message
        );
        assert!(row.is_read_back, "{} is read otherwise", row.message);
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    let pairs = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| str::from_utf8(pair).expect("ASCII"));
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal digits"))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
