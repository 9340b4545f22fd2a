//! Authenticates callers: no later step can read a request's bytes without it.

mod ed25519;
mod entra;
mod hmac;
mod identify;
mod sendgrid;
mod sign;
mod token;
mod twilio;

use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Uri};
use sha2::{Digest as _, Sha256};

use crate::entra::authority;
use crate::host::{Clock, Fetch, FetchError, Settings};
use crate::policy::{Route, RouteAuth, Scheme};
use crate::setting::{SettingError, SettingFault, bare};

pub use entra::KeyCache;
pub use sign::{RequestAuth, SignError, sign};

/// The header with which a caller identifies a request, so that the gate recognises a repeat
/// (draft-ietf-httpapi-idempotency-key-header).
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The longest event id that the gate uses unchanged; senders use UUIDs and the like.
pub const MAX_EVENT_ID_BYTES: usize = 256;

/// A body whose caller is known. Only [`authenticate`] can create one, and only it gives the bytes to the next step.
#[derive(Debug)]
pub struct Verified {
    body: Bytes,
    caller: Caller,
}

/// What the gate knows about a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The scheme with which it authenticated; `form` for a browser, which does not.
    pub scheme: &'static str,
    /// The id that distinguishes this event from others of the same caller, and stays the same when the sender repeats
    /// it.
    pub event_id: String,
    /// Whether that id is derived from content, so that another event with the same content has it too.
    pub derived: bool,
    /// The sender's id for this delivery, from a header that its proof does not cover. It helps to find the delivery,
    /// and never decides anything.
    pub delivery_id: Option<String>,
}

/// The scheme's name in audit lines for routes that anyone may post to.
pub const FORM: &str = "form";

/// Why the gate refused a caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A header that the scheme needs is missing.
    #[error("missing-header:{0}")]
    MissingHeader(HeaderName),
    /// A header that the scheme needs occurs more than once, or does not have the scheme's format.
    #[error("malformed-header:{0}")]
    MalformedHeader(HeaderName),
    /// The query parameter that the scheme needs is missing.
    #[error("missing-query-parameter")]
    MissingQuery,
    /// The query parameter that the scheme needs occurs more than once.
    #[error("malformed-query-parameter")]
    MalformedQuery,
    /// The event was signed too long ago.
    #[error("timestamp-too-old")]
    TooOld,
    /// The event claims to be signed in the future.
    #[error("timestamp-in-future")]
    InFuture,
    /// No signature matches a secret of the route.
    #[error("wrong-signature")]
    WrongSignature,
    /// The secret in the request is not one of the route's.
    #[error("wrong-secret")]
    WrongSecret,
    /// A signed form has more fields than the gate accepts.
    #[error("too-many-fields")]
    TooManyFields,
    /// The token is not one that Entra issues.
    #[error("malformed-token")]
    MalformedToken,
    /// The token is not signed in the way that Entra signs.
    #[error("algorithm-not-allowed")]
    Algorithm,
    /// The token is signed with a key that the tenant does not publish.
    #[error("unknown-key")]
    UnknownKey,
    /// The token was issued by someone else.
    #[error("wrong-issuer")]
    Issuer,
    /// The token was issued for someone else.
    #[error("wrong-audience")]
    Audience,
    /// The token was issued to an application that the route does not list.
    #[error("app-not-allowed")]
    App,
    /// The token has expired.
    #[error("token-expired")]
    Expired,
    /// The token is not yet valid.
    #[error("token-not-yet-valid")]
    NotYetValid,
    /// The keys that verify tokens are not available at the moment, which is not the caller's fault.
    #[error("the tenant's keys: {0}")]
    Keys(FetchError),
    /// A secret of the route does not have the format that the scheme requires.
    #[error("unusable-secret")]
    UnusableSecret,
}

impl Caller {
    /// A browser.
    pub const fn visitor(event_id: String, derived: bool) -> Self {
        Self { scheme: FORM, event_id, derived, delivery_id: None }
    }
}

impl Verified {
    /// Who sent it.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The bytes and who sent them.
    pub fn into_parts(self) -> (Bytes, Caller) {
        (self.body, self.caller)
    }
}

