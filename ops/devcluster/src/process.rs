//! One child process: its output in a file, its state to wait for, and the signals that tests break it with.
//! Promises: a signal never reaches another process that was given the same number; when this value is dropped the child
//! is gone, also one that is stopped. Leaves to the child: ending when this process is killed (`--die-with-parent`).

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid};
use tokio::sync::watch;
use tokio::time::timeout;

/// The line by which a process says that it serves.
const READY_LINE: &str = "ready";
/// How much of the output an error shows.
const TAIL_LINES: usize = 20;
const TAIL_BYTES_MAX: u64 = 16 << 10;

/// How far a process has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It runs and has not said that it serves.
    Starting,
    /// It has printed the line `ready`, and runs, or is stopped.
    Ready,
    /// It is gone.
    Ended(ExitStatus),
}

/// A child of this process.
#[derive(Debug)]
pub struct Process {
    name: String,
    id: Pid,
    /// Names this child for ever, unlike its number.
    handle: OwnedFd,
    output: PathBuf,
    state: watch::Receiver<State>,
    nurse: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts `command`. What it prints on either stream is appended to the file `output`.
    pub fn start(name: &str, command: Command, output: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(output);
        let file = file.with_context(|| format!("could not open {}", output.display()))?;
        let (said, state) = watch::channel(State::Starting);
        let (tell, started) = mpsc::channel();
        // The kernel takes the death of the thread that started a child for the death of the parent (PR_SET_PDEATHSIG).
        // So each child has a thread that lives as long as it does; whose thread this is called on does not matter.
        let nurse = thread::Builder::new()
            .name(format!("nurse-{name}"))
            .spawn(move || nurse(command, file, &tell, &said))?;
        let started = started.recv().context("the thread of the child has ended")?;
        let (id, handle) = started.with_context(|| format!("could not start {name}"))?;
        Ok(Self {
            name: name.to_owned(),
            id,
            handle,
            output: output.to_owned(),
            state,
            nurse: Some(nurse),
        })
    }

    /// Its name, as it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number. After its end another process may have it.
    pub fn id(&self) -> u32 {
        self.id.as_raw_nonzero().get().unsigned_abs()
    }

    /// The file with what it printed.
    pub fn output(&self) -> &Path {
        &self.output
    }

    /// How far it has come.
    pub fn state(&self) -> State {
        *self.state.borrow()
    }

    /// How far it has come, to be watched by somebody who outlives this value.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Waits until it serves; fails if it ends before, or takes longer.
    pub async fn wait_ready(&self, within: Duration) -> Result<()> {
        match self.wait(within, |state| state != State::Starting).await? {
            State::Starting | State::Ready => Ok(()),
            State::Ended(status) => bail!("{} ended before it was ready: {status}\n{}", self.name, self.tail()),
        }
    }

    /// Waits until it is gone; fails if that takes longer.
    pub async fn wait_ended(&self, within: Duration) -> Result<ExitStatus> {
        match self.wait(within, |state| matches!(state, State::Ended(_))).await? {
            State::Ended(status) => Ok(status),
            state @ (State::Starting | State::Ready) => bail!("{} is still {state:?}", self.name),
        }
    }

    /// `kill -9`, and waits until it is gone. One that has ended already stays so.
    pub async fn kill(&self, within: Duration) -> Result<ExitStatus> {
        self.signal_if_alive(Signal::KILL)?;
        self.wait_ended(within).await
    }

    /// Asks it to end (SIGTERM), and waits until it has.
    pub async fn stop(&self, within: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.wait_ended(within).await
    }

