//! Looks at modules in a process of their own: `tenure plugin-check`, this same program.
//! Promises: whatever a module is, the look ends in bounded time and with bounded memory; what it says is read as the word of a
//! stranger. Nothing of this process is handed on: no environment, no open files but its pipes.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use tenure_control_server::{PluginCheck, PluginCheckError};
use tenure_plugin_abi::{MANIFEST_BYTES_MAX, Manifest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tracing::warn;

use crate::commands::plugin_check::Outcome;

/// This program, also if its file was replaced since it was started.
const THIS_PROGRAM: &str = "/proc/self/exe";
/// Addresses of the process: the compiler works on 4 MiB of code at most, and on one function of it at a time.
const MEMORY_BYTES_MAX: u64 = 1 << 30;
/// Its processor time.
const CPU_SECONDS_MAX: u64 = 10;
/// How long it may take by the clock on the wall. Longer than its processor time: a machine that has too much to do says nothing
/// about a module.
const WITHIN: Duration = Duration::from_secs(15);
/// What it may say. A manifest, written as JSON once more.
const OUTCOME_BYTES_MAX: u64 = 4 * (MANIFEST_BYTES_MAX as u64);

/// See the top of the file.
#[derive(Debug)]
pub(super) struct CheckInChild {
    program: PathBuf,
    memory_bytes: u64,
    cpu_seconds: u64,
    within: Duration,
}

impl Default for CheckInChild {
    fn default() -> Self {
        Self {
            program: THIS_PROGRAM.into(),
            memory_bytes: MEMORY_BYTES_MAX,
            cpu_seconds: CPU_SECONDS_MAX,
            within: WITHIN,
        }
    }
}

#[async_trait]
impl PluginCheck for CheckInChild {
    async fn check(&self, module: &[u8]) -> Result<Manifest, PluginCheckError> {
        let looked = timeout(self.within, self.look(module)).await;
        let late = || {
            let said = format!("the process that looks did not end within {:?}", self.within);
            unavailable(io::Error::new(io::ErrorKind::TimedOut, said))
        };
        // The process is killed when it is dropped.
        let (status, said) = looked.map_err(|_| late())?.map_err(unavailable)?;
        if !status.success() {
            return Err(self.stopped(status));
        }
        manifest_of(&said)
    }
}

impl CheckInChild {
    /// How the process ended, and what it said.
    async fn look(&self, module: &[u8]) -> io::Result<(ExitStatus, Vec<u8>)> {
        let mut child = self.start()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let tell = async {
            if let Some(mut stdin) = stdin {
                // One that ends before it has read all tells why by its end.
                let _ = stdin.write_all(module).await;
            }
        };
        let hear = async {
            let mut said = Vec::new();
            if let Some(stdout) = stdout {
                stdout.take(OUTCOME_BYTES_MAX).read_to_end(&mut said).await?;
            }
            io::Result::Ok(said)
        };
        let ((), said) = tokio::join!(tell, hear);
        Ok((child.wait().await?, said?))
    }

    fn start(&self) -> io::Result<Child> {
        Command::new(&self.program)
            .arg0("tenure")
            .arg("plugin-check")
            .arg(format!("--memory-bytes={}", self.memory_bytes))
            .arg(format!("--cpu-seconds={}", self.cpu_seconds))
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A compiler that runs out of memory says so there: the signal tells it too.
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }

    /// What an end without a word means. Only the module differs from one look to the next, so a compiler that panics and an end by
    /// a signal are its doing, but for the one signal that somebody else sends: the kernel, when the machine is out of memory. The
    /// limits that the process has set itself end it by others first.
    fn stopped(&self, status: ExitStatus) -> PluginCheckError {
        const PANICKED: i32 = 101;
        const ABORTED: i32 = 6;
        const KILLED: i32 = 9;
        const OUT_OF_PROCESSOR_TIME: i32 = 24;
        let reason = match (status.signal(), status.code()) {
            (Some(OUT_OF_PROCESSOR_TIME), _) => format!(
                "the module took more than {} s of processor time to compile",
                self.cpu_seconds
            ),
            (Some(ABORTED), _) => format!(
                "the module took more than {} MiB of memory to compile",
                self.memory_bytes >> 20
            ),
            (Some(KILLED), _) => return unavailable(io::Error::other("the process that looks was killed by another")),
            (Some(other), _) => format!("the module cannot be compiled: the compiler ended by signal {other}"),
            (None, Some(PANICKED)) => "the module cannot be compiled: the compiler panicked on it".to_owned(),
            (None, _) => {
                let said = format!("the process that looks ended with {status}");
                return unavailable(io::Error::other(said));
            }
        };
        warn!(%status, "a module stopped the process that looked at it");
        PluginCheckError::Unfit { reason }
    }
}

fn manifest_of(said: &[u8]) -> Result<Manifest, PluginCheckError> {
    let outcome: Outcome = serde_json::from_slice(said).map_err(|error| unavailable(error.into()))?;
    match outcome {
        Outcome::Unfit(reason) => Err(PluginCheckError::Unfit { reason }),
        Outcome::Manifest(manifest) => {
            let manifest = Manifest::parse(manifest.to_string().as_bytes());
            manifest.map_err(|error| unavailable(io::Error::other(error)))
        }
    }
}

fn unavailable(source: io::Error) -> PluginCheckError {
    PluginCheckError::Unavailable { source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A look by a shell that does this, whatever it is told.
    fn check(script: &str, within: Duration) -> Result<Manifest, PluginCheckError> {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("tenure");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let check = CheckInChild {
            program,
            within,
            ..CheckInChild::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        // More than a pipe holds.
        runtime.block_on(check.check(&vec![7; 1 << 20]))
    }

    fn said(script: &str) -> String {
        let failed = check(script, WITHIN).unwrap_err();
        let kind = match &failed {
            PluginCheckError::Unfit { .. } => "unfit",
            PluginCheckError::Unavailable { .. } => "unavailable",
        };
        let chain = std::iter::successors(Some(&failed as &dyn std::error::Error), |error| error.source());
        format!("{kind}: {}", chain.last().unwrap())
    }

    #[test]
    fn a_compiler_that_breaks_is_the_doing_of_the_module_and_any_other_end_is_not() {
        for (script, expected) in [
            (
                "kill -XCPU $$",
                "unfit: the module took more than 10 s of processor time to compile",
            ),
            (
                "kill -KILL $$",
                "unavailable: the process that looks was killed by another",
            ),
            (
                "kill -ABRT $$",
                "unfit: the module took more than 1024 MiB of memory to compile",
            ),
            (
                "kill -SEGV $$",
                "unfit: the module cannot be compiled: the compiler ended by signal 11",
            ),
            (
                "exit 101",
                "unfit: the module cannot be compiled: the compiler panicked on it",
            ),
            (
                "exit 3",
                "unavailable: the process that looks ended with exit status: 3",
            ),
            (
                "cat > /dev/null; echo '{\"unfit\":\"the module has no custom section tenure_manifest\"}'",
                "unfit: the module has no custom section tenure_manifest",
            ),
        ] {
            assert_eq!(said(script), expected, "{script}");
        }
    }

    #[test]
    fn what_the_process_says_is_read_as_the_word_of_a_stranger() {
        for script in [
            "echo nonsense",
            "echo '{}'",
            "echo '{\"manifest\":{\"name\":\"A\"}}'",
            "echo '{\"manifest\":{},\"unfit\":\"\"}'",
            "yes '{' | head -c 10000000",
        ] {
            assert!(said(script).starts_with("unavailable: "), "{script}");
        }
        let manifest = r#"{"name":"a","version":"1.0.0","kind":"command","commands":[
            {"name":"A.B","arity":1,"flags":["readonly"],"keys":[]}]}"#;
        let script = format!(
            "cat > /dev/null; echo '{{\"manifest\":{}}}'",
            manifest.replace('\n', "")
        );
        assert_eq!(check(&script, WITHIN).unwrap().name, "a");
    }

    #[test]
    fn a_process_that_does_not_end_is_killed_and_says_nothing_about_the_module() {
        let failed = check("exec sleep 1000", Duration::from_millis(50)).unwrap_err();
        assert!(matches!(failed, PluginCheckError::Unavailable { source } if source.kind() == io::ErrorKind::TimedOut));
    }

    #[test]
    fn nothing_of_this_process_is_handed_on() {
        let script = "cat > /dev/null; echo \"{\\\"unfit\\\":\\\"$(env | grep -v ^PWD= | grep -v ^_= | grep -v ^SHLVL= | tr -d '\\n') in $(pwd)\\\"}\"";
        assert_eq!(said(script), "unfit:  in /");
    }
}
