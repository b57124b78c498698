//! The bodies of a snapshot's blocks, as they are written. `decode.rs` reads the same fields in the same order.
//! Promises: every field of the table is written, in an order that does not depend on how the table came to be.

use super::fields::FieldsOut;
use crate::delete::Tombstones;
use crate::ownership::Ownerships;
use crate::recent::RecentChains;
use crate::{Ownership, Stream, StreamTable, WaitOut};

// Bytes of what has a fixed length; the format in `snapshot.rs` names the fields.
const HEAD_BYTES: usize = 4 + 2 * 8;
const STREAM_BYTES: usize = 8 * 8 + 4 + 1;
const OWNERSHIP_BYTES: usize = 4 * 8 + 2 * 4 + 1;
const CHAIN_BYTES: usize = 8;
const ID_BYTES: usize = 8;

/// What one block holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'a> {
    /// What the table has once, and how much follows.
    Head(&'a StreamTable),
    /// One stream.
    Stream(&'a Stream),
    /// The deleted ids.
    Tombstones(&'a Tombstones),
}

impl Part<'_> {
    /// How many bytes [`write`](Self::write) appends.
    pub(super) fn body_bytes(self) -> usize {
        match self {
            Self::Head(_) => HEAD_BYTES,
            Self::Stream(stream) => {
                let ownerships = stream.ownerships.remembered().len() * OWNERSHIP_BYTES;
                STREAM_BYTES + ownerships + stream.recent.earlier().len() * CHAIN_BYTES
            }
            Self::Tombstones(tombstones) => tombstones.ids().len() * ID_BYTES,
        }
    }

    /// Appends the body of its block.
    pub(super) fn write(self, body: &mut Vec<u8>) {
        let fields = &mut FieldsOut::to(body);
        match self {
            Self::Head(table) => write_head(fields, table),
            Self::Stream(stream) => write_stream(fields, stream),
            Self::Tombstones(tombstones) => tombstones.ids().iter().for_each(|id| fields.number(id.to_bits())),
        }
    }
}

// Each takes its value apart by name, so that a new field does not compile until it has its place here.

fn write_head(fields: &mut FieldsOut<'_>, table: &StreamTable) {
    let StreamTable {
        lease_max,
        streams,
        tombstones,
    } = table;
    fields.lease(Some(*lease_max));
    fields.count(streams.len());
    fields.count(tombstones.ids().len());
}

fn write_stream(fields: &mut FieldsOut<'_>, stream: &Stream) {
    let Stream {
        id,
        tenant,
        restore_window,
        ownerships,
        recent,
        trim,
        appended_bytes,
    } = stream;
    fields.number(id.to_bits());
    fields.number(tenant.get());
    fields.flag(*restore_window);
    fields.position(*trim);
    fields.number(*appended_bytes);
    write_ownerships(fields, ownerships);
    write_recent(fields, recent);
}

fn write_ownerships(fields: &mut FieldsOut<'_>, ownerships: &Ownerships) {
    fields.lease(ownerships.longest_lease());
    fields.count(ownerships.remembered().len());
    for ownership in ownerships.remembered() {
        write_ownership(fields, ownership);
    }
}

fn write_ownership(fields: &mut FieldsOut<'_>, ownership: &Ownership) {
    let Ownership {
        epoch,
        owner,
        lease,
        began_at,
        wait_out,
        released,
    } = ownership;
    fields.number(epoch.get());
    fields.number(owner.node.get());
    fields.number(owner.incarnation.get());
    fields.lease(Some(*lease));
    fields.position(*began_at);
    fields.lease(match wait_out {
        WaitOut::Nothing => None,
        WaitOut::For(longest) => Some(*longest),
    });
    fields.flag(*released);
}

fn write_recent(fields: &mut FieldsOut<'_>, recent: &RecentChains) {
    fields.position(recent.tail());
    fields.number(recent.chain().get());
    fields.count(recent.earlier().len());
    for chain in recent.earlier() {
        fields.number(chain.get());
    }
}
