//! Filling a server with keys, by `redis-cli --pipe`.
//! Promises: every key is there when it returns, and every request was answered without an error.

use std::io::{BufWriter, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::channel::Door;

/// Sends `requests`, each a list of words.
pub(crate) fn fill(door: &Door, requests: impl Iterator<Item = Vec<Vec<u8>>>) -> Result<()> {
    let mut command = Command::new("redis-cli");
    command.args(door.flags()).args(["--no-auth-warning", "--pipe"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .context("could not start redis-cli; apt install redis-tools")?;
    let stdin = child.stdin.take().context("redis-cli has no input")?;
    let mut sent: u64 = 0;
    let mut writer = BufWriter::with_capacity(64 << 10, stdin);
    for request in requests {
        write_request(&mut writer, &request).context("redis-cli takes no more")?;
        sent += 1;
    }
    writer.flush().context("redis-cli takes no more")?;
    drop(writer);
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success() && said.contains(&format!("errors: 0, replies: {sent}")),
        "filling failed: {said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// The keys that `redis-benchmark -r` asks for, with values of its size.
pub(crate) fn benchmark_keys(keys: u32, value_bytes: usize) -> impl Iterator<Item = Vec<Vec<u8>>> {
    (0..keys).map(move |key| {
        vec![
            b"SET".to_vec(),
            format!("key:{key:012}").into_bytes(),
            vec![b'x'; value_bytes],
        ]
    })
}

fn write_request(to: &mut impl Write, words: &[Vec<u8>]) -> std::io::Result<()> {
    write!(to, "*{}\r\n", words.len())?;
    for word in words {
        write!(to, "${}\r\n", word.len())?;
        to.write_all(word)?;
        to.write_all(b"\r\n")?;
    }
    Ok(())
}
