//! A process that must not outlive the one that started it: those of `tenure dev` and of tests.
//! Promises: it is killed when the parent dies in any way, also when it stands still itself. Leaves to the parent:
//! starting it on a thread that lives as long, for the kernel takes the death of that thread for the parent's.

use anyhow::{Context, bail};
use clap::Args;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::failure::{Failure, OrHint};

/// The flag of every command that runs until it is told to end.
#[derive(Args)]
pub(crate) struct DieWithParent {
    /// Die when the process that started this one dies, in whatever way. With its number also if it is dead already.
    #[arg(long, value_name = "PID", num_args = 0..=1, require_equals = true)]
    die_with_parent: Option<Option<u32>>,
}

impl DieWithParent {
    /// Does what the flag says, if it was given.
    pub(crate) fn apply(&self) -> Result<(), Failure> {
        match self.die_with_parent {
            Some(parent) => die_with(parent).or_hint("start it again, or without --die-with-parent"),
            None => Ok(()),
        }
    }
}

/// Dies with the parent from now on. `parent` is its number, if it said so: a parent that died before this call is
/// noticed by it.
fn die_with(parent: Option<u32>) -> anyhow::Result<()> {
    // 1. Ask for the signal. 2. Look who the parent is. A parent that dies after 1 is seen by the kernel, before it by us.
    set_parent_process_death_signal(Some(Signal::KILL)).context("could not ask for a signal when the parent dies")?;
    let now = getppid().map(|parent| Pid::as_raw(Some(parent)).unsigned_abs());
    if parent.is_some() && parent != now {
        bail!("the parent has died already");
    }
    Ok(())
}
