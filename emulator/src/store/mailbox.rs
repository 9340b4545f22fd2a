//! The accepted messages: keeps the newest, drops the oldest.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use uuid::Uuid;

use crate::store::message::Message;

/// Roughly how many bytes a message takes in addition to its body and headers.
const OVERHEAD: usize = 2 * 1024;

#[derive(Debug)]
pub(crate) struct Mailbox {
    max_messages: usize,
    max_bytes: usize,
    bytes: usize,
    order: VecDeque<Arc<Message>>,
    by_id: HashMap<Uuid, Arc<Message>>,
}

impl Mailbox {
    pub(crate) fn new(max_messages: usize, max_bytes: usize) -> Mailbox {
        let (order, by_id) = (VecDeque::new(), HashMap::new());
        Mailbox { max_messages, max_bytes, bytes: 0, order, by_id }
    }

    pub(crate) fn get(&self, id: Uuid) -> Option<Arc<Message>> {
        self.by_id.get(&id).cloned()
    }

    pub(crate) fn newest_first(&self) -> Vec<Arc<Message>> {
        self.order.iter().rev().cloned().collect()
    }

    pub(crate) fn has_message_id(&self, message_id: &str) -> bool {
        self.order.iter().any(|message| message.internet_message_id == message_id)
    }

    /// Adds a message; returns the ids of those that were dropped for it.
    pub(crate) fn add(&mut self, message: Arc<Message>) -> Vec<Uuid> {
        let mut dropped = Vec::new();
        self.bytes += weight(&message);
        self.by_id.insert(message.id, Arc::clone(&message));
        self.order.push_back(message);
        while self.order.len() > self.max_messages || self.bytes > self.max_bytes {
            dropped.extend(self.drop_oldest());
        }
        dropped
    }

    fn drop_oldest(&mut self) -> Option<Uuid> {
        let oldest = self.order.pop_front()?;
        self.bytes -= weight(&oldest);
        self.by_id.remove(&oldest.id);
        Some(oldest.id)
    }

    pub(crate) fn clear(&mut self) {
        *self = Mailbox::new(self.max_messages, self.max_bytes);
    }
}

/// The body is stored twice, received and parsed, and its texts a third time after the first search.
fn weight(message: &Message) -> usize {
    let headers = message.request.headers.iter();
    let headers: usize = headers.map(|(name, value)| name.len() + value.len()).sum();
    let texts: usize = message.texts().map(str::len).sum();
    2 * message.request.body.len() + texts + headers + OVERHEAD
}
