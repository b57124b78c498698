//! The writer on a thread of its own, and the thread that makes and recycles files for it.
//! Promises: the writer waits for nothing but submissions, the disk, and space when there is none. When it ends by an
//! error, somebody is told once, and at once: also while the disk hangs.
//! Leaves to the caller: ending the process then.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
use tracing::{info, warn};

use crate::{WalError, WalWriter, Wrote};

/// How often a writer without space looks whether there is some. Nothing tells it when somebody else frees space. Most
/// looks cost the disk nothing: see `backoff`.
const SPACE_POLL: Duration = Duration::from_millis(100);
/// Above every thread without real-time scheduling, below those of the kernel and of other real-time programs.
const REALTIME_PRIORITY: u8 = 10;

/// How the thread of the writer is scheduled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheduling {
    /// First in, first out, before all ordinary threads: beside other busy processes an ordinary thread makes a sync
    /// many times slower. Where the system does not allow it, as every other thread, with a warning.
    #[default]
    Realtime,
    /// As every other thread.
    Ordinary,
}

/// The running writer. Dropping it does not stop it; [`Wal::close`](crate::Wal::close) does.
pub struct WalThread {
    /// None if it could not be started.
    writer: Option<JoinHandle<()>>,
}

impl WalThread {
    pub(crate) fn spawn(writer: WalWriter, on_fatal: Box<dyn FnOnce(WalError) + Send>, scheduling: Scheduling) -> Self {
        // A thread that cannot be started keeps nothing of what it was given, so both sides hold this.
        let on_fatal = Arc::new(Mutex::new(Some(on_fatal)));
        let tell = Arc::clone(&on_fatal);
        let started = spawn_spares(&writer).and_then(|spares| {
            let run = move || {
                let mut writer = writer;
                raise_priority(scheduling);
                // A callback may panic. Whoever relies on the log must hear of it, as of an error.
                let outcome = catch_unwind(AssertUnwindSafe(|| run(&mut writer)));
                writer.end();
                // 1. Tell. 2. Wait for the other thread. On a disk that hangs it may never end, and whoever ends the
                // process must not wait for it.
                if let Err(error) = outcome.unwrap_or(Err(WalError::Ended)) {
                    call(&tell, error);
                }
                let _ = spares.join();
            };
            thread::Builder::new().name("wal".to_owned()).spawn(run)
        });
        match started {
            Ok(writer) => Self { writer: Some(writer) },
            Err(source) => {
                call(&on_fatal, WalError::io("start", "a thread of the log")(source));
                Self { writer: None }
            }
        }
    }

    /// Waits until the writer has ended: after [`Wal::close`](crate::Wal::close) or an error.
    pub fn join(self) {
        if let Some(writer) = self.writer {
            // It catches what panics in it.
            let _ = writer.join();
        }
    }
}

fn spawn_spares(writer: &WalWriter) -> std::io::Result<JoinHandle<()>> {
    let shared = Arc::clone(writer.shared());
    shared.spares.use_thread();
    let run = move || shared.spares.run();
    thread::Builder::new().name("wal-spares".to_owned()).spawn(run)
}

fn run(writer: &mut WalWriter) -> Result<(), WalError> {
    let shared = Arc::clone(writer.shared());
    let mut stalled = false;
    while shared.wait_for_work() {
        let wrote = writer.write_queued()?;
        if wrote != Wrote::Stalled {
            if stalled {
                info!("the write-ahead log has space again");
            }
            stalled = false;
            continue;
        }
        if !stalled {
            warn!("no space for the next segment of the write-ahead log: nothing is acknowledged until there is");
        }
        stalled = true;
        if shared.is_closing() {
            warn!(
                "the write-ahead log was closed without space for what is queued: it was not acknowledged and is lost"
            );
            return Ok(());
        }
        shared.wait_for_space(SPACE_POLL);
    }
    Ok(())
}

fn raise_priority(scheduling: Scheduling) {
    match scheduling {
        Scheduling::Ordinary => {}
        Scheduling::Realtime => {
            let priority = ThreadPriorityValue::try_from(REALTIME_PRIORITY).unwrap_or_default();
            let priority = ThreadPriority::Crossplatform(priority);
            let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
            if let Err(error) = set_thread_priority_and_policy(thread_native_id(), priority, policy) {
                warn!(
                    ?error,
                    "the thread of the write-ahead log runs without real-time scheduling: syncs may be slow"
                );
            }
        }
    }
}

/// Where the callback for a fatal error is kept until it is called.
type OnFatal = Mutex<Option<Box<dyn FnOnce(WalError) + Send>>>;

fn call(on_fatal: &OnFatal, error: WalError) {
    let on_fatal = on_fatal.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(on_fatal) = on_fatal {
        on_fatal(error);
    }
}
