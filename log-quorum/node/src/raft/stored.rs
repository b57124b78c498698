//! What a log node stores and ships of Raft: entries, votes, log ids and memberships, each with a format version.
//! Promises: openraft's own forms never reach a disk or a peer, so a new openraft reads what an old one wrote. What
//! cannot be read is refused with the reason, never guessed. Leaves to `storage`: checksums.
//!
//! ```text
//!   entry       version u8 │ kind u8 │ term u64 │ node u64 │ index u64 │ body
//!   batch body  version u8 │ (length varint │ Call)*                        (one frame per call)
//! ```
//! All integers are little-endian.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use openraft::EntryPayload;
use openraft::entry::RaftEntry;
use prost::Message;
use tenure_types::Incarnation;
use tenure_wire::log_v1 as wire;

use super::types::{Batch, Entry, LeaderId, LogId, Membership, Vote, Voter};

/// Format of everything here. A node that meets another one stops; it never guesses.
const VERSION: u8 = 1;
/// Version of the calls in a batch. Apart from [`VERSION`], because what a call *means* changes on its own.
const BATCH_VERSION: u8 = 1;

const KIND_BLANK: u8 = 0;
const KIND_BATCH: u8 = 1;
const KIND_MEMBERSHIP: u8 = 2;

/// Version, kind and log id.
const ENTRY_HEAD_BYTES: usize = 26;

/// Bytes that are not what they should be. They passed a checksum, so somebody wrote them so: a newer version, or a bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It ends too early.
    #[error("stored {what} is cut short at {bytes} bytes")]
    Short {
        /// What was read.
        what: &'static str,
        /// How long it is.
        bytes: usize,
    },
    /// A newer version of Tenure wrote it.
    #[error("stored {what} has format version {found}, this version of Tenure reads {known}; upgrade this node")]
    Version {
        /// What was read.
        what: &'static str,
        /// The version it names.
        found: u8,
        /// The version that can be read.
        known: u8,
    },
    /// It is none of the kinds there are.
    #[error("stored entry is of unknown kind {kind}")]
    Kind {
        /// The number it names.
        kind: u8,
    },
    /// It is well-formed and still makes no sense.
    #[error("stored {what} cannot be: {why}")]
    Nonsense {
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl From<Unreadable> for std::io::Error {
    fn from(unreadable: Unreadable) -> Self {
        std::io::Error::new(std::io::ErrorKind::InvalidData, unreadable)
    }
}

/// An entry as it is stored and shipped. A batch's bytes are copied once, here.
pub(crate) fn encode_entry(entry: &Entry) -> Bytes {
    let (kind, body) = match &entry.payload {
        EntryPayload::Blank => (KIND_BLANK, Bytes::new()),
        EntryPayload::Normal(batch) => (KIND_BATCH, batch.0.clone()),
        EntryPayload::Membership(membership) => (KIND_MEMBERSHIP, encode_membership(membership)),
    };
    let mut bytes = BytesMut::with_capacity(ENTRY_HEAD_BYTES + body.len());
    bytes.put_u8(VERSION);
    bytes.put_u8(kind);
    put_log_id(&mut bytes, &entry.log_id);
    bytes.put_slice(&body);
    bytes.freeze()
}

/// The way back; the body shares the bytes.
pub(crate) fn decode_entry(mut bytes: Bytes) -> Result<Entry, Unreadable> {
    let what = "entry";
    need(&bytes, ENTRY_HEAD_BYTES, what)?;
    check_version(what, bytes.get_u8(), VERSION)?;
    let kind = bytes.get_u8();
    let log_id = get_log_id(&mut bytes, what)?;
    let payload = match kind {
        KIND_BLANK => EntryPayload::Blank,
        KIND_BATCH => EntryPayload::Normal(Batch(bytes)),
        KIND_MEMBERSHIP => EntryPayload::Membership(decode_membership(bytes)?),
        kind => return Err(Unreadable::Kind { kind }),
    };
    Ok(Entry::new(log_id, payload))
}

/// A vote.
pub(crate) fn encode_vote(vote: &Vote) -> Bytes {
    let mut bytes = BytesMut::with_capacity(18);
    bytes.put_u8(VERSION);
    bytes.put_u64_le(vote.leader_id.term);
    bytes.put_u64_le(vote.leader_id.node_id);
    bytes.put_u8(u8::from(vote.committed));
    bytes.freeze()
}

/// The way back.
pub(crate) fn decode_vote(mut bytes: Bytes) -> Result<Vote, Unreadable> {
    let what = "vote";
    need(&bytes, 18, what)?;
    check_version(what, bytes.get_u8(), VERSION)?;
    let (term, node) = (bytes.get_u64_le(), bytes.get_u64_le());
    match bytes.get_u8() {
        0 => Ok(Vote::new(term, node)),
        1 => Ok(Vote::new_committed(term, node)),
        _ => Err(Unreadable::Nonsense {
            what,
            why: "it is neither granted nor not granted",
        }),
    }
}

/// A log id.
pub(crate) fn encode_log_id(log_id: &LogId) -> Bytes {
    let mut bytes = BytesMut::with_capacity(25);
    bytes.put_u8(VERSION);
    put_log_id(&mut bytes, log_id);
    bytes.freeze()
}

/// The way back.
pub(crate) fn decode_log_id(mut bytes: Bytes) -> Result<LogId, Unreadable> {
    let what = "log id";
    need(&bytes, 25, what)?;
    check_version(what, bytes.get_u8(), VERSION)?;
    get_log_id(&mut bytes, what)
}

/// Voters in their configurations (two while a change is under way), and every member's address and incarnation.
fn encode_membership(membership: &Membership) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u8(VERSION);
    put_count(&mut bytes, membership.get_joint_config().len());
    for config in membership.get_joint_config() {
        put_count(&mut bytes, config.len());
        config.iter().for_each(|node| bytes.put_u64_le(*node));
    }
    put_count(&mut bytes, membership.nodes().count());
    for (node, voter) in membership.nodes() {
        bytes.put_u64_le(*node);
        bytes.put_u64_le(voter.incarnation.map_or(0, Incarnation::get));
        put_count(&mut bytes, voter.address.len());
        bytes.put_slice(voter.address.as_bytes());
    }
    bytes.freeze()
}

