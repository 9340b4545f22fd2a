//! A token, and what the answer to a request for one means.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use serde::Deserialize;

use crate::host::FetchError;
use crate::web::retry::retry_after;

/// At the latest, the gate replaces a token this long before it expires.
pub const REFRESH_BEFORE: Duration = Duration::from_secs(300);

/// The longest token that the gate accepts: the host and ACS accept headers of this size.
const MAX_BYTES: usize = 8 * 1024;

/// A token with at least this lifetime is replaced after half of it; others shortly before they expire.
const LONG_LIFE: Duration = Duration::from_secs(2 * 60 * 60);

/// How long to wait after a 410, with which the metadata service announces an update (Azure SDK for Python, `imds.py`).
const IMDS_UPDATE: Duration = Duration::from_secs(70);

/// An access token; it never appears in output.
#[derive(Clone)]
pub struct Token {
    pub(super) authorization: HeaderValue,
    pub(super) refresh_at: SystemTime,
    pub(super) expires_at: SystemTime,
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Entra, or the platform, refused the identity.
    #[error("the identity was refused")]
    Refused {
        /// The status it answered with.
        status: u16,
        /// Its error code, such as `AADSTS7000215`.
        code: Option<String>,
    },
    /// No token is available at the moment.
    #[error("no token is available at the moment")]
    Unavailable {
        /// How long to wait, if the answer says so.
        retry_after: Option<Duration>,
    },
    /// The host does not let the component request one.
    #[error("denied by the host")]
    Denied,
    /// The federated token cannot be read.
    #[error("the federated token cannot be read")]
    Assertion,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_on: Option<Seconds>,
    expires_in: Option<Seconds>,
    refresh_in: Option<Seconds>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    error_codes: Vec<u32>,
}

/// Entra sends numbers, managed identities send texts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

impl Token {
    /// The value of the header `Authorization`.
    pub fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Token(…)")
    }
}

impl Seconds {
    fn duration(&self) -> Option<Duration> {
        match self {
            Self::Number(seconds) => Some(Duration::from_secs(*seconds)),
            Self::Text(text) => text.trim().parse().ok().map(Duration::from_secs),
        }
    }
}

/// Reads the answer to a request sent at `now`. `metadata` says whether it comes from the metadata service.
pub(super) fn read(
    answer: Result<Response<Bytes>, FetchError>,
    metadata: bool,
    now: SystemTime,
) -> Result<Token, TokenError> {
    let unavailable = |retry_after| TokenError::Unavailable { retry_after };
    let answer = match answer {
        Ok(answer) => answer,
        Err(FetchError::Denied) => return Err(TokenError::Denied),
        Err(_) => return Err(unavailable(None)),
    };
    match answer.status() {
        StatusCode::OK => token(answer.body(), now).ok_or(unavailable(None)),
        StatusCode::GONE if metadata => Err(unavailable(Some(IMDS_UPDATE))),
        StatusCode::NOT_FOUND if metadata => Err(unavailable(None)),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
            Err(unavailable(retry_after(answer.headers(), now)))
        }
        status if status.is_server_error() => Err(unavailable(retry_after(answer.headers(), now))),
        status => Err(TokenError::Refused { status: status.as_u16(), code: code(answer.body()) }),
    }
}

fn token(body: &[u8], now: SystemTime) -> Option<Token> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    if answer.access_token.is_empty() || answer.access_token.len() > MAX_BYTES {
        return None;
    }
    let mut authorization = HeaderValue::try_from(format!("Bearer {}", answer.access_token)).ok()?;
    authorization.set_sensitive(true);
    let duration = |seconds: &Option<Seconds>| seconds.as_ref().and_then(Seconds::duration);
    let expires_at = match (duration(&answer.expires_on), duration(&answer.expires_in)) {
        (Some(epoch), _) => UNIX_EPOCH.checked_add(epoch)?,
        (None, Some(life)) => now.checked_add(life)?,
        (None, None) => return None,
    };
    let life = expires_at.duration_since(now).ok()?;
    let refresh_in = duration(&answer.refresh_in).unwrap_or(if life >= LONG_LIFE { life / 2 } else { life });
    let latest = life.saturating_sub(REFRESH_BEFORE);
    Some(Token { authorization, refresh_at: now.checked_add(refresh_in.min(latest))?, expires_at })
}

/// The code by which Microsoft's documentation identifies an error. The text names the application, so the gate drops
/// it.
fn code(body: &[u8]) -> Option<String> {
    let refusal: Refusal = serde_json::from_slice(body).ok()?;
    refusal.error_codes.first().map(|code| format!("AADSTS{code}"))
}
