//! What a node is to host, kept on its disk.
//! Promises: the file is one that was written whole, or none; what is damaged, or of a version that is not known, is named and
//! never used. For its owner's eyes only: it has keys. Blocks on the disk.
//!
//! ```text
//! <folder>/desired       magic (8), format version (4), length (8), crc32c of version, length and content (4), content
//! <folder>/desired.new   left by a crash; replaced by the next write
//! ```
//! Numbers are little-endian, the content is a `Desired` as `api/wire` has it.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use prost::Message;
use tenure_wire::control_v1::Desired;
use tracing::error;

const MAGIC: [u8; 8] = *b"tnr-want";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 24;

/// A larger file is none of ours.
const BYTES_MAX: u64 = 64 << 20;

/// It cannot be kept, or read.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// A file or folder cannot be used.
    #[error("could not {what} {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not what was written.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A newer program wrote it.
    #[error("{} has format version {version}, and this program knows {VERSION}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
}

/// See the top of the file.
pub struct KeptDesired {
    folder: PathBuf,
    held: Option<Arc<Desired>>,
}

impl fmt::Debug for KeptDesired {
    /// What is held has keys, which are never shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptDesired")
            .field("folder", &self.folder)
            .field("generation", &self.generation())
            .finish_non_exhaustive()
    }
}

impl KeptDesired {
    /// What is kept in this folder, which is made if it is not there. What is there and cannot be used is logged, and nothing is
    /// held: the control plane tells it again.
    pub fn open(folder: &Path) -> Result<Self, KeptError> {
        let made = fs::DirBuilder::new().mode(0o700).recursive(true).create(folder);
        made.map_err(failed("make the folder", folder))?;
        let held = match read(&folder.join("desired")) {
            Ok(held) => held.map(Arc::new),
            Err(unreadable @ KeptError::Io { .. }) => return Err(unreadable),
            Err(unusable @ (KeptError::Damaged { .. } | KeptError::Newer { .. })) => {
                error!(error = %unusable, "what this node is to host cannot be read, waiting for the control plane");
                None
            }
        };
        Ok(Self {
            folder: folder.to_owned(),
            held,
        })
    }

    /// Of what is held; 0: nothing is.
    pub fn generation(&self) -> u64 {
        self.held.as_ref().map_or(0, |held| held.generation)
    }

    /// What is held.
    pub(super) fn desired(&self) -> Option<&Arc<Desired>> {
        self.held.as_ref()
    }

    /// Keeps this one instead. After an error the one before is held, and either may be on the disk.
    pub(super) fn replace(&mut self, desired: Arc<Desired>) -> Result<(), KeptError> {
        let (new, path) = (self.folder.join("desired.new"), self.folder.join("desired"));
        // 1. Write another file whole. 2. Put it in the place of the one before. 3. Make that last.
        // A crash before 3 leaves either file in the place, and each is whole.
        write(&new, &encode(&desired)).map_err(failed("write", &new))?;
        fs::rename(&new, &path).map_err(failed("replace", &path))?;
        let synced = File::open(&self.folder).and_then(|folder| folder.sync_all());
        synced.map_err(failed("sync the folder", &self.folder))?;
        self.held = Some(desired);
        Ok(())
    }
}

fn encode(desired: &Desired) -> Vec<u8> {
    let content = desired.encode_to_vec();
    let length = (content.len() as u64).to_le_bytes();
    let crc = checksum(VERSION.to_le_bytes(), length, &content);
    [
        &MAGIC[..],
        &VERSION.to_le_bytes(),
        &length,
        &crc.to_le_bytes(),
        &content,
    ]
    .concat()
}

fn checksum(version: [u8; 4], length: [u8; 8], content: &[u8]) -> u32 {
    let crc = crc32c::crc32c(&version);
    crc32c::crc32c_append(crc32c::crc32c_append(crc, &length), content)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // What a crash left there may have another mode.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// `None`: there is none.
fn read(path: &Path) -> Result<Option<Desired>, KeptError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed("open", path))?,
    };
    let mut bytes = Vec::new();
    let read = file.take(BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(failed("read", path))?;
    decode(&bytes, path).map(Some)
}

