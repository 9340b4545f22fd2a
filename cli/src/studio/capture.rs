//! The audit lines that a gate writes about the studio's calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use uuid::Uuid;

/// Audit lines by trace, for as long as a caller waits for them; clones share them.
#[derive(Clone, Debug, Default)]
pub struct AuditCapture(Arc<Mutex<BTreeMap<String, Vec<Value>>>>);

impl AuditCapture {
    /// Keeps a line if a caller waits for it.
    pub fn line(&self, text: &str) {
        let mut waiting = self.lock();
        if waiting.is_empty() {
            return;
        }
        let line: Value = serde_json::from_str(text).unwrap_or_default();
        let trace = line.get("trace_id").and_then(Value::as_str).unwrap_or_default();
        if let Some(lines) = waiting.get_mut(trace) {
            lines.push(line);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Value>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lines of one call, for which a caller waits.
pub struct PendingLines<'a> {
    capture: &'a AuditCapture,
    /// The trace in its lines.
    pub trace: String,
}

impl<'a> PendingLines<'a> {
    /// Starts to wait.
    pub fn begin(capture: &'a AuditCapture) -> Self {
        let trace = Uuid::new_v4().simple().to_string();
        capture.lock().insert(trace.clone(), Vec::new());
        Self { capture, trace }
    }

    /// Returns the lines so far, and stops waiting.
    pub fn lines(self) -> Vec<Value> {
        self.capture.lock().remove(&self.trace).unwrap_or_default()
    }
}

/// The page may hang up before there is an answer.
impl Drop for PendingLines<'_> {
    fn drop(&mut self) {
        self.capture.lock().remove(&self.trace);
    }
}
