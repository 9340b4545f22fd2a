//! What the gate knows about a visitor besides the form: what they want to get back, and in which language.

use std::time::SystemTime;

use http::header::ACCEPT;
use http::request::Parts;

use crate::decode::form::FormFields;
use crate::decode::{self, Format};
use crate::guard::{self, Keys, Stranger};
use crate::policy::{Route, Stage};
use crate::texts::Texts;
use crate::web::{Origin, Site, Sites};

/// The kind of answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// A script reads it.
    Json,
    /// A person reads it in a browser.
    Page,
    /// Unknown. An HTML form gets a redirect to the thank-you page; anything else gets JSON.
    Anything,
}

/// A visitor of a form.
#[derive(Debug)]
pub struct Visit {
    /// What they want to get back.
    pub wants: Wants,
    /// The language they read.
    pub texts: &'static Texts,
    /// The site they come from.
    pub site: Site,
    /// Whether they could send the form from a page of the gate.
    pub can_send_again: bool,
    /// What the form contains besides its payload, once the gate has read it, for a page that shows it again.
    pub fields: FormFields,
    /// Whether they only want to know what would happen to the form.
    pub validate_only: bool,
    /// Whether a script waits for the answer. If it were redirected to the site, the browser would not let it read the
    /// site's page, and it would report a failure although the mail was sent.
    pub is_script: bool,
    /// Whether Formspree's client library reads the answer: it takes one without `next` for a failure.
    pub needs_next: bool,
    /// Whether they send the form or confirm it.
    pub stage: Stage,
    /// A new form token for the page that shows the form again.
    pub fresh_token: Option<String>,
}

impl Visit {
    /// Reads a request's headers; `own` is the address under which visitors reach the gate, if it is known.
    pub fn of(route: &Route, stage: Stage, parts: &Parts, own: Option<&Origin>) -> Self {
        let sites = Sites { listed: &route.origins, own };
        Self {
            wants: wants(route, parts),
            texts: Texts::wanted(&parts.headers),
            site: sites.of(&parts.uri, &parts.headers),
            can_send_again: sites.take_back(&parts.uri, &parts.headers),
            fields: FormFields::default(),
            validate_only: validate_only(parts),
            is_script: is_script(parts),
            needs_next: parts.headers.contains_key("formspree-client"),
            stage,
            fresh_token: None,
        }
    }

    /// What the guards need to know.
    pub const fn stranger(&self) -> Stranger<'_> {
        Stranger { site: &self.site, controls: &self.fields.controls }
    }

    /// Creates the token for the page that shows the form again, if its route requires one.
    pub fn renew(&mut self, route: &Route, keys: &Keys, now: SystemTime, nonce: u128) {
        let key = route.form.token.as_ref().and_then(|guard| keys.of(&guard.key).ok());
        self.fresh_token = key.map(|key| guard::issue(route, key, now, nonce));
    }
}

/// The query with which a script asks what would happen to a form (as in Gravity Forms).
const VALIDATE_ONLY: &str = "_validate_only";

fn validate_only(parts: &Parts) -> bool {
    let query = parts.uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).any(|(name, value)| name == VALIDATE_ONLY && value == "1")
}

/// Whether `fetch` or `XMLHttpRequest` sent the request to another site, as every browser says since 2023 (W3C Fetch
/// Metadata, 2.2).
fn is_script(parts: &Parts) -> bool {
    parts.headers.get("sec-fetch-mode").is_some_and(|mode| mode == "cors")
}

fn wants(route: &Route, parts: &Parts) -> Wants {
    let accept = parts.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let json_body = decode::format(route, &parts.headers) == Ok(Format::Json);
    if accept.contains("application/json") || parts.headers.contains_key("x-requested-with") {
        Wants::Json
    } else if accept.contains("text/html") {
        Wants::Page
    } else if json_body || is_script(parts) {
        Wants::Json
    } else {
        Wants::Anything
    }
}
