//! The line `ready` on stdout: how a process tells whoever started it that it serves.

use std::io::{self, Write};

pub(crate) fn print() {
    // Whoever started the process may have closed stdout, and does not want to know then.
    let mut out = io::stdout();
    let _ = writeln!(out, "ready").and_then(|()| out.flush());
}
