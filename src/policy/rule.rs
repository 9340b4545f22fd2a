//! What a sender signs and how, in a policy's terms, which the generic `hmac` scheme and the named HMAC schemes share.

use std::time::Duration;

use http::HeaderName;
use serde::Deserialize;

use super::one_or_many::OneOrMany;

/// The longest tolerance: a day. A signature that is valid for longer is like a password that anyone on the way has
/// read.
pub const MAX_TOLERANCE: Duration = Duration::from_secs(24 * 60 * 60);

/// How many headers may contain signatures.
const MAX_HEADERS: usize = 4;

/// A rule as a policy or the table of schemes writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The header that contains the signatures, or several headers, one of which must match.
    pub header: OneOrMany,
    /// What separates several signatures in one header; if absent, the header is one signature.
    pub separator: Option<char>,
    /// The prefix of each signature; parts without it are ignored.
    #[serde(default)]
    pub prefix: String,
    /// The prefix of ed25519 signatures of the same string, which are verified with public keys.
    pub ed25519_prefix: Option<String>,
    /// How a signature is encoded.
    #[serde(default)]
    pub encoding: Encoding,
    /// The hash of the HMAC.
    #[serde(default)]
    pub hash: Hash,
    /// The signed string, with `{timestamp}`, `{id}` and `{body}`.
    #[serde(default = "body_alone")]
    pub signed: String,
    /// The header with the id that is signed.
    pub id: Option<String>,
    /// The header with the timestamp, in Unix seconds.
    pub timestamp: Option<String>,
    /// The prefix of the timestamp, if it is one of the parts of the signature's header.
    pub timestamp_prefix: Option<String>,
    /// How many seconds the timestamp may be off; required if a timestamp is signed.
    pub tolerance: Option<u64>,
    /// How the secret's bytes are encoded in its setting.
    #[serde(default)]
    pub key: KeyForm,
}

/// A valid rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The header that contains the signatures.
    pub header: HeaderName,
    /// Headers that may contain further ones.
    pub further_headers: Vec<HeaderName>,
    /// What separates several signatures in one header.
    pub separator: Option<char>,
    /// The prefix of each signature.
    pub prefix: String,
    /// The prefix of each ed25519 signature.
    pub ed25519_prefix: Option<String>,
    /// How a signature is encoded.
    pub encoding: Encoding,
    /// The hash of the HMAC.
    pub hash: Hash,
    /// The signed string.
    pub signed: Vec<Part>,
    /// The header with the id that is signed.
    pub id: Option<HeaderName>,
    /// When the event was signed, if the sender says so.
    pub timestamp: Option<Timestamp>,
    /// How the secret's bytes are encoded in its setting.
    pub key: KeyForm,
}

/// How bytes are encoded as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Hexadecimal, either case.
    #[default]
    Hex,
    /// Standard base64 with padding (RFC 4648, 4).
    Base64,
}

/// A hash for an HMAC (RFC 2104).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hash {
    /// SHA-1: weak on its own, but not in an HMAC; older senders use it.
    Sha1,
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-512.
    Sha512,
}

/// A piece of the signed string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The id header's value.
    Id,
    /// The timestamp's text as it was sent.
    Timestamp,
    /// A fixed text.
    Text(String),
    /// The body's bytes.
    Body,
}

/// Where the timestamp is, in Unix seconds, and how far it may be off.
#[derive(Debug, Clone)]
pub struct Timestamp {
    /// The place of the timestamp.
    pub source: TimestampSource,
    /// How far it may be before or after the gate's clock.
    pub tolerance: Duration,
}

/// Where a timestamp is.
#[derive(Debug, Clone)]
pub enum TimestampSource {
    /// In its own header.
    Header(HeaderName),
    /// In the signature's header, after a prefix.
    Prefix(String),
}

/// How a secret's bytes are encoded in a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyForm {
    /// The text's own bytes.
    #[default]
    Text,
    /// Base64, with or without the prefix `whsec_` of Standard Webhooks.
    Base64,
}

/// Terms that do not make a valid rule, and how to fix them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError {
    /// What is wrong.
    pub message: String,
    /// How to fix it.
    pub help: &'static str,
}

fn body_alone() -> String {
    "{body}".to_owned()
}

