//! The text of a policy: every file of the directory, read once, by relative path.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use super::digest::Digest;

/// The most bytes of one policy file; reading a larger one is an error.
pub const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// What belongs to a policy, besides fixtures and approvals. Other entries of the directory are ignored, so that a
/// policy can be at the root of a source repository.
pub const FOLDERS: [&str; 2] = ["schemas", "templates"];

/// The folder that contains all templates.
pub const TEMPLATES_FOLDER: &str = "templates/";

/// The payload for previews and checks of a template.
pub const SAMPLE: &str = "sample.json";

/// The file that names senders and routes.
pub const POLICY_FILE: &str = "postern.toml";

/// The file that records who approved what.
pub const APPROVALS_FILE: &str = "approvals.toml";

/// The files of a policy directory, by path relative to it, with `/` between the parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files(BTreeMap<String, String>);

/// Why a policy directory could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file system reported an error.
    #[error("{path} cannot be read: {source}")]
    Io {
        /// The path, relative to the policy directory.
        path: String,
        /// The reason given by the system.
        source: io::Error,
    },
    /// A file is larger than [`MAX_FILE_BYTES`].
    #[error("{path} is larger than {MAX_FILE_BYTES} bytes, the limit for a file of a policy")]
    TooLarge {
        /// The path, relative to the policy directory.
        path: String,
    },
    /// A file is not UTF-8.
    #[error("{path} is not UTF-8 text")]
    NotText {
        /// The path, relative to the policy directory.
        path: String,
    },
}

impl Files {
    /// Reads `postern.toml`, `approvals.toml`, `schemas/` and `templates/` below `directory`.
    ///
    /// Ignores hidden files. A missing `postern.toml` is not an error here: reading the policy reports it, with advice.
    ///
    /// # Errors
    /// If a file cannot be read, is too large or is not UTF-8.
    pub fn read(directory: &Path) -> Result<Self, ReadError> {
        let mut files = Self::default();
        for file in [POLICY_FILE, APPROVALS_FILE] {
            if directory.join(file).exists() {
                files.add(directory, file.to_owned())?;
            }
        }
        for folder in FOLDERS {
            if directory.join(folder).is_dir() {
                files.add_folder(directory, folder)?;
            }
        }
        Ok(files)
    }

    fn add_folder(&mut self, directory: &Path, folder: &str) -> Result<(), ReadError> {
        let io = |source| ReadError::Io { path: folder.to_owned(), source };
        for entry in fs::read_dir(directory.join(folder)).map_err(io)? {
            let entry = entry.map_err(io)?;
            let Ok(name) = entry.file_name().into_string() else {
                return Err(ReadError::NotText { path: format!("a file name in {folder}") });
            };
            if name.starts_with('.') {
                continue;
            }
            let path = format!("{folder}/{name}");
            if entry.path().is_dir() {
                self.add_folder(directory, &path)?;
            } else {
                self.add(directory, path)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, directory: &Path, path: String) -> Result<(), ReadError> {
        let full = directory.join(&path);
        let io = |source| ReadError::Io { path: path.clone(), source };
        if fs::metadata(&full).map_err(io)?.len() > MAX_FILE_BYTES {
            return Err(ReadError::TooLarge { path });
        }
        let bytes = fs::read(&full).map_err(io)?;
        let Ok(text) = String::from_utf8(bytes) else {
            return Err(ReadError::NotText { path });
        };
        self.0.insert(path, text);
        Ok(())
    }

    /// The text at `path`.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// The sha256 of every file that decides what is sent, with its path: `postern.toml`, `schemas/NAME.json`, the
    /// parts of templates and the layouts. Files that only check these, such as samples, may change without changing
    /// the digest.
    pub fn digest(&self) -> Digest {
        let decisive = self.0.iter().filter(|(path, _)| decides(path));
        Digest::of(decisive.flat_map(|(path, text)| [path, text]))
    }

    /// What sealing puts into a component: the files that decide, and the paths of samples, which must exist but are
    /// never read. A component must not contain the content of any other file.
    pub fn sealed(&self) -> Vec<(String, String)> {
        let needed = self.0.iter().filter(|(path, _)| decides(path) || path.starts_with(TEMPLATES_FOLDER));
        let text = |path: &str, text: &String| if decides(path) { text.clone() } else { String::new() };
        needed.map(|(path, whole)| (path.clone(), text(path, whole))).collect()
    }

    /// All paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Whether a file decides what a mail says: everything below `templates/` except samples.
fn decides(path: &str) -> bool {
    match path.split_once('/') {
        None => path == POLICY_FILE,
        Some(("schemas", file)) => file.ends_with(".json") && !file.contains('/'),
        Some(("templates", file)) => file.rsplit('/').next() != Some(SAMPLE),
        Some(_) => false,
    }
}

impl<P: Into<String>, T: Into<String>> FromIterator<(P, T)> for Files {
    fn from_iter<I: IntoIterator<Item = (P, T)>>(files: I) -> Self {
        Self(files.into_iter().map(|(path, text)| (path.into(), text.into())).collect())
    }
}
