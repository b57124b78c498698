//! `~/.config/tenure/context.toml`: which control plane is meant when nothing says so.
//! Promises: a file that others may read is refused, for there is a token in it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use serde::Deserialize;

use crate::failure::{Failure, OrHint};
use crate::settings;

/// The file's keys.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(test, derive(Debug))]
#[serde(deny_unknown_fields)]
pub(super) struct ContextFile {
    /// URL of the control plane. Since 0.1.
    pub(super) api: Option<String>,
    /// What to be let in with. It goes to no other URL than `api`. Since 0.1.
    pub(super) token: Option<String>,
    /// PEM file of the authority that signed the control plane's certificate. A relative path starts at this file's folder.
    /// Since 0.1.
    pub(super) ca: Option<PathBuf>,
}

/// Where the file is, by the environment.
pub(super) fn path(environment: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let given = environment("XDG_CONFIG_HOME").map(PathBuf::from);
    // The XDG specification has a relative path ignored.
    let folder = given.filter(|folder| folder.is_absolute());
    let folder = folder.or_else(|| Some(Path::new(&environment("HOME")?).join(".config")))?;
    Some(folder.join("tenure/context.toml"))
}

/// What the file says; nothing if it is not there.
pub(super) fn read(path: &Path) -> Result<ContextFile, Failure> {
    let shown = path.display();
    let there = path.try_exists().with_context(|| format!("could not look for {shown}"));
    if !there.or_hint("may this user read the folder?")? {
        return Ok(ContextFile::default());
    }
    let found = fs::metadata(path).with_context(|| format!("could not look at {shown}"));
    let mode = found.or_hint("may this user read it?")?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let error = anyhow!("{shown} may be read by others (mode {mode:04o}), and there is a token in it");
        return Err(Failure::new(
            error,
            format!("chmod 600 {shown}; if others may have read it, make another key"),
        ));
    }
    let mut context: ContextFile = settings::read(path, "ops/docs/cli.md lists the keys of this file")?;
    if let (Some(ca), Some(folder)) = (&mut context.ca, path.parent()) {
        *ca = folder.join(&*ca);
    }
    Ok(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("context.toml");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        for mode in [0o644, 0o640, 0o604, 0o620] {
            let (_folder, path) = written("token = 'tnr_1'\n", mode);
            let said = read(&path).unwrap_err().to_string();
            assert!(said.contains(&format!("mode {mode:04o}")), "{said}");
            assert!(said.contains("hint: chmod 600 ") && !said.contains("tnr_1"), "{said}");
        }
        let (folder, path) = written("api = 'https://a'\ntoken = 'tnr_1'\nca = 'ca.pem'\n", 0o600);
        let context = read(&path).unwrap();
        assert_eq!(context.token.as_deref(), Some("tnr_1"));
        assert_eq!(context.ca, Some(folder.path().join("ca.pem")));
    }

    #[test]
    fn no_file_says_nothing_and_a_wrong_key_is_named() {
        assert_eq!(read(Path::new("/no/such.toml")).unwrap(), ContextFile::default());
        let (_folder, path) = written("apu = 'https://a'\n", 0o600);
        let said = read(&path).unwrap_err().to_string();
        assert!(said.contains("unknown field `apu`"), "{said}");
    }

    #[test]
    fn the_folder_is_that_of_xdg() {
        let none = |_: &str| None;
        assert_eq!(path(&none), None);
        let home = |name: &str| (name == "HOME").then(|| "/home/ann".to_owned());
        assert_eq!(
            path(&home),
            Some(PathBuf::from("/home/ann/.config/tenure/context.toml"))
        );
        let relative = |name: &str| Some(if name == "HOME" { "/home/ann" } else { "conf" }.to_owned());
        assert_eq!(
            path(&relative),
            Some(PathBuf::from("/home/ann/.config/tenure/context.toml"))
        );
        let given = |name: &str| (name == "XDG_CONFIG_HOME").then(|| "/etc/xdg".to_owned());
        assert_eq!(path(&given), Some(PathBuf::from("/etc/xdg/tenure/context.toml")));
    }
}
