//! The services that do not depend on the version of WASI: settings and files, and the audit log.

use std::fs::File;
use std::io::Read as _;

use postern::host::{AuditLog, MAX_FILE_BYTES, Settings};

use crate::SettingStore;

/// Settings from a store, and files from the directories that the host mounts.
pub struct StoredSettings<S>(pub S);

impl<S: SettingStore> Settings for StoredSettings<S> {
    async fn setting(&self, name: &str) -> Option<String> {
        self.0.get(name).await.filter(|value| !value.is_empty())
    }

    async fn file(&self, path: &str) -> Option<String> {
        let mut text = String::new();
        let size = File::open(path).ok()?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).ok()?;
        (size as u64 <= MAX_FILE_BYTES).then_some(text)
    }
}

/// The audit log of every host: one line on standard output for each request.
pub struct StandardOutput;

impl AuditLog for StandardOutput {
    fn audit(&self, line: &str) {
        println!("{line}");
    }
}