/// Checks a caller by its route's scheme, until the host's monotonic clock says `deadline`. `secrets` are the values of
/// the route's settings; `keys` are the published keys that the instance keeps.
///
/// # Errors
/// The exact reason, for the audit line only: an answer that says what was wrong would help a forger.
pub async fn authenticate(
    host: &(impl Settings + Clock + Fetch),
    keys: &KeyCache,
    route: &Route,
    parts: &Parts,
    body: Bytes,
    secrets: &[String],
    deadline: Duration,
) -> Result<Verified, Refusal> {
    let Some(auth) = &route.auth else {
        let caller = Caller::visitor(submission_id(&parts.headers, [&body[..]]), !has_key(&parts.headers));
        return Ok(Verified { body, caller });
    };
    prove(host, keys, auth, parts, &body, secrets, deadline).await?;
    let caller = identify::caller(auth, route.contract.event_id, parts, &body)?;
    Ok(Verified { body, caller })
}

/// Checks that a request authenticates as required. The arguments are those of [`authenticate`].
///
/// # Errors
/// As for [`authenticate`].
pub async fn prove(
    host: &(impl Settings + Clock + Fetch),
    keys: &KeyCache,
    auth: &RouteAuth,
    parts: &Parts,
    body: &[u8],
    secrets: &[String],
    deadline: Duration,
) -> Result<(), Refusal> {
    match &auth.scheme {
        Scheme::Rule(rule) => hmac::verify(rule, &parts.headers, body, secrets, host.now()),
        Scheme::Token(location) => token::verify(location, parts, secrets),
        Scheme::Twilio { url } => twilio::verify(url, parts, body, secrets),
        Scheme::SendGrid { tolerance } => sendgrid::verify(*tolerance, &parts.headers, body, secrets, host.now()),
        Scheme::Entra(tenant) => entra::verify(host, keys, tenant, &parts.headers, deadline).await,
    }
}

impl Scheme {
    /// Whether a setting's value can be a secret for a scheme.
    pub fn usable(&self, secret: &str) -> bool {
        match self {
            Self::Rule(rule) => hmac::usable(rule, secret),
            Self::Token(location) => token::usable(location, secret),
            Self::Twilio { .. } => !secret.is_empty(),
            Self::SendGrid { .. } => sendgrid::usable(secret),
            Self::Entra(_) => false,
        }
    }
}

/// The values of the settings that verify callers.
///
/// # Errors
/// Every setting that is missing, has something around it, or does not have the format that the scheme requires.
pub async fn secrets(host: &impl Settings, auth: Option<&RouteAuth>) -> Result<Vec<String>, Vec<SettingError>> {
    let Some(auth) = auth else { return Ok(Vec::new()) };
    let (mut secrets, mut errors) = (Vec::new(), Vec::new());
    if let Scheme::Entra(_) = auth.scheme {
        errors.extend(authority(host).await.err());
    }
    for name in &auth.secrets {
        match bare(name.as_str(), host.setting(name.as_str()).await) {
            Ok(None) => errors.push(SettingError::new(name.as_str(), SettingFault::Missing)),
            Ok(Some(secret)) if auth.scheme.usable(&secret) => secrets.push(secret),
            Ok(Some(_)) => errors.push(SettingError::new(name.as_str(), SettingFault::Secret)),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(secrets) } else { Err(errors) }
}

/// The server that publishes the keys of callers, if their scheme has one.
pub async fn verifier(host: &impl Settings, auth: &RouteAuth) -> Option<Uri> {
    match auth.scheme {
        Scheme::Entra(_) => authority(host).await.ok().map(|authority| authority.uri("/")),
        _ => None,
    }
}

/// The id itself if it is short and plain, otherwise its hash: it appears in the log, which must not contain addresses.
/// Paths and names of resources are plain; an address needs an `@`, or a `%` if it is encoded.
pub fn short(id: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" -._~:/#+=,|".contains(&byte);
    let plain = id.len() <= MAX_EVENT_ID_BYTES && id.bytes().all(plain);
    if plain { id.to_owned() } else { hash([id.as_bytes()]) }
}

/// The id of a form's submission, by its content. Its caller is a stranger, so a key alone must not make one visitor's
/// submission pass for another's.
pub(crate) fn submission_id<'a>(headers: &'a HeaderMap, parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let key = headers.get(IDEMPOTENCY_KEY).map_or(&[][..], http::HeaderValue::as_bytes);
    hash([key].into_iter().chain(parts))
}

/// Whether a form's script distinguishes its submissions itself.
fn has_key(headers: &HeaderMap) -> bool {
    headers.get(IDEMPOTENCY_KEY).is_some_and(|key| !key.is_empty())
}

/// The sha256 of pieces, each preceded by its length.
pub fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    format!("sha256:{}", base16ct::lower::encode_string(&hash.finalize()))
}
