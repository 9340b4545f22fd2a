//! The HMAC schemes of webhook senders, as data: what is signed, where the signature stands, how it is written.

use std::time::Duration;

/// How one kind of sender signs with HMAC-SHA256.
#[derive(Debug)]
pub struct Scheme {
    /// The name in policies and audit lines.
    pub name: &'static str,
    /// The header that holds the signatures.
    pub signature_header: &'static str,
    /// What parts several signatures in the header; the header is one signature where absent.
    pub separator: Option<char>,
    /// What stands before each signature that this scheme reads; others are passed over.
    pub prefix: &'static str,
    /// How a signature is written.
    pub encoding: Encoding,
    /// The signed string.
    pub signed: &'static [Part],
    /// The header with the event's id.
    pub id_header: Option<&'static str>,
    /// When the event was signed, where the scheme says.
    pub timestamp: Option<Timestamp>,
    /// How the secret's bytes are written in a setting.
    pub secret: SecretForm,
    /// The header that names the kind of event, for `postern send`.
    pub event_header: Option<&'static str>,
}

/// How bytes are written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Hexadecimal, either case.
    Hex,
    /// Standard base64 with padding (RFC 4648, 4).
    Base64,
}

/// A piece of the signed string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The id header's value.
    Id,
    /// The timestamp header's value.
    Timestamp,
    /// A fixed text.
    Text(&'static str),
    /// The body's bytes.
    Body,
}

/// Where the time of signing stands, in Unix seconds, and how far it may be off.
#[derive(Debug)]
pub struct Timestamp {
    /// The header.
    pub header: &'static str,
    /// How far it may lie before or after the gate's clock.
    pub tolerance: Duration,
}

/// How a secret's bytes are written in a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretForm {
    /// The text's own bytes.
    Text,
    /// Base64 behind a prefix that may be left out.
    Base64 {
        /// The prefix.
        prefix: &'static str,
    },
}

/// All schemes.
pub const SCHEMES: &[Scheme] = &[
    // docs.github.com, "Validating webhook deliveries". GitHub signs no time and does not send again by itself.
    Scheme {
        name: "github",
        signature_header: "x-hub-signature-256",
        separator: None,
        prefix: "sha256=",
        encoding: Encoding::Hex,
        signed: &[Part::Body],
        id_header: Some("x-github-delivery"),
        timestamp: None,
        secret: SecretForm::Text,
        event_header: Some("x-github-event"),
    },
    // Standard Webhooks 1.0, spec/standard-webhooks.md; the tolerance is that of the official libraries.
    Scheme {
        name: "standard-webhooks",
        signature_header: "webhook-signature",
        separator: Some(' '),
        prefix: "v1,",
        encoding: Encoding::Base64,
        signed: &[Part::Id, Part::Text("."), Part::Timestamp, Part::Text("."), Part::Body],
        id_header: Some("webhook-id"),
        timestamp: Some(Timestamp { header: "webhook-timestamp", tolerance: Duration::from_secs(300) }),
        secret: SecretForm::Base64 { prefix: "whsec_" },
        event_header: None,
    },
];