fn decode_membership(mut bytes: Bytes) -> Result<Membership, Unreadable> {
    let what = "membership";
    need(&bytes, 1, what)?;
    check_version(what, bytes.get_u8(), VERSION)?;
    let mut configs = Vec::new();
    for _ in 0..get_count(&mut bytes, what)? {
        let mut config = BTreeSet::new();
        for _ in 0..get_count(&mut bytes, what)? {
            need(&bytes, 8, what)?;
            config.insert(bytes.get_u64_le());
        }
        configs.push(config);
    }
    let mut nodes = BTreeMap::new();
    for _ in 0..get_count(&mut bytes, what)? {
        need(&bytes, 16, what)?;
        let (node, incarnation) = (bytes.get_u64_le(), Incarnation::new(bytes.get_u64_le()));
        let length = get_count(&mut bytes, what)?;
        need(&bytes, length, what)?;
        let address = String::from_utf8(bytes.split_to(length).to_vec()).map_err(|_| Unreadable::Nonsense {
            what,
            why: "an address is not UTF-8",
        })?;
        nodes.insert(node, Voter { address, incarnation });
    }
    Membership::new(configs, nodes).map_err(|_| Unreadable::Nonsense {
        what,
        why: "a voter is no member, or there is none",
    })
}

/// Collects calls into the body of an entry.
pub(crate) struct BatchWriter {
    bytes: BytesMut,
    calls: usize,
}

impl BatchWriter {
    /// A body without calls.
    pub(crate) fn new() -> Self {
        let mut bytes = BytesMut::with_capacity(4096);
        bytes.put_u8(BATCH_VERSION);
        Self { bytes, calls: 0 }
    }

    /// Adds a call behind those there are.
    pub(crate) fn push(&mut self, call: &wire::Call) {
        let length = call.encoded_len();
        self.bytes.reserve(length + 10);
        // A BytesMut grows as needed, so encoding into one cannot fail for lack of room.
        prost::encoding::encode_varint(length as u64, &mut self.bytes);
        call.encode_raw(&mut self.bytes);
        self.calls += 1;
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether no call was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.calls == 0
    }

    /// The body.
    pub(crate) fn finish(self) -> Batch {
        Batch(self.bytes.freeze())
    }
}

