//! The list of messages: what a line of it says, and which messages are wanted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::audit::Note;
use crate::clock::rfc3339;
use crate::message::{Address, Message};
use crate::operation::Status;
use crate::store::Store;

/// What somebody looks for. Everything is optional, and everything given must hold.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Most messages listed.
    limit: Option<usize>,
    /// Words that stand in the subject, an address or a body, whatever their case.
    search: Option<String>,
    sender: Option<String>,
    route: Option<String>,
    purpose: Option<String>,
    status: Option<Status>,
}

/// A message in a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary<'a> {
    id: String,
    received_at: String,
    sender: &'a str,
    to: &'a [Address],
    cc: &'a [Address],
    bcc: &'a [Address],
    subject: &'a str,
    attachments: usize,
    api_version: &'a str,
    status: Status,
    route: Option<&'a str>,
    mail: Option<&'a str>,
    purpose: Option<&'a str>,
}

impl<'a> Summary<'a> {
    pub(crate) fn new(message: &'a Message, note: Option<&'a Note>, now: SystemTime) -> Summary<'a> {
        let email = &message.email;
        let [(_, to), (_, cc), (_, bcc)] = email.recipients.lists();
        Summary {
            id: message.id.to_string(),
            received_at: rfc3339(message.received_at),
            sender: &email.sender_address,
            to,
            cc,
            bcc,
            subject: &email.content.subject,
            attachments: email.attachments.as_deref().unwrap_or_default().len(),
            api_version: message.api_version.as_str(),
            status: message.operation.status(now),
            route: note.and_then(|note| note.route.as_deref()),
            mail: note.map(|note| note.mail.as_str()),
            purpose: note.and_then(|note| note.purpose.as_deref()),
        }
    }
}

/// The wanted messages, newest first, and what there is to choose from.
#[derive(Serialize)]
pub(crate) struct Page<'a> {
    total: usize,
    matching: usize,
    messages: Vec<Summary<'a>>,
    senders: BTreeSet<&'a str>,
    routes: BTreeSet<&'a str>,
    purposes: BTreeSet<&'a str>,
}

/// A message and what a gate said of it.
pub(crate) type Annotated = (Arc<Message>, Option<Arc<Note>>);

/// All messages with what a gate said of them, newest first.
pub(crate) fn annotated(store: &Store) -> Vec<Annotated> {
    let note = |message: Arc<Message>| {
        let note = store.note(message.id);
        (message, note)
    };
    store.messages().into_iter().map(note).collect()
}

impl<'a> Page<'a> {
    /// Chooses among all messages.
    pub(crate) fn new(all: &'a [Annotated], wanted: &Wanted, now: SystemTime) -> Page<'a> {
        let words: Vec<_> =
            wanted.search.iter().flat_map(|text| text.split_whitespace()).map(str::to_lowercase).collect();
        let limit = wanted.limit.unwrap_or(usize::MAX);
        let mut page = Page {
            total: all.len(),
            matching: 0,
            messages: Vec::new(),
            senders: BTreeSet::new(),
            routes: BTreeSet::new(),
            purposes: BTreeSet::new(),
        };
        for (message, note) in all {
            let summary = Summary::new(message, note.as_deref(), now);
            page.senders.insert(summary.sender);
            page.routes.extend(summary.route);
            page.purposes.extend(summary.purpose);
            if wanted.fits(&summary) && words.iter().all(|word| speaks_of(message, word)) {
                page.matching += 1;
                if page.messages.len() < limit {
                    page.messages.push(summary);
                }
            }
        }
        page
    }
}

impl Wanted {
    fn fits(&self, summary: &Summary<'_>) -> bool {
        self.sender.as_deref().is_none_or(|sender| summary.sender == sender)
            && self.route.as_deref().is_none_or(|route| summary.route == Some(route))
            && self.purpose.as_deref().is_none_or(|purpose| summary.purpose == Some(purpose))
            && self.status.is_none_or(|status| summary.status == status)
    }
}

/// `word` is in lower case.
fn speaks_of(message: &Message, word: &str) -> bool {
    let email = &message.email;
    let content = &email.content;
    let bodies = [&content.plain_text, &content.html].into_iter().flatten().map(String::as_str);
    let people =
        email.recipients.all().flat_map(|to| [Some(to.address.as_str()), to.display_name.as_deref()]).flatten();
    let mut texts = [content.subject.as_str(), email.sender_address.as_str()].into_iter().chain(people).chain(bodies);
    texts.any(|text| text.to_lowercase().contains(word)) || message.id.to_string().starts_with(word)
}
