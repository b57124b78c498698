//! Passwords of clusters' users on the command line.
//! Promises: none is in `argv`, where every user of the machine reads it, and none is shown but one that was drawn here.

use std::env;
use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow};
use rand::RngExt;
use rand::distr::Alphanumeric;

use crate::failure::{Failure, OrHint};

/// 190 bits.
const DRAWN_LETTERS: usize = 32;

/// The first line's password; a line end is not part of it.
pub(super) fn in_file(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("could not read {shown}"));
    let text = text.or_hint("--password-file is a file with one line in it: the password")?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() || password.contains(['\r', '\n']) {
        let error = anyhow!("{shown} has more or less than one line in it");
        return Err(Failure::usage(error, "write the password in it, and nothing else"));
    }
    Ok(password.to_owned())
}

/// One that nobody can guess, of letters that need no quotes in a shell, a URL or a file.
pub(super) fn draw() -> String {
    let mut rng = rand::rng();
    let letters = (0..DRAWN_LETTERS).map(|_| char::from(rng.sample(Alphanumeric)));
    letters.collect()
}

/// The one of a user who logs in: the file's, or TENURE_PASSWORD.
pub(super) fn given(file: Option<&Path>) -> Result<String, Failure> {
    if let Some(path) = file {
        return in_file(path);
    }
    let given = env::var("TENURE_PASSWORD").ok().filter(|password| !password.is_empty());
    given.ok_or_else(|| {
        let error = anyhow!("there is no password to log in with; the control plane keeps none");
        Failure::usage(
            error,
            "--password-file FILE or TENURE_PASSWORD: what tenure cluster create showed",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        for (text, password) in [
            ("0123456789abcdef", Some("0123456789abcdef")),
            ("a b \n", Some("a b ")),
            ("a\r\n", Some("a")),
            ("a\nb\n", None),
            ("\n", None),
            ("", None),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(in_file(&path).ok().as_deref(), password, "{text:?}");
        }
        assert!(in_file(Path::new("/no/such/file")).is_err());
    }

    #[test]
    fn a_drawn_password_is_32_letters_that_need_no_quotes() {
        let (one, other) = (draw(), draw());
        assert_ne!(one, other);
        assert_eq!(one.len(), 32);
        assert!(one.bytes().all(|letter| letter.is_ascii_alphanumeric()));
    }
}
