//! The policy directory that a command works on.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use postern::policy::{Diagnostic, Files, Place, Policy, ReadError};
use postern_lint::mjml::Translation;

use crate::report::{BrokenPolicy, has_errors};

/// The text of a policy directory at the time it was read.
#[derive(Debug, Clone)]
pub struct Directory {
    path: PathBuf,
    sources: Files,
    translation: Translation,
}

impl Directory {
    /// Reads a directory.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        ensure!(path.is_dir(), "The directory {shown} does not exist; name the one that contains postern.toml.");
        let sources =
            Files::read(path).map_err(|error| BrokenPolicy::new(path, &Files::default(), &[unreadable(&error)]))?;
        Ok(Self { path: path.to_owned(), translation: Translation::of(&sources), sources })
    }

    /// The path, as the user wrote it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The text as people wrote it.
    pub const fn sources(&self) -> &Files {
        &self.sources
    }

    /// The text for the gate: with HTML in place of MJML.
    pub const fn files(&self) -> &Files {
        self.translation.files()
    }

    /// Every finding.
    pub fn check(&self) -> Vec<Diagnostic> {
        postern_lint::check(&self.sources)
    }

    /// The policy, if all proofs succeed, with the warnings about it.
    pub fn proven(&self) -> Result<(Policy, Vec<Diagnostic>), BrokenPolicy> {
        let findings = self.check();
        if has_errors(&findings) {
            return Err(self.broken(findings));
        }
        Ok((self.policy()?, findings))
    }

    /// The policy, if it is usable; its samples may be wrong.
    pub fn policy(&self) -> Result<Policy, BrokenPolicy> {
        match self.translation.findings() {
            [] => Policy::load(self.files()).map_err(|findings| self.broken(findings)),
            findings => Err(self.broken(findings.to_vec())),
        }
    }

    /// The report of findings about these files, in either form.
    pub fn broken(&self, findings: Vec<Diagnostic>) -> BrokenPolicy {
        let findings: Vec<_> = findings.into_iter().map(|finding| self.translation.original(finding)).collect();
        BrokenPolicy::new(&self.path, &self.sources, &findings)
    }
}

fn unreadable(error: &ReadError) -> Diagnostic {
    let (ReadError::Io { path, .. } | ReadError::TooLarge { path } | ReadError::NotText { path }) = error;
    Diagnostic::error(path, Place::File, format!("{error}."), "A policy consists of small UTF-8 text files.")
}

/// Writes a new file, with the folders above it.
///
/// # Errors
/// If the file already exists, or cannot be written.
pub fn create(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("Cannot create {}", folder.display()))?;
    }
    let mut file = fs::File::create_new(path).with_context(|| format!("Cannot write {}", path.display()))?;
    Write::write_all(&mut file, text.as_bytes()).with_context(|| format!("Cannot write {}", path.display()))
}