    /// Stops it where it is (SIGSTOP). When this returns it does not run any more.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)?;
        // An end counts too, or the wait would have none. It is only looked at: collecting it is up to the nurse.
        let options = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let changed = waitid(WaitId::PidFd(self.handle.as_fd()), options);
        let changed = changed.with_context(|| format!("could not wait until {} stands still", self.name))?;
        if !changed.is_some_and(|changed| changed.stopped()) {
            bail!("{} ended instead of standing still\n{}", self.name, self.tail());
        }
        Ok(())
    }

    /// Lets it go on after [`pause`](Self::pause) (SIGCONT).
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Sends a signal; fails if it is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        pidfd_send_signal(&self.handle, signal).with_context(|| format!("could not send {signal:?} to {}", self.name))
    }

    pub(crate) fn signal_if_alive(&self, signal: Signal) -> Result<()> {
        match pidfd_send_signal(&self.handle, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("could not send {signal:?} to {}", self.name)),
        }
    }

    async fn wait(&self, within: Duration, enough: impl Fn(State) -> bool) -> Result<State> {
        let mut state = self.state.clone();
        let waited = timeout(within, state.wait_for(|state| enough(*state))).await;
        let waited = waited.with_context(|| {
            let (name, state, tail) = (&self.name, self.state(), self.tail());
            format!("{name} is still {state:?} after {within:?}\n{tail}")
        })?;
        let state = waited.with_context(|| format!("nobody looks after {}", self.name))?;
        Ok(*state)
    }

    /// The last lines of its output.
    pub fn last_lines(&self, count: usize) -> Vec<String> {
        let text = last_bytes(&self.output).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.iter().skip(lines.len().saturating_sub(count));
        last.map(|line| (*line).to_owned()).collect()
    }

    fn tail(&self) -> String {
        format!("{}:\n{}", self.output.display(), self.last_lines(TAIL_LINES).join("\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing is left to do about a failure, and the nurse would wait for ever.
        if self.signal_if_alive(Signal::KILL).is_ok()
            && let Some(nurse) = self.nurse.take()
        {
            let _ = nurse.join();
        }
    }
}

/// Starts a child, passes on what it says, and tells of its end.
fn nurse(mut command: Command, output: File, tell: &mpsc::Sender<Result<(Pid, OwnedFd)>>, said: &watch::Sender<State>) {
    let mut child = match spawn(&mut command, &output) {
        Ok((child, id, handle)) => {
            // The other side waits for it; if not, its thread is gone and the process with it.
            let _ = tell.send(Ok((id, handle)));
            child
        }
        Err(error) => {
            let _ = tell.send(Err(error));
            return;
        }
    };
    if let Some(lines) = child.stdout.take() {
        pass_on(BufReader::new(lines), output, said);
    }
    let status = child.wait().unwrap_or_else(|_| ExitStatus::from_raw(-1));
    said.send_replace(State::Ended(status));
}

/// As much of the end of a file as somebody wants to read.
fn last_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let begin = file.metadata()?.len().saturating_sub(TAIL_BYTES_MAX);
    file.seek(SeekFrom::Start(begin))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn spawn(command: &mut Command, output: &File) -> Result<(Child, Pid, OwnedFd)> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.stderr(output.try_clone()?).spawn()?;
    let id = Pid::from_child(&child);
    // The number cannot have been given to another process yet: nobody has collected this one.
    match pidfd_open(id, PidfdFlags::empty()) {
        Ok(handle) => Ok((child, id, handle)),
        Err(error) => {
            child.kill()?;
            child.wait()?;
            Err(error.into())
        }
    }
}

