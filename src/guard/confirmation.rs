//! The confirmation link (double opt-in): whoever reads the address's mail confirms that the form was theirs.
//!
//! The gate stores nothing: the link contains the signed form. Times are rounded to whole periods, so that a form that
//! is sent again has the same link, and its mail the same bytes.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::token::seconds;
use super::{Admitted, Keys, mac};
use crate::auth::Caller;
use crate::decode::form::{Filled, labelled};
use crate::policy::{ConfirmationGuard, Route};
use crate::web::Origin;
use crate::web::path::CONFIRM;

/// The link's query parameter that contains the token.
const PARAMETER: &str = "token";

/// The longest token in bytes: proxies and mail programs accept an address with that much in its query.
const MAX_TOKEN_BYTES: usize = 6_000;

const PURPOSE: &str = "postern confirmation";

/// Why the gate does not accept a confirmation, or cannot ask for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfirmationError {
    /// The link does not contain a token that this gate issued for this route.
    #[error("forged")]
    Forged,
    /// The link is too old.
    #[error("too-old")]
    TooOld,
    /// The form does not fit into a link.
    #[error("too-long")]
    TooLong,
}

/// What a link contains.
#[derive(Serialize, Deserialize)]
struct Claims {
    /// The start of the period in which the gate issued it, in seconds since 1970.
    issued: u64,
    /// The submission's event id.
    event_id: String,
    /// The pointers to what was filled in, in the order in which it was sent.
    filled: Option<Vec<String>>,
    payload: Value,
}

/// A link that asks a visitor to confirm a valid form.
#[derive(Debug)]
pub struct Link {
    /// Its address.
    pub address: String,
    /// The event of asking for the confirmation: a different one in each period.
    pub event_id: String,
}

/// The link of a valid form.
///
/// # Errors
/// If the form is too long for a link, or a setting was not read.
pub fn link(
    route: &Route,
    guard: &ConfirmationGuard,
    keys: &Keys,
    payload: &Value,
    filled: Option<&[Filled]>,
    caller: &Caller,
    now: SystemTime,
) -> Result<Link, super::Refusal> {
    let issued = period(now, guard.max_age);
    let event_id = &caller.event_id;
    let filled = filled.map(|filled| filled.iter().map(|filled| filled.pointer.clone()).collect());
    let claims = Claims { issued, event_id: event_id.clone(), filled, payload: payload.clone() };
    // Names and values of a payload are text, so this cannot fail.
    let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).unwrap_or_default());
    let signature = mac::sign(keys.of(&guard.key)?, PURPOSE, &[&route.name, &claims]);
    let token = format!("{claims}.{signature}");
    if token.len() > MAX_TOKEN_BYTES {
        return Err(ConfirmationError::TooLong.into());
    }
    let base = Origin::parse(keys.of(&guard.base)?).ok_or(super::MissingKey)?;
    let address = format!("{base}{}/{CONFIRM}?{PARAMETER}={token}", route.path);
    Ok(Link { address, event_id: in_period(event_id, issued) })
}

/// The event id of a submission in a period.
fn in_period(event_id: &str, issued: u64) -> String {
    format!("{event_id}\n{issued}")
}

/// The form in a link, as it was admitted when the visitor sent it, and the event of following the link: the same one,
/// however often and however late somebody opens it.
///
/// # Errors
/// If the gate did not issue the link for this route, or did so too long ago.
pub fn confirmed(
    route: &Route,
    guard: &ConfirmationGuard,
    query: Option<&str>,
    keys: &Keys,
    now: SystemTime,
) -> Result<(Admitted, String), super::Refusal> {
    let mut parameters = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let token = parameters.find_map(|(name, value)| (name == PARAMETER).then_some(value));
    let token = token.filter(|token| token.len() <= MAX_TOKEN_BYTES).ok_or(ConfirmationError::Forged)?;
    let (claims, signature) = token.split_once('.').ok_or(ConfirmationError::Forged)?;
    if !mac::verify(keys.of(&guard.key)?, PURPOSE, &[&route.name, claims], signature) {
        return Err(ConfirmationError::Forged.into());
    }
    let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| ConfirmationError::Forged)?;
    let claims: Claims = serde_json::from_slice(&claims).map_err(|_| ConfirmationError::Forged)?;
    if seconds(now) >= claims.issued.saturating_add(2 * guard.max_age.as_secs()) {
        return Err(ConfirmationError::TooOld.into());
    }
    let event_id = in_period(&claims.event_id, claims.issued);
    let admitted = Admitted {
        filled: claims.filled.map(|pointers| labelled(&route.schema, &pointers)),
        uploads: Vec::new(),
        caller: Caller::visitor(claims.event_id, false),
        payload: claims.payload,
    };
    Ok((admitted, event_id))
}

/// The start of the period. A link is valid until the end of the next one.
fn period(now: SystemTime, length: Duration) -> u64 {
    let now = seconds(now);
    now - now.checked_rem(length.as_secs()).unwrap_or_default()
}
