//! Tokens kept in the instance: one request at a time replaces them before they expire, and others use them while they
//! are valid.
//!
//! The rules are those of Microsoft's SDK for Python (azure-identity, `_internal/get_token_mixin.py`).

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::future::{Either, select};
use futures_util::lock::Mutex as AsyncMutex;

use super::identity::Identity;
use super::token::{self, Token, TokenError};
use crate::host::{Clock, Fetch, Settings};

/// How long to wait after a failed attempt to replace a token that still works.
pub const ATTEMPT_PAUSE: Duration = Duration::from_secs(30);

/// How much longer a token must be valid to be used: a request takes time, and clocks differ.
const MARGIN: Duration = Duration::from_secs(30);

/// The tokens of an instance.
#[derive(Debug, Default)]
pub struct TokenCache {
    kept: Mutex<BTreeMap<String, Kept>>,
    refreshing: AsyncMutex<()>,
}

#[derive(Debug, Clone)]
struct Kept {
    token: Token,
    /// The last attempt to replace it.
    tried_at: Option<SystemTime>,
}

impl Kept {
    fn works(&self, now: SystemTime) -> bool {
        now + MARGIN < self.token.expires_at
    }

    /// Whether it is valid for long enough not to replace it.
    fn will_do(&self, now: SystemTime) -> bool {
        let tried = self.tried_at.is_some_and(|tried| now < tried + ATTEMPT_PAUSE);
        self.works(now) && (now < self.token.refresh_at || tried)
    }
}

impl TokenCache {
    /// A token for a scope, from the cache if possible.
    ///
    /// # Errors
    /// If no cached token works and no new one is available within `timeout`.
    pub async fn token(
        &self,
        host: &(impl Settings + Clock + Fetch),
        identity: &Identity,
        scope: &str,
        timeout: Duration,
    ) -> Result<Token, TokenError> {
        let key = identity.key(scope);
        let kept = self.get(&key);
        if let Some(kept) = kept.as_ref().filter(|kept| kept.will_do(host.now())) {
            return Ok(kept.token.clone());
        }
        let working = kept.filter(|kept| kept.works(host.now()));
        let guard = match (self.refreshing.try_lock(), &working) {
            (Some(guard), _) => guard,
            (None, Some(working)) => return Ok(working.token.clone()),
            (None, None) => match select(self.refreshing.lock(), pin!(host.sleep(timeout))).await {
                Either::Left((guard, _)) => guard,
                Either::Right(_) => return Err(TokenError::Unavailable { retry_after: None }),
            },
        };
        // The previous holder of the lock may have fetched it.
        if let Some(kept) = self.get(&key).filter(|kept| kept.will_do(host.now())) {
            return Ok(kept.token);
        }
        let answer = ask(host, identity, scope, timeout).await;
        drop(guard);
        match (answer, working) {
            (Ok(token), _) => {
                self.keep(key, Kept { token: token.clone(), tried_at: None });
                Ok(token)
            }
            (Err(_), Some(working)) => {
                self.keep(key, Kept { tried_at: Some(host.now()), ..working.clone() });
                Ok(working.token)
            }
            (Err(error), None) => Err(error),
        }
    }

    fn get(&self, key: &str) -> Option<Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn keep(&self, key: String, kept: Kept) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(key, kept);
    }
}

async fn ask(
    host: &(impl Settings + Clock + Fetch),
    identity: &Identity,
    scope: &str,
    timeout: Duration,
) -> Result<Token, TokenError> {
    let request = identity.request(host, scope).await.ok_or(TokenError::Assertion)?;
    let now = host.now();
    token::read(host.fetch(request, timeout).await, matches!(identity, Identity::Imds { .. }), now)
}
