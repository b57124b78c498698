//! The bodies of a snapshot's blocks, as they are read. `encode.rs` writes the same fields in the same order.
//! Promises: a body is read to its end or refused, and a table comes out only if calls could have led to it
//! (`check.rs`). Holds the table so far and one block, nothing more.

use std::collections::BTreeMap;

use tenure_types::{Epoch, Incarnation, LeaseLength, NodeId, Owner, StreamId, TenantId};

use super::block::{Blocks, Body};
use super::fields::FieldsIn;
use super::{DecodeError, StreamFlaw, check};
use crate::delete::Tombstones;
use crate::limits::{STREAMS_MAX, TOMBSTONES_MAX};
use crate::ownership::Ownerships;
use crate::recent::RecentChains;
use crate::{Chain, Ownership, Stream, StreamTable, WaitOut};

/// Decodes a snapshot that comes in pieces, cut anywhere. An error ends it, with all it had taken.
#[derive(Debug, Default)]
pub struct TableDecoder {
    blocks: Blocks,
    stage: Stage,
}

/// Which block comes next.
#[derive(Debug, Default)]
enum Stage {
    /// The head.
    #[default]
    Head,
    /// A stream; the tombstones once there are as many streams as the head says.
    Streams {
        head: Head,
        streams: BTreeMap<StreamId, Stream>,
    },
    /// None.
    Done(StreamTable),
}

/// What the head says of the table.
#[derive(Debug, Clone, Copy)]
struct Head {
    lease_max: LeaseLength,
    streams: u64,
    tombstones: u64,
}

impl TableDecoder {
    /// Takes the next piece.
    pub fn push(mut self, mut piece: &[u8]) -> Result<Self, DecodeError> {
        while !piece.is_empty() {
            if let Stage::Done(_) = self.stage {
                let end = self.blocks.taken_bytes();
                return Err(DecodeError::BytesBehindEnd { end });
            }
            if let Some(body) = self.blocks.next(&mut piece)? {
                self.stage = self.stage.read(&body)?;
            }
        }
        Ok(self)
    }

    /// The table, once all pieces were pushed.
    pub fn finish(self) -> Result<StreamTable, DecodeError> {
        match self.stage {
            Stage::Done(table) => Ok(table),
            Stage::Head | Stage::Streams { .. } => Err(DecodeError::Truncated {
                bytes: self.blocks.taken_bytes(),
            }),
        }
    }
}

impl Stage {
    fn read(self, body: &Body) -> Result<Self, DecodeError> {
        let mut fields = FieldsIn::of(body);
        let next = match self {
            Self::Head => Self::Streams {
                head: read_head(&mut fields)?,
                streams: BTreeMap::new(),
            },
            Self::Streams { head, mut streams } if (streams.len() as u64) < head.streams => {
                let stream = read_stream(&mut fields, head.lease_max)?;
                check::order(&streams, stream.id)?;
                streams.insert(stream.id, stream);
                Self::Streams { head, streams }
            }
            Self::Streams { head, streams } => {
                let tombstones = read_tombstones(&mut fields, head.tombstones)?;
                check::tombstones(&tombstones, &streams)?;
                Self::Done(StreamTable {
                    lease_max: head.lease_max,
                    streams,
                    tombstones,
                })
            }
            Self::Done(table) => Self::Done(table),
        };
        fields.end()?;
        Ok(next)
    }
}

// The fields of each struct are read in the order in which they stand here.

fn read_head(fields: &mut FieldsIn<'_>) -> Result<Head, DecodeError> {
    let head = Head {
        lease_max: fields.lease()?.ok_or(DecodeError::NoLeaseMax)?,
        streams: fields.number()?,
        tombstones: fields.number()?,
    };
    let Head {
        streams, tombstones, ..
    } = head;
    if streams > STREAMS_MAX as u64 {
        return Err(DecodeError::TooManyStreams { streams });
    }
    if tombstones > TOMBSTONES_MAX as u64 {
        return Err(DecodeError::TooManyTombstones { tombstones });
    }
    Ok(head)
}

fn read_stream(fields: &mut FieldsIn<'_>, lease_max: LeaseLength) -> Result<Stream, DecodeError> {
    let id = StreamId::from_bits(fields.number()?);
    let stream = Stream {
        id,
        tenant: TenantId::new(fields.number()?),
        restore_window: read_flag(fields, id)?,
        trim: fields.position()?,
        appended_bytes: fields.number()?,
        ownerships: read_ownerships(fields, id)?,
        recent: read_recent(fields)?,
    };
    check::stream(&stream, lease_max).map_err(|flaw| flawed(id, flaw))?;
    Ok(stream)
}

fn read_ownerships(fields: &mut FieldsIn<'_>, of: StreamId) -> Result<Ownerships, DecodeError> {
    let longest_lease = fields.lease()?;
    let count = fields.number()?;
    let newest = fields.repeated(count, |fields| read_ownership(fields, of))?;
    Ok(Ownerships::from_stored(newest, longest_lease))
}

fn read_ownership(fields: &mut FieldsIn<'_>, of: StreamId) -> Result<Ownership, DecodeError> {
    let epoch = Epoch::new(fields.number()?);
    let node = NodeId::new(fields.number()?);
    let incarnation = Incarnation::new(fields.number()?);
    let lease = fields.lease()?;
    Ok(Ownership {
        epoch,
        owner: Owner {
            node,
            incarnation: incarnation.ok_or_else(|| flawed(of, StreamFlaw::NoIncarnation { epoch }))?,
        },
        lease: lease.ok_or_else(|| flawed(of, StreamFlaw::NoLease { epoch }))?,
        began_at: fields.position()?,
        wait_out: fields.lease()?.map_or(WaitOut::Nothing, WaitOut::For),
        released: read_flag(fields, of)?,
    })
}

fn read_recent(fields: &mut FieldsIn<'_>) -> Result<RecentChains, DecodeError> {
    let tail = fields.position()?;
    let chain = Chain::from_stored(fields.number()?);
    let count = fields.number()?;
    let earlier = fields.repeated(count, |fields| fields.number().map(Chain::from_stored))?;
    Ok(RecentChains::from_stored(tail, chain, earlier))
}

fn read_tombstones(fields: &mut FieldsIn<'_>, count: u64) -> Result<Tombstones, DecodeError> {
    let ids = fields.repeated(count, |fields| fields.number().map(StreamId::from_bits))?;
    Ok(Tombstones::from_stored(ids))
}

fn read_flag(fields: &mut FieldsIn<'_>, of: StreamId) -> Result<bool, DecodeError> {
    fields.flag()?.map_err(|byte| flawed(of, StreamFlaw::NoFlag { byte }))
}

fn flawed(stream: StreamId, flaw: StreamFlaw) -> DecodeError {
    DecodeError::Stream { stream, source: flaw }
}
