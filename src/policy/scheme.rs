//! The schemes by which callers authenticate: the table of all schemes, and what a route requires.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use http::HeaderName;
use serde::Deserialize;

use super::rule::{KeyForm, Rule, Terms};

/// How callers of a route authenticate.
#[derive(Debug, Clone)]
pub enum Scheme {
    /// An HMAC, or an ed25519 signature, by a rule.
    Rule(Box<Rule>),
    /// A secret that the request itself contains.
    Token(TokenLocation),
    /// Twilio's signature of this address and the form's fields.
    Twilio {
        /// The URL that Twilio calls, without a query.
        url: String,
    },
    /// SendGrid's ECDSA signature.
    SendGrid {
        /// How far the timestamp may be off.
        tolerance: Duration,
    },
    /// A token of Microsoft Entra ID.
    Entra(Tenant),
}

/// The part of a request that a scheme's proof covers. Only that may decide what an event says and which event it is:
/// whoever has seen a request can send it again with everything else changed, and the same proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage<'a> {
    /// Everything: the caller shows a secret, and TLS protects the request.
    Request,
    /// The body, byte for byte, and the header with the event's id, if there is one.
    Body {
        /// The header that holds the id.
        id: Option<&'a HeaderName>,
    },
    /// The URL, and the text of a form's fields, but not where one field ends and the next begins.
    AddressAndFields {
        /// The URL without its query.
        url: &'a str,
    },
}

/// Where a caller shows its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenLocation {
    /// In its own header.
    Header(HeaderName),
    /// In the query of the URL, by name. URLs end up in logs, so a header is better if there is a choice.
    Query(String),
    /// In `Authorization: Bearer …` (RFC 6750).
    Bearer,
    /// In `Authorization: Basic …`: a name, `:` and a password (RFC 7617).
    Basic,
}

/// Which tokens a route accepts.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// The tenant's id, a UUID.
    pub id: String,
    /// The audience of the tokens: the application id, or its URI.
    pub audience: String,
    /// The ids of the applications that may call.
    pub apps: Vec<String>,
}

/// The format of a secret in a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretForm {
    /// Any text.
    Text,
    /// Base64, with or without the prefix `whsec_`.
    Base64,
    /// A name, `:` and a password.
    NameAndPassword,
    /// The base64 of a P-256 public key.
    P256PublicKey,
    /// Nothing: the sender's keys are published.
    None,
}

/// A row of the table of schemes, `schemes.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The code that checks its requests.
    pub kind: Checker,
    /// The keys of `auth` that only this scheme has.
    #[serde(default)]
    pub keys: Vec<String>,
    /// Whether it works for requests without a body. The other schemes sign a body, or belong to a particular sender of
    /// events.
    #[serde(default)]
    pub bodiless: bool,
    /// Where a token is; if absent, the policy says where.
    pub location: Option<FixedLocation>,
    /// What is signed and how; if absent, the policy says how.
    pub rule: Option<Terms>,
    /// How many seconds a signed time may be off, unless the policy says otherwise.
    pub tolerance: Option<u64>,
}

/// The code that checks a scheme's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Checker {
    /// An HMAC by a rule.
    Hmac,
    /// A secret that the request itself contains.
    Token,
    /// Twilio's signature.
    Twilio,
    /// SendGrid's signature.
    SendGrid,
    /// A token of Microsoft Entra ID.
    Entra,
}

/// Where every request of a scheme has its token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FixedLocation {
    /// In its own header.
    Header(String),
    /// In `Authorization: Bearer …`.
    Bearer,
    /// In `Authorization: Basic …`.
    Basic,
}

static DEFINITIONS: LazyLock<BTreeMap<String, Definition>> =
    LazyLock::new(|| toml::from_str(include_str!("schemes.toml")).unwrap_or_default());

/// All schemes, sorted by name.
pub fn definitions() -> &'static BTreeMap<String, Definition> {
    &DEFINITIONS
}

/// The names of all schemes, sorted.
pub fn names() -> Vec<&'static str> {
    definitions().keys().map(String::as_str).collect()
}

impl Definition {
    /// Whether it signs a timestamp.
    pub fn signs_time(&self) -> bool {
        self.tolerance.is_some() || self.rule.as_ref().is_some_and(|terms| terms.tolerance.is_some())
    }

    /// Whether its requests are verified with secrets from settings; otherwise the sender publishes its keys.
    pub fn has_secret(&self) -> bool {
        self.kind != Checker::Entra
    }
}

impl FixedLocation {
    /// The place of the token, as requests are checked; `None` if the header's name is invalid.
    pub fn location(&self) -> Option<TokenLocation> {
        Some(match self {
            Self::Header(name) => TokenLocation::Header(HeaderName::try_from(name).ok()?),
            Self::Bearer => TokenLocation::Bearer,
            Self::Basic => TokenLocation::Basic,
        })
    }
}

impl Scheme {
    /// The part of a request that its proof covers.
    pub fn coverage(&self) -> Coverage<'_> {
        match self {
            Self::Rule(rule) => Coverage::Body { id: rule.id.as_ref() },
            Self::SendGrid { .. } => Coverage::Body { id: None },
            Self::Twilio { url } => Coverage::AddressAndFields { url },
            Self::Token(_) | Self::Entra(_) => Coverage::Request,
        }
    }

    /// The format of its secrets.
    pub fn secret_form(&self) -> SecretForm {
        match self {
            Self::Rule(rule) if rule.key == KeyForm::Base64 => SecretForm::Base64,
            Self::Rule(_) | Self::Twilio { .. } => SecretForm::Text,
            Self::Token(TokenLocation::Basic) => SecretForm::NameAndPassword,
            Self::Token(_) => SecretForm::Text,
            Self::SendGrid { .. } => SecretForm::P256PublicKey,
            Self::Entra(_) => SecretForm::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Checker, definitions};

    #[test]
    fn the_table_is_read() {
        assert!(definitions().len() > 15, "{:?}", definitions());
        let rules = definitions().values().filter(|definition| definition.rule.is_some());
        assert!(rules.clone().count() > 5 && rules.clone().all(|definition| definition.kind == Checker::Hmac));
    }
}
