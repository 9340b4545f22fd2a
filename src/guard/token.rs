//! The form token: proof that the page was open for some time, but not for too long.
//!
//! The gate stores nothing, so one token is good for any number of submissions until it expires.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::mac;
use crate::policy::{Route, TokenGuard};

const PURPOSE: &str = "postern form token";

/// Why the gate does not accept a form token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is missing.
    #[error("missing")]
    Missing,
    /// This gate did not issue it for this route.
    #[error("forged")]
    Forged,
    /// The form was filled in faster than people can.
    #[error("too-young")]
    TooYoung,
    /// The page was open for too long.
    #[error("too-old")]
    TooOld,
}

/// A token for a route, issued now.
pub(crate) fn issue(route: &Route, key: &str, now: SystemTime, nonce: u128) -> String {
    let (issued, nonce) = (seconds(now).to_string(), format!("{nonce:032x}"));
    let signature = mac::sign(key, PURPOSE, &[&route.name, &issued, &nonce]);
    format!("{issued}.{nonce}.{signature}")
}

pub(super) fn check(
    route: &Route,
    guard: &TokenGuard,
    key: &str,
    token: Option<&str>,
    now: SystemTime,
) -> Result<(), TokenError> {
    let token = token.filter(|token| !token.is_empty()).ok_or(TokenError::Missing)?;
    let mut parts = token.split('.');
    let (Some(issued), Some(nonce), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(TokenError::Forged);
    };
    if !mac::verify(key, PURPOSE, &[&route.name, issued, nonce], signature) {
        return Err(TokenError::Forged);
    }
    let age = issued.parse::<u64>().ok().and_then(|issued| seconds(now).checked_sub(issued)).map(Duration::from_secs);
    match age {
        Some(age) if age > guard.max_age => Err(TokenError::TooOld),
        Some(age) if age >= guard.min_age => Ok(()),
        _ => Err(TokenError::TooYoung),
    }
}

pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
