//! The list of messages: what an entry says, and which messages it contains.

use std::collections::BTreeSet;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::acs::email::Address;
use crate::acs::operation::Status;
use crate::clock::rfc3339;
use crate::store::Annotated;
use crate::store::audit::Note;
use crate::store::message::Message;

/// A search. Every part is optional; every given part must match.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// The most messages to list.
    limit: Option<usize>,
    /// How many of the newest to skip.
    #[serde(default)]
    offset: usize,
    /// Words in the subject, an address or a body, ignoring case.
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
        let facets = Facets::of(message, note);
        let [(_, to), (_, cc), (_, bcc)] = email.recipients.lists();
        Summary {
            id: message.id.to_string(),
            received_at: rfc3339(message.received_at),
            sender: facets.sender,
            to,
            cc,
            bcc,
            subject: &email.content.subject,
            attachments: email.attachments.as_deref().unwrap_or_default().len(),
            api_version: message.api_version.as_str(),
            status: message.operation.status(now),
            route: facets.route,
            mail: note.map(|note| note.mail.as_str()),
            purpose: facets.purpose,
        }
    }
}

/// The messages that match, newest first, with the values to filter by.
#[derive(Serialize)]
pub(crate) struct Page<'a> {
    total: usize,
    matching: usize,
    messages: Vec<Summary<'a>>,
    senders: BTreeSet<&'a str>,
    routes: BTreeSet<&'a str>,
    purposes: BTreeSet<&'a str>,
}

impl<'a> Page<'a> {
    /// Selects from all messages.
    pub(crate) fn new(all: &'a [Annotated], filter: &Filter, now: SystemTime) -> Page<'a> {
        let words: Vec<_> =
            filter.search.iter().flat_map(|text| text.split_whitespace()).map(str::to_lowercase).collect();
        let limit = filter.limit.unwrap_or(usize::MAX);
        let mut page = Page {
            total: all.len(),
            matching: 0,
            messages: Vec::new(),
            senders: BTreeSet::new(),
            routes: BTreeSet::new(),
            purposes: BTreeSet::new(),
        };
        for (message, note) in all {
            let facets = Facets::of(message, note.as_deref());
            page.senders.insert(facets.sender);
            page.routes.extend(facets.route);
            page.purposes.extend(facets.purpose);
            if filter.matches(&facets, message.operation.status(now)) && message.contains_words(&words) {
                page.matching += 1;
                if page.matching > filter.offset && page.messages.len() < limit {
                    page.messages.push(Summary::new(message, note.as_deref(), now));
                }
            }
        }
        page
    }
}

impl Filter {
    fn matches(&self, facets: &Facets<'_>, status: Status) -> bool {
        self.sender.as_deref().is_none_or(|sender| facets.sender == sender)
            && self.route.as_deref().is_none_or(|route| facets.route == Some(route))
            && self.purpose.as_deref().is_none_or(|purpose| facets.purpose == Some(purpose))
            && self.status.is_none_or(|wanted| wanted == status)
    }
}

/// The properties that a search looks at.
struct Facets<'a> {
    sender: &'a str,
    route: Option<&'a str>,
    purpose: Option<&'a str>,
}

impl<'a> Facets<'a> {
    fn of(message: &'a Message, note: Option<&'a Note>) -> Facets<'a> {
        Facets {
            sender: &message.email.sender_address,
            route: note.and_then(|note| note.route.as_deref()),
            purpose: note.and_then(|note| note.purpose.as_deref()),
        }
    }
}
