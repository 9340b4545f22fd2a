//! What a mailbox may object to in a message: links, size, pictures, contrast, and HTML that mail programs do not
//! support.

mod html;
mod support;

use postern_legibility::CLIP_BYTES;
use serde::Serialize;

use crate::acs::email::Content;

/// The most findings and links to report for one message.
const MOST: usize = 100;

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Level {
    /// The message will not arrive as intended.
    Error,
    /// Some recipients will not see it as intended.
    Warning,
    /// Worth knowing.
    Note,
}

/// One thing found.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    level: Level,
    /// The check that found it.
    check: &'static str,
    message: String,
}

/// A link and its text.
#[derive(Debug, Serialize)]
pub(crate) struct Link {
    address: String,
    text: String,
}

/// All findings, the most serious first.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Checks {
    html_bytes: usize,
    text_bytes: usize,
    clip_bytes: usize,
    links: Vec<Link>,
    findings: Vec<Finding>,
    /// The source of the table of what mail programs support.
    support_source: &'static str,
}

impl Checks {
    /// Checks a message's bodies.
    pub(crate) fn of(content: &Content) -> Checks {
        let html = content.html.as_deref().unwrap_or_default();
        let text = content.plain_text.as_deref().unwrap_or_default();
        let mut checks = Checks {
            html_bytes: html.len(),
            text_bytes: text.len(),
            clip_bytes: CLIP_BYTES,
            links: Vec::new(),
            findings: Vec::new(),
            support_source: support::SOURCE,
        };
        checks.bodies(html, text);
        if !html.is_empty() {
            html::check(html, &mut checks);
        }
        checks.findings.sort_by_key(|finding| finding.level);
        checks
    }

    fn bodies(&mut self, html: &str, text: &str) {
        if html.len() > CLIP_BYTES {
            let message = format!("The HTML has {} bytes; Gmail clips after {CLIP_BYTES}.", html.len());
            self.find(Level::Error, "size", message);
        }
        if text.trim().is_empty() {
            let message = "There is no text part: readers of plain text see nothing, and spam filters object to it.";
            self.find(Level::Warning, "text part", message.to_owned());
        }
    }

    /// Reports each finding once, however often it occurs.
    fn find(&mut self, level: Level, check: &'static str, message: String) {
        let known = self.findings.iter().any(|finding| finding.message == message);
        if !known && self.findings.len() < MOST {
            self.findings.push(Finding { level, check, message });
        }
    }

    fn link(&mut self, address: &str, text: String) {
        if self.links.len() < MOST {
            self.links.push(Link { address: address.to_owned(), text });
        }
    }
}
