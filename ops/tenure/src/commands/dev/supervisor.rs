//! What happens while the platform runs: a process dies, is named, and comes back if that was asked for; a shard gets
//! another primary.
//! Promises: every death is told with its reason and last words; `dev.json` names the processes that run, and the
//! primaries that the log names; a process that keeps dying is started again at growing intervals. Leaves to `platform`:
//! beginning and end.

use std::convert::Infallible;
use std::future;
use std::process::ExitStatus;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use tenure_devcluster::{Fleet, State};
use tenure_types::NodeId;
use tokio::time::{Instant, sleep};

use super::folder::Folder;
use super::kept::Kept;
use super::platform::Platform;
use super::primaries::{Inquiry, Told};
use super::{contract, say};

/// What is shown of the output of a process that died.
const LAST_LINES: usize = 5;
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// A process that lived as long did not die of how it was started.
const STEADY_AFTER: Duration = Duration::from_secs(10);

/// How long after the log has told of the primaries, or did not, it is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// See the top of the file.
pub(super) struct Supervisor {
    platform: Platform,
    inquiry: Inquiry,
    respawn: bool,
    events: FuturesUnordered<BoxFuture<'static, Event>>,
}

/// One process.
#[derive(Debug, Clone, Copy)]
enum Child {
    Log(NodeId),
    Control(NodeId),
    Data(NodeId),
}

enum Event {
    /// It runs no more. `pause`: what was waited for before it was started.
    Ended {
        child: Child,
        status: Option<ExitStatus>,
        lived: Duration,
        pause: Duration,
    },
    /// It serves again after a death, or has died before it did, which is an event of its own.
    Settled { child: Child, serves: bool },
    /// It is time to start it again.
    Due { child: Child, pause: Duration },
    /// The log was asked who owns the shards, and the control plane where they are; they told as much as they could.
    Told(Told),
}

impl Supervisor {
    pub(super) fn new(platform: Platform, inquiry: Inquiry, respawn: bool) -> Self {
        Self {
            platform,
            inquiry,
            respawn,
            events: FuturesUnordered::new(),
        }
    }

    /// Looks after the processes and the primaries, for ever. May be dropped at any time.
    pub(super) async fn watch(&mut self, folder: &Folder, kept: &Kept) -> Infallible {
        for node in self.platform.log.nodes() {
            self.await_end(Child::Log(node), Duration::ZERO);
        }
        for node in self.platform.control.nodes() {
            self.await_end(Child::Control(node), Duration::ZERO);
        }
        for node in self.platform.data.nodes() {
            self.await_end(Child::Data(node), Duration::ZERO);
        }
        self.ask_again();
        while let Some(event) = self.events.next().await {
            let changed = self.handle(event);
            if changed && let Err(error) = contract::write(folder, kept, &self.platform) {
                say(&format!("dev.json is out of date: {error:#}"));
            }
        }
        // The log is always asked again, so this is never reached.
        future::pending().await
    }

    pub(super) fn into_platform(self) -> Platform {
        self.platform
    }

    /// Whether processes have come or gone, or primaries have changed.
    fn handle(&mut self, event: Event) -> bool {
        match event {
            Event::Ended {
                child,
                status,
                lived,
                pause,
            } => {
                say(&self.obituary(child, status));
                if self.respawn {
                    self.start_after(child, pause_after(lived, pause));
                }
                true
            }
            Event::Due { child, pause } => match self.fleet_mut(child).launch(child.node()) {
                Ok(()) => {
                    self.await_end(child, pause);
                    self.await_ready(child);
                    true
                }
                Err(error) => {
                    say(&format!("could not start {} again: {error:#}", self.name(child)));
                    self.start_after(child, pause_after(Duration::ZERO, pause));
                    false
                }
            },
            Event::Settled { child, serves } => {
                if serves {
                    say(&format!("{} serves again", self.name(child)));
                }
                false
            }
            Event::Told(told) => {
                self.ask_again();
                let is_elsewhere = told.cluster.is_some_and(|cluster| self.platform.learn(cluster));
                let Platform { layout, primaries, .. } = &mut self.platform;
                let moved = primaries.learn(layout, &told.owned);
                moved.iter().for_each(|line| say(line));
                is_elsewhere || !moved.is_empty()
            }
        }
    }