fn decode(bytes: &[u8], path: &Path) -> Result<Desired, KeptError> {
    let damaged = |reason| KeptError::Damaged {
        path: path.to_owned(),
        reason,
    };
    let (header, content) = bytes.split_at_checked(HEADER_BYTES).ok_or(damaged("it is too short"))?;
    let (magic, header) = header.split_at(MAGIC.len());
    let (version, header) = header.split_at(4);
    let (length, crc) = header.split_at(8);
    let short = |_| damaged("it is too short");
    let version_bytes: [u8; 4] = version.try_into().map_err(short)?;
    let length_bytes: [u8; 8] = length.try_into().map_err(short)?;
    let crc: [u8; 4] = crc.try_into().map_err(short)?;
    if magic != MAGIC {
        return Err(damaged("it does not begin as it should"));
    }
    let version = u32::from_le_bytes(version_bytes);
    // A newer program may check by other rules.
    if version > VERSION {
        return Err(KeptError::Newer {
            path: path.to_owned(),
            version,
        });
    }
    if u64::from_le_bytes(length_bytes) != content.len() as u64 {
        return Err(damaged("it has not the length that it says"));
    }
    if u32::from_le_bytes(crc) != checksum(version_bytes, length_bytes, content) {
        return Err(damaged("its checksum is another"));
    }
    if version != VERSION {
        return Err(damaged("there is no such format version"));
    }
    Desired::decode(content).map_err(|_| damaged("its content cannot be read"))
}

pub(super) fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeptError {
    let path = path.to_owned();
    move |source| KeptError::Io { what, path, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::desired::sound_cluster;
    use super::*;

    fn desired(generation: u64) -> Arc<Desired> {
        Arc::new(Desired {
            generation,
            clusters: vec![sound_cluster()],
        })
    }

    fn reopened(folder: &Path) -> Option<Desired> {
        KeptDesired::open(folder)
            .unwrap()
            .held
            .map(|held| Desired::clone(&held))
    }

    #[test]
    fn what_was_kept_is_there_after_a_restart_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("data").join("node");
        let mut kept = KeptDesired::open(&folder).unwrap();
        assert_eq!((kept.generation(), kept.desired()), (0, None));
        for generation in [3, 7] {
            kept.replace(desired(generation)).unwrap();
            assert_eq!(kept.generation(), generation);
            assert_eq!(reopened(&folder), Some(Desired::clone(&desired(generation))));
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder.join("desired")), mode(&folder)), (0o600, 0o700));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn the_bytes_of_this_version_are_these() {
        let bytes = encode(&Desired {
            generation: 5,
            clusters: Vec::new(),
        });
        assert_eq!(
            bytes,
            b"tnr-want\x01\0\0\0\x02\0\0\0\0\0\0\0\xa8\x34\xc9\x19\x08\x05",
            "{}",
            bytes.escape_ascii()
        );
    }

    #[test]
    fn a_file_that_is_damaged_anywhere_is_named_and_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desired");
        let whole = encode(&desired(3));
        let refused = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            let error = read(&path).unwrap_err();
            assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
            let kept = KeptDesired::open(folder.path()).unwrap();
            assert_eq!((kept.generation(), kept.desired()), (0, None));
            error
        };
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            refused(&bytes);
        }
        for length in 0..whole.len() {
            let error = refused(&whole[..length]);
            assert!(matches!(error, KeptError::Damaged { .. }), "{error}");
        }
        refused(&[&whole[..], b"more"].concat());
        // What was there does not keep the node from being told anew.
        let mut kept = KeptDesired::open(folder.path()).unwrap();
        kept.replace(desired(1)).unwrap();
        assert_eq!(reopened(folder.path()), Some(Desired::clone(&desired(1))));
    }

    #[test]
    fn a_file_of_a_newer_version_is_said_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desired");
        let mut bytes = encode(&desired(3));
        bytes[8] = 2;
        fs::write(&path, bytes).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(
            error.ends_with("has format version 2, and this program knows 1"),
            "{error}"
        );
        assert_eq!(reopened(folder.path()), None);
    }

    #[test]
    fn a_write_that_was_torn_leaves_what_was_there_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = KeptDesired::open(folder.path()).unwrap();
        kept.replace(desired(3)).unwrap();
        let next = encode(&desired(4));
        for length in [0, 1, HEADER_BYTES, next.len() - 1, next.len()] {
            // The crash came before the new file had taken the place.
            fs::write(folder.path().join("desired.new"), &next[..length]).unwrap();
            assert_eq!(reopened(folder.path()), Some(Desired::clone(&desired(3))));
        }
        let mut kept = KeptDesired::open(folder.path()).unwrap();
        kept.replace(desired(5)).unwrap();
        assert_eq!(reopened(folder.path()), Some(Desired::clone(&desired(5))));
    }

    #[test]
    fn what_cannot_be_written_is_not_held() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = KeptDesired::open(folder.path()).unwrap();
        kept.replace(desired(3)).unwrap();
        // A folder cannot be replaced by a file.
        fs::create_dir(folder.path().join("desired.new")).unwrap();
        let error = kept.replace(desired(4)).unwrap_err();
        assert!(error.to_string().contains("desired.new"), "{error}");
        assert_eq!(kept.generation(), 3);
        assert_eq!(reopened(folder.path()), Some(Desired::clone(&desired(3))));
    }
}
