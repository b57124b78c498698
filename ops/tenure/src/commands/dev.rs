//! `tenure dev`: the whole platform on one machine, as the processes that production has.
//! Promises: after the line `ready` every process serves and `dev.json` says how to reach it; a process that dies is
//! named, and the others go on; a shard that has another primary is named too; SIGINT and SIGTERM end all of them in
//! bounded time, a second one at once; none outlives this one. A folder that was used before brings its cluster back.
//! Leaves to `tenure_devcluster`: the processes.

mod contract;
mod demo;
mod folder;
mod greeting;
mod kept;
mod memory_size;
mod platform;
mod primaries;
mod supervisor;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use tokio::time::timeout;

use self::folder::Folder;
use self::kept::{Flags, Kept};
use self::platform::Platform;
use self::primaries::Inquiry;
use self::supervisor::Supervisor;
use crate::failure::{DEFECT, Failure, OrHint};
use crate::parent::DieWithParent;
use crate::ready_line;
use crate::stop_signals::StopSignals;

/// How long `ready` waits for the log to name the primaries.
const FIRST_ANSWER_WITHIN: Duration = Duration::from_secs(1);

#[derive(Args)]
pub(crate) struct Arguments {
    /// Where everything is kept, so that a later start finds the cluster again. Default a temporary folder, which is
    /// removed at the end.
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
    /// Start a process again that died. Without it, its death is only reported.
    #[arg(long)]
    respawn: bool,
    #[command(flatten)]
    die_with_parent: DieWithParent,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.die_with_parent.apply()?;
    let folder = Folder::open(arguments.data_dir.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("could not start the runtime").or_hint(DEFECT)?;
    runtime.block_on(run_platform(&folder, arguments))
}

async fn run_platform(folder: &Folder, arguments: &Arguments) -> Result<(), Failure> {
    let mut stop = StopSignals::listen()?;
    let starting = async {
        let kept = find_or_make(folder, &arguments.flags).await?;
        let mut platform = Platform::start(folder, &kept).await?;
        let inquiry = Inquiry::new(&platform, &kept)?;
        // After a failover the layout is out of date, and so would the first dev.json be. What the log does not tell in
        // time is told later.
        if let Ok(told) = timeout(FIRST_ANSWER_WITHIN, inquiry.clone().owners(&platform.layout)).await {
            platform.primaries.learn(&platform.layout, &told);
        }
        Ok((kept, platform, inquiry))
    };
    let (kept, platform, inquiry) = tokio::select! {
        started = starting => started?,
        // What was started is killed here: it has done nothing yet that another would wait for.
        () = stop.next() => return Ok(()),
    };
    contract::write(folder, &kept, &platform).or_hint("check the disk, and that the folder of --data-dir is yours")?;
    // Nobody may be there to read it; scripts read dev.json.
    let _ = io::stdout().write_all(greeting::text(folder, &kept, &platform).as_bytes());
    ready_line::print();

    let mut supervisor = Supervisor::new(platform, inquiry, arguments.respawn);
    tokio::select! {
        () = stop.next() => {}
        never = supervisor.watch(folder, &kept) => match never {},
    }
    say("stopping");
    let platform = supervisor.into_platform();
    tokio::select! {
        () = platform.stop() => {}
        () = stop.next() => {
            let error = anyhow!("stopped by a second signal before all processes had ended cleanly");
            return Err(Failure::new(error, "nothing is lost: the next start recovers as after a crash"));
        }
    }
    contract::write(folder, &kept, &platform).or_hint("everything has ended; only dev.json still names the processes")
}

/// The folder's cluster. A new one becomes the folder's only when its ports are free: they cannot be changed later.
async fn find_or_make(folder: &Folder, flags: &Flags) -> Result<Kept, Failure> {
    if let Some(kept) = Kept::find(folder, flags)? {
        return Ok(kept);
    }
    let kept = Kept::new(flags)?;
    platform::check_ports(&kept.shape).await?;
    kept.write(folder)?;
    Ok(kept)
}

/// Tells the person at the terminal, if there is one. stdout is for what was asked for.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
