//! Calls and waiters for the tests of the client.

use tenure_log::{Appended, Reply};
use tenure_log_protocol::{Append, Create, CreateRefused, Unsettled};
use tenure_types::{Epoch, GroupId, Incarnation, Lsn, StreamId, TenantId};
use tenure_wire::log_v1 as wire;
use tokio::sync::oneshot;

use super::waiter::{Waiter, reply};
use crate::convert;

fn stream() -> StreamId {
    StreamId::new(GroupId::new(0), 1)
}

/// An append that begins behind `prev_lsn`, by which tests tell it from others.
pub(super) fn append(prev_lsn: u64) -> wire::Call {
    let append = Append {
        stream: stream(),
        epoch: Epoch::new(1),
        incarnation: Incarnation::new(7).unwrap(),
        under_lease: true,
        prev_lsn: Lsn::new(prev_lsn),
        records: Vec::new(),
    };
    wire::Call {
        call: Some(wire::call::Call::Append(convert::append_to_wire(&append))),
    }
}

pub(super) fn create() -> wire::Call {
    convert::call_to_wire(&tenure_log_protocol::Call::Create(Create {
        stream: stream(),
        tenant: TenantId::new(1),
        restore_window: false,
    }))
}

pub(super) fn heard_append() -> (Waiter, Reply<Appended, Unsettled>) {
    let (told, heard) = oneshot::channel();
    (Waiter::Append(told), reply(heard))
}

pub(super) fn heard_create() -> (Waiter, Reply<(), CreateRefused>) {
    let (told, heard) = oneshot::channel();
    (Waiter::Create(told), reply(heard))
}
