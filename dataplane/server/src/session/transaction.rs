//! The commands between MULTI and EXEC.
//! Promises: what is queued is bounded; a transaction that cannot run any more keeps nothing.

use tenure_engine::{Args, OwnedArgs, Slot};

use super::Rejection;
use super::routes::slot_of;
use crate::plugin::{FoundPlugin, Plugins};
use crate::table::Registered;

/// What a queued argument takes beside its bytes.
const ARG_BYTES: usize = size_of::<std::ops::Range<usize>>();

/// The commands since MULTI.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    queue: Vec<Queued>,
    bytes: usize,
    aborted: bool,
}

/// One of them. It was fit to run when it was queued.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) command: Registered,
    pub(crate) args: OwnedArgs,
    /// Where its keys are; `None`: it has none.
    pub(crate) slot: Option<Slot>,
}

impl Transaction {
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Memory of what is queued.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.bytes
    }

    /// In the order in which they came.
    pub(crate) fn queue(&self) -> &[Queued] {
        &self.queue
    }

    /// Whether a command was refused, so that EXEC runs none.
    pub(crate) fn is_aborted(&self) -> bool {
        self.aborted
    }

    /// EXEC will run none of them.
    pub(crate) fn abort(&mut self) {
        self.aborted = true;
        self.queue = Vec::new();
        self.bytes = 0;
    }

    /// Plugins may have got other versions since their commands were queued: each becomes the one that has its name now, if
    /// that takes the same arguments and finds keys in the same slot. One that does not fit, or is gone, refuses to run, and
    /// so does the transaction: a part of it would be neither what the client meant nor nothing.
    pub(super) fn renew_plugins(&mut self, plugins: &Plugins) {
        for Queued { command, args, slot } in &mut self.queue {
            let args = args.as_args();
            let Registered::Plugin(queued) = &*command else {
                continue;
            };
            if queued.plugin().is_ok() {
                continue;
            }
            let Some(FoundPlugin::Command(newer)) = plugins.find(queued.name().as_bytes()) else {
                continue;
            };
            let spec = newer.spec();
            if spec.arity.allows(args.len()) && slot_of(&spec, args) == Ok(*slot) {
                *command = Registered::Plugin(newer);
            }
        }
    }

    /// Adds a command, unless all of them together are too much.
    pub(super) fn push(
        &mut self,
        command: Registered,
        args: Args<'_>,
        slot: Option<Slot>,
        bytes_max: usize,
    ) -> Result<(), Rejection> {
        if self.aborted {
            return Ok(());
        }
        let places = args.len().saturating_mul(ARG_BYTES);
        let bytes = args.bytes().saturating_add(places).saturating_add(size_of::<Queued>());
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > bytes_max {
            return Err(Rejection::TransactionTooLarge { bytes_max });
        }
        let args = args.to_owned();
        self.queue.push(Queued { command, args, slot });
        Ok(())
    }
}
