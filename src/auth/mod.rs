//! Who is calling: the only door from a request's bytes to anything that reads them.

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

use crate::host::{Clock, Fetch, FetchError, Settings};
use crate::policy::{Route, RouteAuth, Scheme};
use crate::setting::{SettingError, SettingFault};

pub use entra::KeyCache;
pub use sign::{RequestAuth, SignError, sign};

/// The header by which a caller names a request, so that a repeat is known as one
/// (draft-ietf-httpapi-idempotency-key-header).
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The longest event id that is taken as given; senders use UUIDs and the like.
pub const MAX_EVENT_ID_BYTES: usize = 256;

/// A body whose caller is known. Only [`authenticate`] makes one, and only it gives the bytes to the next step.
#[derive(Debug)]
pub struct Verified {
    body: Bytes,
    caller: Caller,
}

/// What is known of a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The scheme by which it proved itself; `form` for a browser, which proves nothing.
    pub scheme: &'static str,
    /// What tells this event from others of the same caller, and is the same when it is sent again.
    pub event_id: String,
    /// What the sender calls this delivery in a header that its proof does not cover: for finding it again, never for
    /// deciding anything.
    pub delivery_id: Option<String>,
}

/// The scheme's name in audit lines for routes that anybody may post to.
pub const FORM: &str = "form";

/// Why a caller was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A header that the scheme needs is absent.
    #[error("missing-header:{0}")]
    MissingHeader(HeaderName),
    /// A header that the scheme needs is there more than once, or is not of the scheme's form.
    #[error("malformed-header:{0}")]
    MalformedHeader(HeaderName),
    /// The parameter of the address that the scheme needs is absent.
    #[error("missing-query-parameter")]
    MissingQuery,
    /// The parameter of the address that the scheme needs is there more than once.
    #[error("malformed-query-parameter")]
    MalformedQuery,
    /// The event was signed too long ago.
    #[error("timestamp-too-old")]
    TooOld,
    /// The event claims to be signed in the future.
    #[error("timestamp-in-future")]
    InFuture,
    /// No signature was made with a secret of the route.
    #[error("wrong-signature")]
    WrongSignature,
    /// The secret that was shown is none of the route's.
    #[error("wrong-secret")]
    WrongSecret,
    /// A signed form has more fields than any that is taken.
    #[error("too-many-fields")]
    TooManyFields,
    /// The token is none that Entra issues.
    #[error("malformed-token")]
    MalformedToken,
    /// The token is signed in another way than Entra does.
    #[error("algorithm-not-allowed")]
    Algorithm,
    /// The token is signed with a key that the tenant does not publish.
    #[error("unknown-key")]
    UnknownKey,
    /// The token was issued by somebody else.
    #[error("wrong-issuer")]
    Issuer,
    /// The token was issued for somebody else.
    #[error("wrong-audience")]
    Audience,
    /// The token was issued to an application that the route does not list.
    #[error("app-not-allowed")]
    App,
    /// The token's time is over.
    #[error("token-expired")]
    Expired,
    /// The token's time has not begun.
    #[error("token-not-yet-valid")]
    NotYetValid,
    /// The keys that tokens are checked with cannot be had now: no fault of the caller's.
    #[error("the tenant's keys: {0}")]
    Keys(FetchError),
    /// A secret of the route is not written as the scheme demands.
    #[error("unusable-secret")]
    UnusableSecret,
}

impl Caller {
    /// A browser.
    pub const fn visitor(event_id: String) -> Self {
        Self { scheme: FORM, event_id, delivery_id: None }
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
/// the route's settings; `keys` is the instance's memory of published keys.
///
/// # Errors
/// The exact reason, for the audit line alone: an answer that tells a forger what was wrong helps the forger.
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
        let caller = Caller::visitor(submission_id(&parts.headers, [&body[..]]));
        return Ok(Verified { body, caller });
    };
    prove(host, keys, auth, parts, &body, secrets, deadline).await?;
    let caller = identify::caller(auth, route.contract.event_id, parts, &body)?;
    Ok(Verified { body, caller })
}

/// Checks that a request proves its caller as demanded; the arguments are those of [`authenticate`].
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
    /// Whether a setting's value can be a secret of a scheme.
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

/// The values of the settings that callers are checked with.
///
/// # Errors
/// Every setting that is missing, or not written as the scheme demands.
pub async fn secrets(host: &impl Settings, auth: Option<&RouteAuth>) -> Result<Vec<String>, Vec<SettingError>> {
    let Some(auth) = auth else { return Ok(Vec::new()) };
    let (mut secrets, mut errors) = (Vec::new(), Vec::new());
    for name in &auth.secrets {
        match host.setting(name.as_str()).await {
            None => errors.push(SettingError::new(name.as_str(), SettingFault::Missing)),
            Some(secret) if auth.scheme.usable(&secret) => secrets.push(secret),
            Some(_) => errors.push(SettingError::new(name.as_str(), SettingFault::Secret)),
        }
    }
    if errors.is_empty() { Ok(secrets) } else { Err(errors) }
}

/// The server that callers' keys are read from, where their scheme has one.
pub async fn verifier(host: &impl Settings, auth: &RouteAuth) -> Option<Uri> {
    match auth.scheme {
        Scheme::Entra(_) => entra::authority(host).await.parse().ok(),
        _ => None,
    }
}

/// An id as it is where it is short and plain, else its hash: it goes to the log, where no address may be. Paths and
/// names of resources are plain; an address needs an `@`, or a `%` where it is encoded.
pub fn short(id: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" -._~:/#+=,|".contains(&byte);
    let plain = id.len() <= MAX_EVENT_ID_BYTES && id.bytes().all(plain);
    if plain { id.to_owned() } else { hash([id.as_bytes()]) }
}

/// The id of a form's submission by what it says. Its caller is a stranger, so a key alone must not let one visitor's
/// submission pass for another's.
pub(crate) fn submission_id<'a>(headers: &'a HeaderMap, parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let key = headers.get(IDEMPOTENCY_KEY).map_or(&[][..], http::HeaderValue::as_bytes);
    hash([key].into_iter().chain(parts))
}

/// The sha256 of pieces, told apart by their lengths.
pub fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    format!("sha256:{}", base16ct::lower::encode_string(&hash.finalize()))
}