impl Rule {
    /// Turns terms into a rule.
    ///
    /// # Errors
    /// The first of the terms that is invalid.
    pub fn new(terms: &Terms) -> Result<Self, RuleError> {
        let mut headers = terms.header.0.iter().take(MAX_HEADERS + 1).map(|name| self::header(name));
        let header = headers.next().unwrap_or_else(|| Err(header_count()))?;
        let further_headers = headers.collect::<Result<Vec<_>, _>>()?;
        if further_headers.len() >= MAX_HEADERS {
            return Err(header_count());
        }
        let signed = signed(&terms.signed)?;
        let id = terms.id.as_deref().map(self::header).transpose()?;
        let timestamp = timestamp(terms)?;
        agree("id", id.is_some(), signed.contains(&Part::Id))?;
        agree("timestamp", timestamp.is_some(), signed.contains(&Part::Timestamp))?;
        if !signed.contains(&Part::Body) {
            let message = format!("The signed string `{}` does not contain the body.", terms.signed);
            return Err(RuleError { message, help: "Add {body}: an unsigned body could be replaced on the way." });
        }
        Ok(Self {
            header,
            further_headers,
            separator: terms.separator,
            prefix: terms.prefix.clone(),
            ed25519_prefix: terms.ed25519_prefix.clone(),
            encoding: terms.encoding,
            hash: terms.hash,
            signed,
            id,
            timestamp,
            key: terms.key,
        })
    }
}

fn header_count() -> RuleError {
    RuleError {
        message: format!("A rule needs between 1 and {MAX_HEADERS} signature headers."),
        help: "Write header = \"x-signature\".",
    }
}

/// A header's name, which HTTP/2 writes in lower case.
pub fn header(name: &str) -> Result<HeaderName, RuleError> {
    name.parse().map_err(|_| RuleError {
        message: format!("`{name}` is not a header name."),
        help: "Use a name such as x-signature.",
    })
}

/// A tolerance in seconds.
pub fn tolerance(seconds: u64) -> Result<Duration, RuleError> {
    let tolerance = Duration::from_secs(seconds);
    if (1..=MAX_TOLERANCE.as_secs()).contains(&seconds) {
        return Ok(tolerance);
    }
    let message = format!("`tolerance` must be between 1 and {} seconds.", MAX_TOLERANCE.as_secs());
    Err(RuleError { message, help: "300 (five minutes) suits most senders and clocks." })
}

fn timestamp(terms: &Terms) -> Result<Option<Timestamp>, RuleError> {
    let source = match (&terms.timestamp, &terms.timestamp_prefix) {
        (None, None) => None,
        (Some(name), None) => Some(TimestampSource::Header(header(name)?)),
        (None, Some(prefix)) if terms.separator.is_some() && !prefix.is_empty() => {
            Some(TimestampSource::Prefix(prefix.clone()))
        }
        (None, Some(_)) => {
            return Err(RuleError {
                message: "`timestamp_prefix` marks a part of the header, but the rule does not split the header."
                    .to_owned(),
                help: "Add a separator, such as separator = \",\", and use a prefix such as \"t=\".",
            });
        }
        (Some(_), Some(_)) => {
            return Err(RuleError {
                message: "The timestamp is either in its own header or in the signature's, not in both.".to_owned(),
                help: "Remove `timestamp` or `timestamp_prefix`.",
            });
        }
    };
    match (source, terms.tolerance) {
        (None, None) => Ok(None),
        (Some(source), Some(seconds)) => Ok(Some(Timestamp { source, tolerance: tolerance(seconds)? })),
        (Some(_), None) => Err(RuleError {
            message: "The rule has a timestamp but no tolerance.".to_owned(),
            help: "Add tolerance = 300, in seconds.",
        }),
        (None, Some(_)) => Err(RuleError {
            message: "A tolerance needs a timestamp.".to_owned(),
            help: "Name its header with `timestamp`, or remove `tolerance`.",
        }),
    }
}

/// Whatever a rule names must be signed, and whatever it signs must be named.
fn agree(name: &str, named: bool, signed: bool) -> Result<(), RuleError> {
    match (named, signed) {
        (true, false) => Err(RuleError {
            message: format!("`{name}` is set, but `signed` does not contain {{{name}}}."),
            help: "An unsigned value proves nothing. Add it to `signed`, or remove it.",
        }),
        (false, true) => Err(RuleError {
            message: format!("`signed` contains {{{name}}}, but the rule does not say where to find it."),
            help: "Name the header that contains it.",
        }),
        _ => Ok(()),
    }
}

fn signed(text: &str) -> Result<Vec<Part>, RuleError> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(|| placeholder(after))?;
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        let part = match name {
            "id" => Part::Id,
            "timestamp" => Part::Timestamp,
            "body" => Part::Body,
            _ => return Err(placeholder(name)),
        };
        // Without text between them, two variable pieces could be cut differently and still be the same string. A
        // timestamp before a body is safe: it is digits before something that never starts with one.
        let clear =
            matches!((parts.last(), &part), (None | Some(Part::Text(_)), _) | (Some(Part::Timestamp), Part::Body));
        if !clear {
            return Err(RuleError {
                message: format!("{{{name}}} must be separated from the preceding placeholder in `signed`."),
                help: "Put a character such as `.` between them, so that it is clear where one ends.",
            });
        }
        parts.push(part);
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(parts)
}

fn placeholder(name: &str) -> RuleError {
    RuleError {
        message: format!("`{{{name}}}` is not a placeholder of `signed`."),
        help: "The placeholders are {timestamp}, {id} and {body}.",
    }
}