/// One call of a batch, and where its frame begins in the batch.
pub(crate) struct Frame {
    /// Offset of the frame, for [`frame_at`].
    pub offset: u32,
    /// The call.
    pub call: wire::Call,
}

/// The calls of a batch, in order.
pub(crate) fn frames(batch: &Batch) -> Result<Vec<Frame>, Unreadable> {
    let whole = batch.0.len();
    let mut rest = batch.0.clone();
    need(&rest, 1, "batch")?;
    check_version("batch", rest.get_u8(), BATCH_VERSION)?;
    let mut frames = Vec::new();
    while rest.has_remaining() {
        let offset = u32::try_from(whole - rest.remaining()).map_err(|_| Unreadable::Nonsense {
            what: "batch",
            why: "it is larger than 4 GiB",
        })?;
        let call = decode_frame(&mut rest)?;
        frames.push(Frame { offset, call });
    }
    Ok(frames)
}

/// The call whose frame begins at `offset` of a batch.
pub(crate) fn frame_at(batch: &Batch, offset: u32) -> Result<wire::Call, Unreadable> {
    let mut rest = batch.0.clone();
    check_version("batch", rest.first().copied().unwrap_or(0), BATCH_VERSION)?;
    need(&rest, offset as usize + 1, "batch")?;
    rest.advance(offset as usize);
    decode_frame(&mut rest)
}

fn decode_frame(rest: &mut Bytes) -> Result<wire::Call, Unreadable> {
    let short = Unreadable::Short {
        what: "batch",
        bytes: rest.len(),
    };
    let length = prost::encoding::decode_varint(rest).map_err(|_| short)?;
    let length = usize::try_from(length).map_err(|_| short)?;
    need(rest, length, "batch")?;
    wire::Call::decode(rest.split_to(length)).map_err(|_| Unreadable::Nonsense {
        what: "batch",
        why: "a call in it is no message",
    })
}

fn put_log_id(bytes: &mut BytesMut, log_id: &LogId) {
    bytes.put_u64_le(log_id.leader_id.term);
    bytes.put_u64_le(log_id.leader_id.node_id);
    bytes.put_u64_le(log_id.index);
}

fn get_log_id(bytes: &mut Bytes, what: &'static str) -> Result<LogId, Unreadable> {
    need(bytes, 24, what)?;
    let leader_id = LeaderId {
        term: bytes.get_u64_le(),
        node_id: bytes.get_u64_le(),
    };
    Ok(LogId::new(leader_id, bytes.get_u64_le()))
}

/// Counts here are of voters and of letters in an address, so 32 bits are many.
fn put_count(bytes: &mut BytesMut, count: usize) {
    bytes.put_u32_le(u32::try_from(count).unwrap_or(u32::MAX));
}

fn get_count(bytes: &mut Bytes, what: &'static str) -> Result<usize, Unreadable> {
    need(bytes, 4, what)?;
    Ok(bytes.get_u32_le() as usize)
}

fn need(bytes: &Bytes, needed: usize, what: &'static str) -> Result<(), Unreadable> {
    if bytes.remaining() < needed {
        return Err(Unreadable::Short {
            what,
            bytes: bytes.len(),
        });
    }
    Ok(())
}

