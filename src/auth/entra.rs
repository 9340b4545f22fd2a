//! Bearer tokens of Microsoft Entra ID: signed with RS256 by keys that Entra publishes
//! (learn.microsoft.com/entra/identity-platform/access-tokens, "Validate tokens").

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::lock::Mutex as AsyncMutex;
use http::header::ACCEPT;
use http::{HeaderMap, Request, StatusCode};
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::signature::Verifier as _;
use rsa::{BoxedUint, PublicKey};
use serde::Deserialize;
use sha2::Sha256;

use super::{Refusal, token};
use crate::entra;
use crate::host::{Clock, Fetch, FetchError, Settings};
use crate::policy::Tenant;

/// How far the clocks may differ; Microsoft's libraries allow five minutes.
const LEEWAY: Duration = Duration::from_secs(300);

/// How long the gate uses keys before it fetches them again. Entra replaces them about every six weeks.
const KEYS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// How long after a fetch an unknown key in a token does not cause another one: strangers can name any key.
const KEYS_PAUSE: Duration = Duration::from_secs(300);

/// How long the gate waits after a failed fetch: each attempt delays a caller.
const FAILURE_PAUSE: Duration = Duration::from_secs(5);

/// The longest token that the gate reads; Entra's have up to a few thousand bytes.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// How many keys of a tenant the gate keeps; Entra publishes fewer than ten.
const MAX_KEYS: usize = 32;

/// The shortest and longest keys, in bits. Entra's have 2048.
const KEY_BITS: (usize, usize) = (2048, 4096);

/// The keys of tenants, kept in the instance. Only one request at a time fetches them.
#[derive(Debug, Default)]
pub struct KeyCache {
    known: Mutex<BTreeMap<String, Known>>,
    reading: AsyncMutex<()>,
}

/// What the gate knows about a tenant's keys. Times are those of the host's monotonic clock.
#[derive(Debug, Clone, Default)]
struct Known {
    keys: Option<Arc<KeySet>>,
    /// The last failed attempt to fetch them: when, and how it failed.
    failure: Option<(Duration, FetchError)>,
}

#[derive(Debug)]
struct KeySet {
    keys: Vec<(String, VerifyingKey<Sha256>)>,
    read: Duration,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    exp: f64,
    nbf: Option<f64>,
    /// The calling application in tokens of version 2.
    azp: Option<String>,
    /// The calling application in tokens of version 1.
    appid: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
struct Published {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct PublishedKey {
    kty: String,
    kid: String,
    n: String,
    e: String,
}

/// Checks the token of a request. If the tenant's keys are unknown or too old, fetches them first.
pub(super) async fn verify(
    host: &(impl Settings + Clock + Fetch),
    cache: &KeyCache,
    tenant: &Tenant,
    headers: &HeaderMap,
    deadline: Duration,
) -> Result<(), Refusal> {
    let token = token::credentials(headers, "bearer")?;
    let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::MalformedToken)?;
    let (header, claims) = signed.split_once('.').ok_or(Refusal::MalformedToken)?;
    if token.len() > MAX_TOKEN_BYTES {
        return Err(Refusal::MalformedToken);
    }
    let header: Header = part(header)?;
    let claims: Claims = part(claims)?;
    if header.alg != "RS256" {
        return Err(Refusal::Algorithm);
    }
    let authority = &entra::authority(host).await.map_err(|_| Refusal::UnusableSecret)?.to_string();
    // Checks the token's claims first, so that a stranger's token rarely causes a request to Entra.
    check(&claims, tenant, authority, host.now())?;
    let kid = header.kid.ok_or(Refusal::MalformedToken)?;
    let key = cache.key(host, tenant, authority, &kid, deadline).await?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Refusal::MalformedToken)?;
    let signature = Signature::try_from(signature.as_slice()).map_err(|_| Refusal::WrongSignature)?;
    key.verify(signed.as_bytes(), &signature).map_err(|_| Refusal::WrongSignature)
}

fn part<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Refusal::MalformedToken)?;
    serde_json::from_slice(&bytes).map_err(|_| Refusal::MalformedToken)
}

fn check(claims: &Claims, tenant: &Tenant, authority: &str, now: SystemTime) -> Result<(), Refusal> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let leeway = LEEWAY.as_secs_f64();
    let issuers = [format!("{authority}/{}/v2.0", tenant.id), format!("https://sts.windows.net/{}/", tenant.id)];
    let audience = match &claims.aud {
        Audience::One(audience) => *audience == tenant.audience,
        Audience::Several(audiences) => audiences.contains(&tenant.audience),
    };
    let app = claims.azp.as_ref().or(claims.appid.as_ref());
    if !issuers.contains(&claims.iss) {
        Err(Refusal::Issuer)
    } else if !audience {
        Err(Refusal::Audience)
    } else if !app.is_some_and(|app| tenant.apps.contains(app)) {
        Err(Refusal::App)
    } else if claims.exp + leeway < now {
        Err(Refusal::Expired)
    } else if claims.nbf.is_some_and(|start| start > now + leeway) {
        Err(Refusal::NotYetValid)
    } else {
        Ok(())
    }
}