    fn obituary(&self, child: Child, status: Option<ExitStatus>) -> String {
        let status = status.map_or_else(|| "nobody knows why".to_owned(), |status| status.to_string());
        let mut text = format!("{} ended: {status}", self.name(child));
        let Ok(process) = self.fleet(child).process(child.node()) else {
            return text;
        };
        text += &format!("\n  the end of {}:", process.output().display());
        for line in process.last_lines(LAST_LINES) {
            text += &format!("\n  | {line}");
        }
        text
    }

    fn await_end(&self, child: Child, pause: Duration) {
        let Ok(process) = self.fleet(child).process(child.node()) else {
            return;
        };
        let (mut state, begun) = (process.watch(), Instant::now());
        self.events.push(Box::pin(async move {
            let status = match state
                .wait_for(|state| matches!(state, State::Ended(_)))
                .await
                .as_deref()
            {
                Ok(State::Ended(status)) => Some(*status),
                Ok(State::Starting | State::Ready) | Err(_) => None,
            };
            Event::Ended {
                child,
                status,
                lived: begun.elapsed(),
                pause,
            }
        }));
    }

    fn await_ready(&self, child: Child) {
        let Ok(process) = self.fleet(child).process(child.node()) else {
            return;
        };
        let mut state = process.watch();
        self.events.push(Box::pin(async move {
            let settled = state.wait_for(|state| *state != State::Starting).await;
            let serves = settled.is_ok_and(|state| *state == State::Ready);
            Event::Settled { child, serves }
        }));
    }

    fn ask_again(&self) {
        let (inquiry, layout) = (self.inquiry.clone(), self.platform.layout.clone());
        self.events.push(Box::pin(async move {
            sleep(ASK_AGAIN_AFTER).await;
            Event::Told(inquiry.ask(&layout).await)
        }));
    }

    fn start_after(&self, child: Child, pause: Duration) {
        say(&format!("{} is started again in {pause:?}", self.name(child)));
        self.events.push(Box::pin(async move {
            sleep(pause).await;
            Event::Due { child, pause }
        }));
    }

    fn name(&self, child: Child) -> String {
        self.fleet(child).name(child.node())
    }

    fn fleet(&self, child: Child) -> &Fleet {
        match child {
            Child::Log(_) => &self.platform.log,
            Child::Control(_) => &self.platform.control,
            Child::Data(_) => &self.platform.data,
        }
    }

    fn fleet_mut(&mut self, child: Child) -> &mut Fleet {
        match child {
            Child::Log(_) => &mut self.platform.log,
            Child::Control(_) => &mut self.platform.control,
            Child::Data(_) => &mut self.platform.data,
        }
    }
}

impl Child {
    fn node(self) -> NodeId {
        match self {
            Self::Log(node) | Self::Control(node) | Self::Data(node) => node,
        }
    }
}

/// How long to wait before the next start of a process that lived so long, when it was so long the last time.
fn pause_after(lived: Duration, last: Duration) -> Duration {
    if lived >= STEADY_AFTER {
        return PAUSE_MIN;
    }
    (last * 2).clamp(PAUSE_MIN, PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_keeps_dying_is_started_at_growing_intervals() {
        let mut pause = Duration::ZERO;
        let pauses: Vec<_> = (0..8)
            .map(|_| {
                pause = pause_after(Duration::from_secs(1), pause);
                pause.as_millis()
            })
            .collect();
        assert_eq!(pauses, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(pause_after(STEADY_AFTER, pause), PAUSE_MIN);
    }
}