fn check_version(what: &'static str, found: u8, known: u8) -> Result<(), Unreadable> {
    if found == known {
        Ok(())
    } else {
        Err(Unreadable::Version { what, found, known })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_id() -> LogId {
        let leader_id = LeaderId { term: 3, node_id: 2 };
        LogId::new(leader_id, 0x0102)
    }

    fn membership() -> Membership {
        let voter = |number: u64| Voter {
            address: format!("h{number}:1"),
            incarnation: Incarnation::new(number << 8),
        };
        let members: BTreeMap<_, _> = [(1, voter(1)), (2, voter(2))].into();
        Membership::new(vec![[1].into(), [1, 2].into()], members).unwrap()
    }

    fn calls() -> [wire::Call; 2] {
        let call = |stream| wire::Call {
            call: Some(wire::call::Call::Delete(wire::Delete { stream })),
        };
        [call(7), call(8)]
    }

    fn batch() -> Batch {
        let mut writer = BatchWriter::new();
        calls().iter().for_each(|call| writer.push(call));
        writer.finish()
    }

    fn entries() -> [Entry; 3] {
        [
            Entry::new(log_id(), EntryPayload::Blank),
            Entry::new(log_id(), EntryPayload::Normal(batch())),
            Entry::new(log_id(), EntryPayload::Membership(membership())),
        ]
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// If this fails, stored journals can no longer be read.
    #[test]
    fn stored_bytes_never_change() {
        let head = |kind| format!("01{kind}030000000000000002000000000000000201000000000000");
        let [blank, normal, membership] = entries().map(|entry| hex(&encode_entry(&entry)));
        assert_eq!(blank, head("00"));
        assert_eq!(
            normal,
            head("01") + "01" + "0b" + "3209090700000000000000" + "0b" + "3209090800000000000000"
        );
        assert_eq!(
            membership,
            head("02")
                + "01"
                + "02000000"
                + "01000000"
                + "0100000000000000"
                + "02000000"
                + "01000000000000000200000000000000"
                + "02000000"
                + "0100000000000000"
                + "0001000000000000"
                + "04000000"
                + "68313a31"
                + "0200000000000000"
                + "0002000000000000"
                + "04000000"
                + "68323a31"
        );
        assert_eq!(
            hex(&encode_vote(&Vote::new(3, 2))),
            "010300000000000000020000000000000000"
        );
        assert_eq!(
            hex(&encode_vote(&Vote::new_committed(3, 2))),
            "010300000000000000020000000000000001"
        );
        assert_eq!(
            hex(&encode_log_id(&log_id())),
            "01030000000000000002000000000000000201000000000000"
        );
    }

    #[test]
    fn what_is_stored_is_read_back() {
        for entry in entries() {
            assert_eq!(decode_entry(encode_entry(&entry)), Ok(entry));
        }
        for vote in [Vote::new(3, 2), Vote::new_committed(3, 2)] {
            assert_eq!(decode_vote(encode_vote(&vote)), Ok(vote));
        }
        assert_eq!(decode_log_id(encode_log_id(&log_id())), Ok(log_id()));
    }

    #[test]
    fn a_call_is_found_by_the_offset_of_its_frame() {
        let frames = frames(&batch()).unwrap();
        let read: Vec<_> = frames.iter().map(|frame| frame.call.clone()).collect();
        assert_eq!(read, calls());
        for frame in frames {
            assert_eq!(frame_at(&batch(), frame.offset), Ok(frame.call));
        }
    }

    #[test]
    fn a_newer_version_is_named_and_not_guessed_at() {
        let newer = |bytes: Bytes| {
            let mut bytes = bytes.to_vec();
            bytes[0] = 2;
            Bytes::from(bytes)
        };
        let refused = |what| Unreadable::Version {
            what,
            found: 2,
            known: 1,
        };
        assert_eq!(decode_entry(newer(encode_entry(&entries()[0]))), Err(refused("entry")));
        assert_eq!(decode_vote(newer(encode_vote(&Vote::new(1, 1)))), Err(refused("vote")));
        assert_eq!(frames(&Batch(newer(batch().0))).err(), Some(refused("batch")));
    }

    #[test]
    fn every_cut_is_refused() {
        for entry in entries() {
            let whole = encode_entry(&entry);
            for length in 0..whole.len() {
                let cut = decode_entry(whole.slice(..length));
                // A batch is read when it is applied.
                let refused = cut.is_err_and(|_| true) || frames_of(&whole.slice(..length)).is_err();
                let ends_with_a_frame = matches!(entry.payload, EntryPayload::Normal(_)) && [27, 39].contains(&length);
                assert!(refused || ends_with_a_frame, "{entry:?} cut at {length}");
            }
        }
    }

    fn frames_of(entry: &Bytes) -> Result<Vec<Frame>, Unreadable> {
        match decode_entry(entry.clone())?.payload {
            EntryPayload::Normal(batch) => frames(&batch),
            EntryPayload::Blank | EntryPayload::Membership(_) => Ok(Vec::new()),
        }
    }

    #[test]
    fn unknown_kinds_and_calls_stop_the_reader() {
        let mut kind = encode_entry(&entries()[0]).to_vec();
        kind[1] = 9;
        assert_eq!(decode_entry(kind.into()), Err(Unreadable::Kind { kind: 9 }));
        let garbage = Batch(Bytes::from_static(&[1, 2, 0xff, 0xff]));
        assert!(frames(&garbage).is_err());
    }
}