impl KeyCache {
    async fn key(
        &self,
        host: &(impl Clock + Fetch),
        tenant: &Tenant,
        authority: &str,
        kid: &str,
        deadline: Duration,
    ) -> Result<VerifyingKey<Sha256>, Refusal> {
        let url = format!("{authority}/{}/discovery/v2.0/keys", tenant.id);
        let known = self.get(&url);
        if let Some(answer) = known.answer(kid, host.monotonic()) {
            return answer;
        }
        // The other half of the time is for the mails.
        let half = || deadline.saturating_sub(host.monotonic()) / 2;
        let guard = match (self.reading.try_lock(), known.key(kid)) {
            (Some(guard), _) => guard,
            (None, Some(old)) => return Ok(old),
            (None, None) => match select(self.reading.lock(), pin!(host.sleep(half()))).await {
                Either::Left((guard, _)) => guard,
                Either::Right(_) => return Err(Refusal::Keys(FetchError::Timeout)),
            },
        };
        // The previous holder of the lock may have fetched them.
        let mut known = self.get(&url);
        if let Some(answer) = known.answer(kid, host.monotonic()) {
            return answer;
        }
        known = match read(host, &url, half()).await {
            Ok(keys) => Known { keys: Some(Arc::new(KeySet { keys, read: host.monotonic() })), failure: None },
            Err(error) => Known { failure: Some((host.monotonic(), error)), ..known },
        };
        self.set(url, known.clone());
        drop(guard);
        known.last_answer(kid)
    }

    fn get(&self, url: &str) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned().unwrap_or_default()
    }

    fn set(&self, url: String, known: Known) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(url, known);
    }
}

impl Known {
    /// Looks up a key by name without fetching; `None` if the keys should be fetched.
    fn answer(&self, kid: &str, now: Duration) -> Option<Result<VerifyingKey<Sha256>, Refusal>> {
        let since = |then: Duration| now.saturating_sub(then);
        // An unknown name may belong to a new key, or be a stranger's invention.
        let kept = if self.key(kid).is_some() { KEYS_KEPT } else { KEYS_PAUSE };
        let recent = self.keys.as_ref().is_some_and(|keys| since(keys.read) < kept);
        let failed = self.failure.is_some_and(|(then, _)| since(then) < FAILURE_PAUSE);
        (recent || failed).then(|| self.last_answer(kid))
    }

    /// Looks up a key by name. Yesterday's keys are better than none while Entra cannot be reached.
    fn last_answer(&self, kid: &str) -> Result<VerifyingKey<Sha256>, Refusal> {
        let refusal = || self.failure.map_or(Refusal::UnknownKey, |(_, error)| Refusal::Keys(error));
        self.key(kid).ok_or_else(refusal)
    }

    fn key(&self, kid: &str) -> Option<VerifyingKey<Sha256>> {
        self.keys.as_ref()?.key(kid)
    }
}

impl KeySet {
    fn key(&self, kid: &str) -> Option<VerifyingKey<Sha256>> {
        self.keys.iter().find(|(id, _)| id == kid).map(|(_, key)| key.clone())
    }
}

async fn read(
    host: &impl Fetch,
    url: &str,
    timeout: Duration,
) -> Result<Vec<(String, VerifyingKey<Sha256>)>, FetchError> {
    let request = Request::get(url).header(ACCEPT, "application/json").body(Bytes::new());
    let answer = host.fetch(request.map_err(|_| FetchError::Denied)?, timeout).await?;
    if answer.status() != StatusCode::OK {
        return Err(FetchError::Unreachable);
    }
    let published: Published = serde_json::from_slice(answer.body()).map_err(|_| FetchError::Garbled)?;
    Ok(published.keys.into_iter().filter_map(key).take(MAX_KEYS).collect())
}

/// Ignores keys of other kinds.
fn key(published: serde_json::Value) -> Option<(String, VerifyingKey<Sha256>)> {
    let published: PublishedKey = serde_json::from_value(published).ok()?;
    let number = |text: &str| URL_SAFE_NO_PAD.decode(text).ok().map(|bytes| BoxedUint::from_be_slice_vartime(&bytes));
    let (smallest, largest) = KEY_BITS;
    let key = PublicKey::new_with_size_limits(number(&published.n)?, number(&published.e)?, smallest..=largest);
    (published.kty == "RSA").then_some((published.kid, VerifyingKey::new(key.ok()?)))
}
