//! What a gate said about its mails: its audit lines, by the operations that they name.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// The most operations to remember; the oldest are dropped.
const MAX_NOTES: usize = 10_000;

/// The longest line that is read.
const LONGEST: usize = 64 * 1024;

/// What a line says about one mail.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) route: Option<String>,
    pub(crate) mail: String,
    pub(crate) purpose: Option<String>,
    /// The whole line.
    pub(crate) line: Value,
}

/// The parts of a line that the emulator uses.
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    route: Option<String>,
    mails: Vec<Mail>,
}

#[derive(Deserialize)]
struct Mail {
    mail: String,
    #[serde(default)]
    purpose: Option<String>,
    operation_id: Uuid,
}

#[derive(Debug, Default)]
pub(crate) struct AuditLog {
    order: VecDeque<Uuid>,
    notes: HashMap<Uuid, Arc<Note>>,
}

impl AuditLog {
    /// Reads a line; returns false if it is not an audit line.
    pub(crate) fn read(&mut self, text: &str) -> bool {
        let line = if text.len() <= LONGEST { serde_json::from_str::<Value>(text).ok() } else { None };
        let Some((line, parsed)) = line.and_then(|line| Some((line.clone(), Line::deserialize(line).ok()?))) else {
            return false;
        };
        for mail in parsed.mails {
            let note = Note { route: parsed.route.clone(), mail: mail.mail, purpose: mail.purpose, line: line.clone() };
            self.keep(mail.operation_id, note);
        }
        true
    }

    fn keep(&mut self, id: Uuid, note: Note) {
        if self.notes.insert(id, Arc::new(note)).is_none() {
            self.order.push_back(id);
        }
        if self.order.len() > MAX_NOTES {
            let oldest = self.order.pop_front();
            oldest.and_then(|oldest| self.notes.remove(&oldest));
        }
    }

    pub(crate) fn of(&self, id: Uuid) -> Option<Arc<Note>> {
        self.notes.get(&id).cloned()
    }
}
