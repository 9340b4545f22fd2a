//! Compiled components, kept between runs: compiling takes seconds, loading milliseconds.

use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use wasmtime::Engine;
use wasmtime::component::Component;

/// The length in bytes of the digest that precedes a compiled component in its file.
const DIGEST_BYTES: usize = 32;

/// How many compiled components to keep; each has some ten megabytes.
const KEPT: usize = 16;

/// The extension of the files.
const EXTENSION: &str = "cwasm";

/// A directory of compiled components that only this process's user can write to.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
}

/// Why a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The directory cannot be created or written to.
    #[error("Cannot use the cache directory {directory}: {source}.", directory = .directory.display())]
    Unusable {
        /// The directory.
        directory: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Other users could put machine code there, which this process would run.
    #[error("Only you may have access to the cache directory {}: remove it, and it will be created again.", .0.display())]
    NotPrivate(PathBuf),
}

impl Cache {
    /// Opens a cache; creates the directory if it is missing, with access only for this process's user.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, CacheError> {
        let directory = directory.into();
        let private = make_private(&directory).and_then(|()| is_private(&directory));
        match private {
            Ok(true) => Ok(Self { directory }),
            Ok(false) => Err(CacheError::NotPrivate(directory)),
            Err(source) => Err(CacheError::Unusable { directory, source }),
        }
    }

    /// Returns a compiled component from the cache, or compiles it and stores the result. Replaces a file that is
    /// missing, damaged or of another version, and does without one that cannot be written.
    pub(crate) fn compile(&self, engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Component> {
        let path = self.directory.join(file_name(engine, bytes));
        if let Some(component) = load(engine, &path) {
            return Ok(component);
        }
        let component = Component::new(engine, bytes)?;
        let compiled = component.serialize()?;
        // Without the file, the next start compiles again.
        let _ = self.store(&path, &compiled);
        Ok(component)
    }

    /// Writes to a temporary file and renames it, so that no other process reads half a file.
    fn store(&self, path: &Path, compiled: &[u8]) -> io::Result<()> {
        let beside = path.with_extension(format!("{}.part", own_name()));
        let mut file = File::create(&beside)?;
        file.write_all(&Sha256::digest(compiled))?;
        file.write_all(compiled)?;
        drop(file);
        fs::rename(&beside, path)?;
        self.prune()
    }

    /// Removes the oldest files: each edit of a policy creates another component.
    fn prune(&self) -> io::Result<()> {
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                kept.push((fs::metadata(&path)?.modified()?, path));
            }
        }
        kept.sort();
        let surplus = kept.len().saturating_sub(KEPT);
        kept.iter().take(surplus).try_for_each(|(_, path)| fs::remove_file(path))
    }
}

/// A suffix for a file's name that no other process or thread uses.
fn own_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The name depends on the component, and on wasmtime's version and settings as far as they change compiled code.
fn file_name(engine: &Engine, bytes: &[u8]) -> String {
    let mut key = Key(Sha256::new_with_prefix(Sha256::digest(bytes)));
    engine.precompile_compatibility_hash().hash(&mut key);
    let digest = key.0.finalize();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}.{EXTENSION}")
}

/// Feeds wasmtime's settings, which only implement `Hash`, into a digest.
struct Key(Sha256);

impl Hasher for Key {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Unused: the digest is the result.
    fn finish(&self) -> u64 {
        0
    }
}

fn load(engine: &Engine, path: &Path) -> Option<Component> {
    let file = fs::read(path).ok()?;
    let (digest, compiled) = file.split_at_checked(DIGEST_BYTES)?;
    if Sha256::digest(compiled).as_slice() != digest {
        return None;
    }
    deserialize(engine, compiled).ok()
}

#[expect(
    unsafe_code,
    reason = "wasmtime cannot prove that machine code came from its own compiler; see the safety comment"
)]
fn deserialize(engine: &Engine, compiled: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `Component::serialize` created the bytes. They come from a directory that, as `Cache::open` checked,
    // belongs only to this process's user, under a name that only `Cache::store` writes, and their digest shows that
    // they are complete. They were read into memory first, so nobody can change them after the check. wasmtime itself
    // refuses code of another version or with other settings.
    unsafe { Component::deserialize(engine, compiled) }
}

#[cfg(unix)]
fn make_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(directory)
}

/// Whether this process's user owns the directory, which a file created in it shows, and nobody else has access.
#[cfg(unix)]
fn is_private(directory: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let own = directory.join(format!("{}.owner", own_name()));
    let user = File::create(&own)?.metadata()?.uid();
    fs::remove_file(&own)?;
    let directory = fs::symlink_metadata(directory)?;
    Ok(directory.is_dir() && directory.uid() == user && directory.mode() & 0o077 == 0)
}

/// On other systems, a directory below the user's profile inherits its privacy.
#[cfg(not(unix))]
fn make_private(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)
}

#[cfg(not(unix))]
fn is_private(directory: &Path) -> io::Result<bool> {
    Ok(directory.is_dir())
}