/// Copies lines until the child has closed its end.
fn pass_on(mut lines: impl BufRead, mut output: File, said: &watch::Sender<State>) {
    let mut line = Vec::new();
    while matches!(lines.read_until(b'\n', &mut line), Ok(1..)) {
        // A full disk must not block the child: what it says is lost, that it is ready is not.
        let _ = output.write_all(&line);
        if line.trim_ascii() == READY_LINE.as_bytes() {
            said.send_replace(State::Ready);
        }
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    const SOON: Duration = Duration::from_secs(30);

    fn shell(folder: &TempDir, script: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::start("child", command, &folder.path().join("output.log")).unwrap()
    }

    fn folder() -> TempDir {
        tempfile::tempdir().unwrap()
    }

    /// Whether the process is there, and not only as one that nobody collected.
    fn is_alive(id: u32) -> bool {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
    }

    #[tokio::test]
    async fn a_process_is_ready_when_it_says_so() {
        let folder = folder();
        let process = shell(&folder, "echo not ready; echo ready; exec sleep 1000");
        process.wait_ready(SOON).await.unwrap();
        assert_eq!(process.state(), State::Ready);
    }

    #[tokio::test]
    async fn a_process_that_ends_before_it_is_ready_is_an_error_with_its_last_words() {
        let folder = folder();
        let process = shell(&folder, "echo no disk >&2; exit 3");
        let error = process.wait_ready(SOON).await.unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("no disk"), "{error}");
    }

    #[tokio::test]
    async fn both_streams_end_up_in_the_file_and_a_second_run_appends() {
        let folder = folder();
        for _ in 0..2 {
            let process = shell(&folder, "echo out; echo err >&2; echo ready");
            process.wait_ended(SOON).await.unwrap();
        }
        let output = fs::read_to_string(folder.path().join("output.log")).unwrap();
        for line in ["out", "err", "ready"] {
            assert_eq!(output.lines().filter(|found| *found == line).count(), 2, "{output}");
        }
    }

    #[tokio::test]
    async fn a_killed_process_is_gone_and_has_cleaned_up_nothing() {
        let folder = folder();
        let process = shell(
            &folder,
            "trap 'echo cleaned up' TERM EXIT; echo ready; while :; do :; done",
        );
        process.wait_ready(SOON).await.unwrap();
        let status = process.kill(SOON).await.unwrap();
        assert_eq!(status.signal(), Some(9));
        assert_eq!(fs::read_to_string(process.output()).unwrap(), "ready\n");
        assert_eq!(process.kill(SOON).await.unwrap(), status);
    }

    #[tokio::test]
    async fn a_stopped_process_ends_in_its_own_way() {
        let folder = folder();
        let process = shell(&folder, "trap 'exit 5' TERM; echo ready; while :; do :; done");
        process.wait_ready(SOON).await.unwrap();
        assert_eq!(process.stop(SOON).await.unwrap().code(), Some(5));
        assert!(process.signal(Signal::TERM).is_err());
    }

    #[tokio::test]
    async fn a_paused_process_stands_still_and_goes_on_when_it_is_resumed() {
        let folder = folder();
        let process = shell(&folder, "trap 'exit 5' TERM; echo ready; while :; do :; done");
        process.wait_ready(SOON).await.unwrap();
        process.pause().unwrap();
        process.signal(Signal::TERM).unwrap();
        assert_eq!(process.state(), State::Ready);
        let stat = fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap();
        assert!(stat.contains(") T "), "{stat}");
        process.resume().unwrap();
        assert_eq!(process.wait_ended(SOON).await.unwrap().code(), Some(5));
    }

    #[tokio::test]
    async fn a_dropped_process_is_gone_also_when_it_stands_still() {
        for pause in [false, true] {
            let folder = folder();
            let process = shell(&folder, "echo ready; exec sleep 1000");
            process.wait_ready(SOON).await.unwrap();
            if pause {
                process.pause().unwrap();
            }
            let id = process.id();
            assert!(is_alive(id));
            drop(process);
            assert!(!is_alive(id));
        }
    }

    #[tokio::test]
    async fn a_wait_that_takes_too_long_is_an_error() {
        let folder = folder();
        let process = shell(&folder, "exec sleep 1000");
        assert!(process.wait_ready(Duration::ZERO).await.is_err());
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let folder = folder();
        let command = Command::new(folder.path().join("nothing"));
        assert!(Process::start("nothing", command, &folder.path().join("output.log")).is_err());
    }
}
