//! The modules of plugins that this node is to run: on its disk, and compiled.
//! Promises: what is compiled has the SHA-256 that was asked for, wherever it came from; a file is one that was written whole,
//! or is named as damaged, removed and got anew. What nobody names any more is forgotten. One module is compiled at a time, once,
//! on a thread that serves nobody, and only when it is asked to be. Blocks on the disk where it says so.
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
    named: Mutex<BTreeSet<ModuleId>>,
    /// Of those that are named. One that was not looked for is not in it.
    looked_for: Mutex<BTreeMap<ModuleId, Outcome>>,
    /// Held while one is compiled. Who waits for it holds up no thread.
    compiling: Arc<tokio::sync::Mutex<()>>,
}

/// What became of a module that was looked for on the disk.
type Outcome = Result<Arc<dyn Module>, NoModule>;

/// Why there is no module for a plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoModule {
    /// It is to be looked for on the disk.
    #[error("its module is not compiled yet")]
    NotCompiled,
    /// It is to be fetched.
    #[error("its module is not on this node yet")]
    NotHere,
    /// What is there: to be fetched too.
    #[error("its module cannot be read: {reason}")]
    Unreadable { reason: String },
    #[error("its module cannot be used: {0}")]
    Unfit(#[from] Unfit),
    /// It was pushed under another name or version than it has.
    #[error("its module says that it is {name} {version}")]
    Another { name: String, version: String },
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
            named: Mutex::default(),
            looked_for: Mutex::default(),
            compiling: Arc::default(),
        })))
    }

    /// The module of a plugin, if it is compiled.
    pub(super) fn get(&self, plugin: &PluginLayout) -> Outcome {
        let looked_for = self.0.looked_for().get(&plugin.sha256).cloned();
        let module = looked_for.unwrap_or(Err(NoModule::NotCompiled))?;
        let manifest = module.manifest();
        if (&manifest.name, &manifest.version) != (&plugin.name, &plugin.version) {
            return Err(NoModule::Another {
                name: manifest.name.clone(),
                version: manifest.version.clone(),
            });
        }
        Ok(module)
    }

    /// Compiles what is on the disk, unless that has been done. [`Modules::get`] says what came of it.
    pub(super) async fn compile(&self, id: ModuleId) {
        let compiling = Arc::clone(&self.0.compiling).lock_owned().await;
        // Whoever asked before may have stopped waiting for it.
        if self.0.looked_for().contains_key(&id) {
            return;
        }
        let shelf = Arc::clone(&self.0);
        let loading = move || {
            let outcome = shelf.load(id);
            // Nobody may need it by now.
            if shelf.named().contains(&id) {
                shelf.looked_for().insert(id, outcome);
            }
            drop(compiling);
        };
        if let Err(panicked) = tokio::task::spawn_blocking(loading).await {
            error!(error = %panicked, "compiling the module of a plugin ended by a defect");
            self.0.looked_for().insert(id, Err(NoModule::Defect));
        }
    }

    /// What was not found is looked for on the disk again.
    pub(super) fn look_again(&self, missing: &BTreeSet<ModuleId>) {
        self.0.looked_for().retain(|id, _| !missing.contains(id));
    }

    /// Keeps what was fetched, and was found to be what was asked for.
    pub(super) async fn keep(&self, id: ModuleId, bytes: Vec<u8>) -> Result<(), KeptError> {
        let shelf = Arc::clone(&self.0);
        let keeping = move || {
            shelf.write(id, &bytes)?;
            shelf.looked_for().remove(&id);
            Ok(())
        };
        let kept = tokio::task::spawn_blocking(keeping).await;
        kept.unwrap_or_else(|panicked| Err(failed("write into", &self.0.folder)(io::Error::other(panicked))))
    }

    /// These are needed from now on.
    pub(super) fn name(&self, named: BTreeSet<ModuleId>) {
        *self.0.named() = named;
    }

    /// Forgets all that nobody names, on the disk too.
    pub(super) async fn forget(&self) {
        let shelf = Arc::clone(&self.0);
        let forgotten = tokio::task::spawn_blocking(move || shelf.forget()).await;
        if let Err(panicked) = forgotten {
            error!(error = %panicked, "forgetting modules of plugins ended by a defect");
        }
    }
}

impl Shelf {
    fn looked_for(&self) -> MutexGuard<'_, BTreeMap<ModuleId, Outcome>> {
        // Nothing is half-way in it when somebody panics.
        self.looked_for.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn named(&self) -> MutexGuard<'_, BTreeSet<ModuleId>> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks on the disk, and on the compiler.
    fn load(&self, id: ModuleId) -> Outcome {
        let bytes = self.read(id)?;
        Ok(self.compiler.compile(&bytes)?)
    }

    /// Blocks on the disk.
    fn read(&self, id: ModuleId) -> Result<Vec<u8>, NoModule> {
        let path = self.path(id, "wasm");
        let read = read(&path).map_err(|error| NoModule::Unreadable {
            reason: format!("{}: {error}", path.display()),
        })?;
        let bytes = read.ok_or(NoModule::NotHere)?;
        if id_of(&bytes) == id {
            return Ok(bytes);
        }
        error!(path = %path.display(), "the module of a plugin is damaged, getting it anew");
        if let Err(error) = fs::remove_file(&path) {
            warn!(path = %path.display(), %error, "a damaged module cannot be removed");
        }
        Err(NoModule::NotHere)
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
    fn forget(&self) {
        let named = self.named().clone();
        self.looked_for().retain(|id, _| named.contains(id));
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
