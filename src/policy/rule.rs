//! What a sender signs and how, in the words of a policy: the terms of the generic `hmac` scheme and of the HMAC
//! schemes with a name.

use std::time::Duration;

use http::HeaderName;
use serde::Deserialize;

use super::one_or_many::OneOrMany;

/// The longest tolerance: a day. A signature that is good for longer is a password that anybody on the way has read.
pub const MAX_TOLERANCE: Duration = Duration::from_secs(24 * 60 * 60);

/// The most headers that may hold signatures.
const MAX_HEADERS: usize = 4;

/// A rule as a policy or the table of schemes writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The header that holds the signatures, or several of which one is enough.
    pub header: OneOrMany,
    /// What parts several signatures in one header; the header is one signature where absent.
    pub separator: Option<char>,
    /// What stands before each signature; others are passed over.
    #[serde(default)]
    pub prefix: String,
    /// What stands before ed25519 signatures of the same string, which are checked with public keys.
    pub ed25519_prefix: Option<String>,
    /// How a signature is written.
    #[serde(default)]
    pub encoding: Encoding,
    /// The hash below the HMAC.
    #[serde(default)]
    pub hash: Hash,
    /// The signed string, with `{timestamp}`, `{id}` and `{body}`.
    #[serde(default = "body_alone")]
    pub signed: String,
    /// The header with the id that is signed.
    pub id: Option<String>,
    /// The header with the time of signing in Unix seconds.
    pub timestamp: Option<String>,
    /// What stands before that time where it is one of the parts of the signature's header.
    pub timestamp_prefix: Option<String>,
    /// How many seconds the time may be off; demanded where a time is signed.
    pub tolerance: Option<u64>,
    /// How the secret's bytes are written in its setting.
    #[serde(default)]
    pub key: KeyForm,
}

/// A rule that makes sense.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The header that holds the signatures.
    pub header: HeaderName,
    /// Headers that may hold further ones.
    pub further_headers: Vec<HeaderName>,
    /// What parts several signatures in one header.
    pub separator: Option<char>,
    /// What stands before each signature.
    pub prefix: String,
    /// What stands before each ed25519 signature.
    pub ed25519_prefix: Option<String>,
    /// How a signature is written.
    pub encoding: Encoding,
    /// The hash below the HMAC.
    pub hash: Hash,
    /// The signed string.
    pub signed: Vec<Part>,
    /// The header with the id that is signed.
    pub id: Option<HeaderName>,
    /// When the event was signed, where the sender says.
    pub timestamp: Option<Timestamp>,
    /// How the secret's bytes are written in its setting.
    pub key: KeyForm,
}

/// How bytes are written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Hexadecimal, either case.
    #[default]
    Hex,
    /// Standard base64 with padding (RFC 4648, 4).
    Base64,
}

/// A hash below an HMAC (RFC 2104).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hash {
    /// SHA-1: weak for much, but not below an HMAC; older senders use it.
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
    /// The time's text as it was sent.
    Timestamp,
    /// A fixed text.
    Text(String),
    /// The body's bytes.
    Body,
}

/// Where the time of signing stands, in Unix seconds, and how far it may be off.
#[derive(Debug, Clone)]
pub struct Timestamp {
    /// Where it stands.
    pub source: TimestampSource,
    /// How far it may lie before or after the gate's clock.
    pub tolerance: Duration,
}

/// Where a time stands.
#[derive(Debug, Clone)]
pub enum TimestampSource {
    /// In a header of its own.
    Header(HeaderName),
    /// In the signature's header, behind a prefix.
    Prefix(String),
}

/// How a secret's bytes are written in a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyForm {
    /// The text's own bytes.
    #[default]
    Text,
    /// Base64, with or without the prefix `whsec_` of Standard Webhooks.
    Base64,
}

/// Terms that make no rule, and how to mend them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError {
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: &'static str,
}

fn body_alone() -> String {
    "{body}".to_owned()
}

impl Rule {
    /// Makes a rule of its terms.
    ///
    /// # Errors
    /// The first of the terms that makes no sense.
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
            let message = format!("The signed string `{}` leaves the body out.", terms.signed);
            return Err(RuleError {
                message,
                help: "Whoever can change the body can make the gate say anything; sign {body}.",
            });
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
        message: format!("A rule has between one and {MAX_HEADERS} headers with signatures."),
        help: "Write header = \"x-signature\".",
    }
}

/// A header's name, which HTTP writes in lower case.
pub fn header(name: &str) -> Result<HeaderName, RuleError> {
    name.parse().map_err(|_| RuleError {
        message: format!("`{name}` is not the name of a header."),
        help: "Write the name alone, such as x-signature.",
    })
}

/// A tolerance in seconds.
pub fn tolerance(seconds: u64) -> Result<Duration, RuleError> {
    let tolerance = Duration::from_secs(seconds);
    if (1..=MAX_TOLERANCE.as_secs()).contains(&seconds) {
        return Ok(tolerance);
    }
    let message = format!("`tolerance` must be between 1 and {} seconds.", MAX_TOLERANCE.as_secs());
    Err(RuleError { message, help: "Five minutes, which is 300, suit most senders and clocks." })
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
                message: "`timestamp_prefix` marks one part of a header that has no parts.".to_owned(),
                help: "Say what parts them, such as separator = \",\", and write a prefix such as \"t=\".",
            });
        }
        (Some(_), Some(_)) => {
            return Err(RuleError {
                message: "The time stands in a header of its own or in the signature's, not in both.".to_owned(),
                help: "Keep `timestamp` or `timestamp_prefix`.",
            });
        }
    };
    match (source, terms.tolerance) {
        (None, None) => Ok(None),
        (Some(source), Some(seconds)) => Ok(Some(Timestamp { source, tolerance: tolerance(seconds)? })),
        (Some(_), None) => Err(RuleError {
            message: "The rule does not say how far the time of signing may be off.".to_owned(),
            help: "Add tolerance = 300, in seconds.",
        }),
        (None, Some(_)) => Err(RuleError {
            message: "A tolerance needs a time of signing.".to_owned(),
            help: "Name the header that holds it with `timestamp`, or remove `tolerance`.",
        }),
    }
}

/// What is named must be signed, and what is signed must be named.
fn agree(name: &str, named: bool, signed: bool) -> Result<(), RuleError> {
    match (named, signed) {
        (true, false) => Err(RuleError {
            message: format!("`{name}` is named, but `signed` does not contain {{{name}}}."),
            help: "What is not signed proves nothing: sign it, or do not name it.",
        }),
        (false, true) => Err(RuleError {
            message: format!("`signed` contains {{{name}}}, but the rule does not say where it stands."),
            help: "Name the header that holds it.",
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
        // Two variable pieces without a text between them could be cut elsewhere and still be the same string. A time
        // before a body is digits before what never begins with one.
        let clear =
            matches!((parts.last(), &part), (None | Some(Part::Text(_)), _) | (Some(Part::Timestamp), Part::Body));
        if !clear {
            return Err(RuleError {
                message: format!("Nothing parts {{{name}}} from what stands before it in `signed`."),
                help: "Where one ends and the other begins must be clear: put a text such as `.` between them.",
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
        message: format!("`{{{name}}}` is no placeholder of `signed`."),
        help: "There are {timestamp}, {id} and {body}.",
    }
}
