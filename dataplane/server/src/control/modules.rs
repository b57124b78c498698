//! The modules of plugins that this node is to run: on its disk, and compiled.
//! Promises: what is compiled has the SHA-256 that was asked for, wherever it came from; a file is one that was written whole,
//! or is named as damaged, removed and got anew. What nobody names any more is forgotten. One module is compiled at a time, on
//! a thread that serves nobody; what does not fit is not compiled again. Blocks on the disk where it says so.
//!
//! ```text
//! <folder>/<sha256>.wasm     as it was pushed
//! <folder>/<sha256>.new      left by a crash; removed
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use tenure_plugin_abi::{Compiler, MODULE_BYTES_MAX, Module, Unfit};
use tracing::{error, warn};

use super::kept::{KeptError, failed};
use crate::layout::PluginLayout;

/// What a module is known by.
pub(super) type ModuleId = [u8; 32];

/// See the top of the file.
#[derive(Debug, Clone)]
pub struct Modules(Arc<Shelf>);

#[derive(Debug)]
struct Shelf {
    folder: PathBuf,
    compiler: Arc<dyn Compiler>,
    /// Of those that are named.
    compiled: Mutex<Compiled>,
    /// Held while one is compiled.
    compiling: Mutex<()>,
}

/// What became of modules that were compiled.
type Compiled = BTreeMap<ModuleId, Result<Arc<dyn Module>, Unfit>>;

/// Why there is no module for a plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoModule {
    /// It is to be fetched.
    #[error("its module is not on this node yet")]
    NotHere,
    #[error("its module cannot be used: {0}")]
    Unfit(#[from] Unfit),
    /// It was pushed under another name or version than it has.
    #[error("its module says that it is {name} {version}")]
    Another { name: String, version: String },
    #[error("its module cannot be read: {reason}")]
    Unreadable { reason: String },
    #[error("the thread that compiles its module ended by a defect")]
    Defect,
}

impl Modules {
    /// Those in this folder, which is made if it is not there.
    pub fn open(folder: &Path, compiler: Arc<dyn Compiler>) -> Result<Self, KeptError> {
        let made = fs::DirBuilder::new().mode(0o700).recursive(true).create(folder);
        made.map_err(failed("make the folder", folder))?;
        Ok(Self(Arc::new(Shelf {
            folder: folder.to_owned(),
            compiler,
            compiled: Mutex::default(),
            compiling: Mutex::default(),
        })))
    }

    /// The module of a plugin, from memory or from the disk.
    pub(super) async fn get(&self, plugin: &PluginLayout) -> Result<Arc<dyn Module>, NoModule> {
        let (shelf, id) = (Arc::clone(&self.0), plugin.sha256);
        let known = shelf.compiled().get(&id).cloned();
        let module = match known {
            Some(known) => known?,
            None => tokio::task::spawn_blocking(move || shelf.load(id))
                .await
                .map_err(|_| NoModule::Defect)??,
        };
        let manifest = module.manifest();
        if (&manifest.name, &manifest.version) != (&plugin.name, &plugin.version) {
            return Err(NoModule::Another {
                name: manifest.name.clone(),
                version: manifest.version.clone(),
            });
        }
        Ok(module)
    }

    /// Keeps what was fetched, and was found to be what was asked for.
    pub(super) async fn keep(&self, id: ModuleId, bytes: Vec<u8>) -> Result<(), KeptError> {
        let shelf = Arc::clone(&self.0);
        let kept = tokio::task::spawn_blocking(move || shelf.write(id, &bytes)).await;
        kept.unwrap_or_else(|panicked| Err(failed("write into", &self.0.folder)(io::Error::other(panicked))))
    }

    /// Forgets all others, on the disk too.
    pub(super) async fn forget_all_but(&self, named: BTreeSet<ModuleId>) {
        let shelf = Arc::clone(&self.0);
        let forgotten = tokio::task::spawn_blocking(move || shelf.forget_all_but(&named)).await;
        if let Err(panicked) = forgotten {
            error!(error = %panicked, "forgetting modules of plugins ended by a defect");
        }
    }
}

impl Shelf {
    fn compiled(&self) -> MutexGuard<'_, Compiled> {
        // Nothing is half-way in it when somebody panics.
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks on the disk, and on the compiler.
    fn load(&self, id: ModuleId) -> Result<Arc<dyn Module>, NoModule> {
        let path = self.path(id, "wasm");
        let bytes = match read(&path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(NoModule::NotHere),
            Err(error) => {
                let reason = format!("{}: {error}", path.display());
                return Err(NoModule::Unreadable { reason });
            }
        };
        if id_of(&bytes) != id {
            error!(path = %path.display(), "the module of a plugin is damaged, getting it anew");
            if let Err(error) = fs::remove_file(&path) {
                warn!(path = %path.display(), %error, "a damaged module cannot be removed");
            }
            return Err(NoModule::NotHere);
        }
        let _one_at_a_time = self.compiling.lock().unwrap_or_else(PoisonError::into_inner);
        let compiled = self.compiler.compile(&bytes);
        self.compiled().insert(id, compiled.clone());
        Ok(compiled?)
    }

    /// Blocks on the disk.
    fn write(&self, id: ModuleId, bytes: &[u8]) -> Result<(), KeptError> {
        let (new, path) = (self.path(id, "new"), self.path(id, "wasm"));
        // 1. Write another file whole. 2. Give it its name. 3. Make that last.
        // A crash before 3 leaves a file that is whole, or none, and it is fetched again.
        write(&new, bytes).map_err(failed("write", &new))?;
        fs::rename(&new, &path).map_err(failed("replace", &path))?;
        let synced = File::open(&self.folder).and_then(|folder| folder.sync_all());
        synced.map_err(failed("sync the folder", &self.folder))
    }

    /// Blocks on the disk.
    fn forget_all_but(&self, named: &BTreeSet<ModuleId>) {
        self.compiled().retain(|id, _| named.contains(id));
        let files: BTreeSet<PathBuf> = named.iter().map(|id| self.path(*id, "wasm")).collect();
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            let is_ours = path.extension().is_some_and(|kind| kind == "wasm" || kind == "new");
            if is_ours
                && !files.contains(&path)
                && let Err(error) = fs::remove_file(&path)
            {
                warn!(path = %path.display(), %error, "the module of a plugin cannot be removed");
            }
        }
    }

    fn path(&self, id: ModuleId, kind: &str) -> PathBuf {
        let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("{hex}.{kind}"))
    }
}

/// What these bytes are known by.
pub(super) fn id_of(bytes: &[u8]) -> ModuleId {
    Sha256::digest(bytes).into()
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
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut bytes = Vec::new();
    file.take(MODULE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}
