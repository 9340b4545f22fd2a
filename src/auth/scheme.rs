//! The schemes by name, and how each proves a caller.

use std::time::Duration;

use super::entra::Tenant;
use super::rule::{self, KeyForm, Rule};
use super::token::Place;
use super::{hmac, sendgrid, token};

/// The schemes that are no HMAC rule with a name; the others are in `presets.toml`.
const OTHERS: [&str; 8] = ["basic", BEARER, ENTRA, "event-grid", "gitlab", GENERIC, "sendgrid", "twilio"];

/// The scheme whose rule the policy writes itself.
pub const GENERIC: &str = "hmac";

/// The scheme whose callers have tokens of Entra.
pub const ENTRA: &str = "entra";

/// The scheme that a machine without a better one uses.
const BEARER: &str = "bearer";

/// How far SendGrid's time of signing may be off where the policy does not say otherwise; SendGrid itself gives none.
pub const SENDGRID_TOLERANCE: Duration = Duration::from_secs(300);

/// How callers of a route prove themselves.
#[derive(Debug, Clone)]
pub enum Proof {
    /// An HMAC, or an ed25519 signature, by a rule.
    Rule(Box<Rule>),
    /// A secret that is shown as it is.
    Token(Place),
    /// Twilio's signature of this address and the form's fields.
    Twilio {
        /// The address that Twilio was given, without a query.
        url: String,
    },
    /// SendGrid's ECDSA signature.
    SendGrid {
        /// How far the time of signing may be off.
        tolerance: Duration,
    },
    /// A token of Microsoft Entra ID.
    Entra(Tenant),
}

/// What a setting holds that a proof is checked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretForm {
    /// Any text.
    Text,
    /// Base64, with or without `whsec_` before it.
    Base64,
    /// A name, `:` and a password.
    NameAndPassword,
    /// The base64 of a P-256 public key.
    P256PublicKey,
    /// Nothing: the sender's keys are published.
    None,
}

/// The names of all schemes, sorted.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = rule::presets().keys().map(String::as_str).chain(OTHERS).collect();
    names.sort_unstable();
    names
}

impl Proof {
    /// Whether a setting's value can be a secret of this proof.
    pub fn usable(&self, secret: &str) -> bool {
        match self {
            Self::Rule(rule) => hmac::usable(rule, secret),
            Self::Token(place) => token::usable(place, secret),
            Self::Twilio { .. } => !secret.is_empty(),
            Self::SendGrid { .. } => sendgrid::usable(secret),
            Self::Entra(_) => false,
        }
    }

    /// What the settings hold.
    pub fn secret_form(&self) -> SecretForm {
        match self {
            Self::Rule(rule) if rule.key == KeyForm::Base64 => SecretForm::Base64,
            Self::Rule(_) | Self::Twilio { .. } => SecretForm::Text,
            Self::Token(Place::Basic) => SecretForm::NameAndPassword,
            Self::Token(_) => SecretForm::Text,
            Self::SendGrid { .. } => SecretForm::P256PublicKey,
            Self::Entra(_) => SecretForm::None,
        }
    }
}
