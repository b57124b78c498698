//! A process that must not outlive the one that started it: those of `tenure dev` and of tests.
//! Promises: it is killed when the parent dies in any way, also when it stands still itself. Leaves to the parent:
//! starting it on a thread that lives as long, for the kernel takes the death of that thread for the parent's.

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// Dies with the parent from now on. `parent` is its number, if it said so: a parent that died before this call is
/// noticed by it.
pub(crate) fn die_with(parent: Option<u32>) -> anyhow::Result<()> {
    // 1. Ask for the signal. 2. Look who the parent is. A parent that dies after 1 is seen by the kernel, before it by us.
    set_parent_process_death_signal(Some(Signal::KILL)).context("could not ask for a signal when the parent dies")?;
    let now = getppid().map(|parent| Pid::as_raw(Some(parent)).unsigned_abs());
    if parent.is_some() && parent != now {
        bail!("the parent has died already");
    }
    Ok(())
}
