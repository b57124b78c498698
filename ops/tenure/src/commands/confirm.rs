//! Asking before what cannot be undone.
//! Promises: nothing is destroyed by a script that did not say `--yes`, nor by a person who did not type the name.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::anyhow;
use clap::Args;

use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct Confirm {
    /// Do not ask. Without a terminal there is nobody to ask, and this is needed.
    #[arg(long)]
    yes: bool,
}

impl Confirm {
    /// Goes on only if `name` was typed, or nobody is to be asked.
    pub(crate) fn ask(&self, what: &str, name: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            let error = anyhow!("to {what} cannot be undone, and there is no terminal to ask at");
            return Err(Failure::usage(error, "add --yes if it is meant"));
        }
        // Without stderr nobody reads the question, and the answer will not be the name.
        let _ = write!(io::stderr(), "This will {what}. Type {name} to go on: ");
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        if read.is_ok() && line.trim() == name {
            Ok(())
        } else {
            Err(Failure::new(
                anyhow!("not confirmed: nothing was deleted"),
                "type the name, or add --yes",
            ))
        }
    }
}
