//! Files that are there as a whole or not at all.
//! Promises: whoever reads sees the old text or the new one, also after a crash, and the mode is right from the first byte
//! on. Leaves to the caller: being the only one that writes a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, Result};

/// For the owner's eyes only.
pub const PRIVATE: u32 = 0o600;
/// For everybody's eyes.
pub const PUBLIC: u32 = 0o644;

/// Writes a file, in the place of the one that may be there.
pub fn replace(path: &Path, text: &str, mode: u32) -> Result<()> {
    replace_bytes(path, text.as_bytes(), mode).with_context(|| format!("could not write {}", path.display()))
}

/// Makes a folder for its owner only. One that is there already stays.
pub fn make_folder(path: &Path) -> Result<()> {
    let made = fs::DirBuilder::new().mode(0o700).recursive(true).create(path);
    made.with_context(|| format!("could not make the folder {}", path.display()))
}

fn replace_bytes(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut new = name.to_owned();
    new.push(".new");
    let new = folder.join(new);
    // What a crash left there may have another mode.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_has_its_mode_whatever_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        for (old, name) in [("older", "a.json"), ("half", "a.json.new")] {
            fs::write(folder.path().join(name), old).unwrap();
        }
        replace(&path, "new", PRIVATE).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, PRIVATE);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
