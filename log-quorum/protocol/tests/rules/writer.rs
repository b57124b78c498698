//! Hands for the tests: a table with one stream, and writers that seal records and group them into appends.

use bytes::Bytes;
use tenure_log_protocol::*;
use tenure_types::{Epoch, GroupId, Incarnation, LeaseLength, Lsn, NodeId, Owner, StreamId, TenantId, WallTime};

pub(crate) const STREAM: StreamId = StreamId::new(GroupId::new(0), 17);

pub(crate) fn lease(millis: u32) -> LeaseLength {
    LeaseLength::from_millis(millis).unwrap()
}

pub(crate) fn lease_max() -> LeaseLength {
    lease(10_000)
}

pub(crate) fn life(number: u64) -> Incarnation {
    Incarnation::new(number).unwrap()
}

pub(crate) fn owner(number: u64) -> Owner {
    Owner {
        node: NodeId::new(number),
        incarnation: life(number),
    }
}

pub(crate) fn at(number: u64) -> Lsn {
    Lsn::new(number).unwrap()
}

pub(crate) fn create(stream: StreamId) -> Create {
    Create {
        stream,
        tenant: TenantId::new(1),
        restore_window: false,
    }
}

/// A table with the empty stream [`STREAM`].
pub(crate) fn table() -> StreamTable {
    let mut table = StreamTable::new(lease_max());
    table.create(&create(STREAM)).unwrap();
    table
}

/// A fence of the current epoch for `owner`, by the control plane.
pub(crate) fn fence_for(table: &StreamTable, owner: Owner) -> Fence {
    let expect_epoch = table.stream(STREAM).unwrap().epoch();
    Fence {
        stream: STREAM,
        expect_epoch,
        owner,
        lease: lease(1000),
        nomination: Nomination::ByControlPlane,
    }
}

/// An owner with the records it sealed in its epoch.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    pub(crate) owner: Owner,
    pub(crate) epoch: Epoch,
    /// Where its own records begin, and the chain there.
    pub(crate) base: StreamBase,
    pub(crate) sealed: Vec<Record>,
}

/// A place in the stream to append behind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamBase {
    pub(crate) tail: Option<Lsn>,
    pub(crate) chain: Chain,
}

impl Writer {
    /// Fences the current epoch for writer `number` and starts at the tail.
    pub(crate) fn fencing(table: &mut StreamTable, number: u64) -> Self {
        let granted = table.fence(&fence_for(table, owner(number))).unwrap();
        Self::granted(owner(number), &granted)
    }

    pub(crate) fn granted(owner: Owner, granted: &Granted) -> Self {
        let base = StreamBase {
            tail: granted.tail,
            chain: granted.chain,
        };
        Self {
            owner,
            epoch: granted.epoch,
            base,
            sealed: Vec::new(),
        }
    }

    /// Position of the newest record it sealed.
    pub(crate) fn tail(&self) -> Option<Lsn> {
        Lsn::new(Lsn::count(self.base.tail) + self.sealed.len() as u64)
    }

    fn chain(&self) -> Chain {
        self.sealed.last().map_or(self.base.chain, |record| record.chain)
    }

    /// Seals one more record.
    pub(crate) fn write(&mut self, payload: &str) -> Lsn {
        let lsn = Lsn::after(self.tail()).unwrap();
        let draft = Draft {
            epoch: self.epoch,
            incarnation: self.owner.incarnation,
            written_at: WallTime::from_unix_millis(1_700_000_000_000),
            engine_version: EngineVersion::new(1),
            payload: Bytes::copy_from_slice(payload.as_bytes()),
        };
        let record = draft.seal(lsn, self.chain());
        self.sealed.push(record);
        lsn
    }

    /// Its records at these positions as one append.
    pub(crate) fn append(&self, first: u64, last: u64) -> Append {
        let base = Lsn::count(self.base.tail);
        let index = |lsn: u64| usize::try_from(lsn - base).unwrap();
        Append {
            stream: STREAM,
            epoch: self.epoch,
            incarnation: self.owner.incarnation,
            under_lease: true,
            prev_lsn: Lsn::new(first - 1),
            records: self.sealed[index(first) - 1..index(last)].to_vec(),
        }
    }

    /// Seals and appends `records` records, in as many calls.
    pub(crate) fn write_through(&mut self, table: &mut StreamTable, records: u64) {
        for _ in 0..records {
            let lsn = self.write("x").get();
            assert_eq!(
                table.append(&self.append(lsn, lsn)),
                Ok(AppendVerdict::Ok { lsn: at(lsn) })
            );
        }
    }

    pub(crate) fn release(&self) -> Release {
        Release {
            stream: STREAM,
            epoch: self.epoch,
            incarnation: self.owner.incarnation,
        }
    }

    pub(crate) fn renew(&self) -> Renew {
        Renew {
            stream: STREAM,
            epoch: self.epoch,
            incarnation: self.owner.incarnation,
            under_lease: true,
        }
    }

    /// What it is told once its epoch is over.
    pub(crate) fn fenced(epoch: u64, fence_lsn: u64) -> Fenced {
        Fenced {
            epoch: Epoch::new(epoch),
            fence_lsn: Lsn::new(fence_lsn),
        }
    }
}
