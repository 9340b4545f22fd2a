//! Protects forms against abuse, cheap checks first.
//!
//! The gate stores nothing between requests, so no guard can count: real rate limits and lists of used tokens belong to
//! the host or a gateway.

mod captcha;
mod confirmation;
mod keys;
pub(crate) mod mac;
mod proof_of_work;
mod token;

use std::time::{Duration, SystemTime};

use http::Uri;
use serde_json::Value;
use uuid::Uuid;

use crate::auth::Caller;
use crate::decode::Submission;
use crate::decode::form::{Controls, Filled, Upload};
use crate::host::{Fetch, Settings};
use crate::policy::{PUBLIC_URL, Route};
use crate::setting::{SettingError, SettingFault, bare};
use crate::web::{Origin, Site};

pub use captcha::CaptchaError;
pub use confirmation::{ConfirmationError, Link, confirmed, link};
pub use keys::{Keys, MissingKey};
pub use proof_of_work::ProofOfWorkError;
pub use token::TokenError;

pub(crate) use proof_of_work::challenge;
pub(crate) use token::issue;

/// A submission that passed the route's guards.
#[derive(Debug)]
pub struct Admitted {
    payload: Value,
    filled: Option<Vec<Filled>>,
    uploads: Vec<Upload>,
    caller: Caller,
}

/// What the gate knows about a form's sender besides the payload.
#[derive(Debug, Clone, Copy)]
pub struct Stranger<'a> {
    /// The site of the page that sent the form.
    pub site: &'a Site,
    /// What the form's control fields said.
    pub controls: &'a Controls,
}

/// The guard that refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The page that posted is not on one of the route's sites.
    #[error("foreign-origin")]
    Origin,
    /// The browser does not say which site the page is on.
    #[error("the browser sent Origin: null; the page needs Referrer-Policy: strict-origin-when-cross-origin")]
    HiddenOrigin,
    /// A field that people do not see was filled in.
    #[error("honeypot")]
    Trap {
        /// The submission's event id.
        event_id: String,
    },
    /// The form token.
    #[error("form-token {0}")]
    Token(#[from] TokenError),
    /// The proof of work.
    #[error("proof-of-work {0}")]
    ProofOfWork(#[from] ProofOfWorkError),
    /// The captcha.
    #[error("captcha {0}")]
    Captcha(#[from] CaptchaError),
    /// The confirmation link.
    #[error("confirmation {0}")]
    Confirmation(#[from] ConfirmationError),
    /// A guard's key was not read.
    #[error(transparent)]
    Key(#[from] MissingKey),
}

impl Admitted {
    /// Who sent it.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The payload, the parts that a form filled in, the form's files, and the sender.
    pub fn into_parts(self) -> (Value, Option<Vec<Filled>>, Vec<Upload>, Caller) {
        (self.payload, self.filled, self.uploads, self.caller)
    }
}

/// Runs the guards of a form that cost no more than a hash. Event routes have none: their callers are authenticated.
///
/// # Errors
/// The first guard that refuses.
pub fn admit(
    route: &Route,
    stranger: Option<Stranger<'_>>,
    submission: Submission,
    keys: &Keys,
    now: SystemTime,
) -> Result<Admitted, Refusal> {
    if let Some(Stranger { site, controls }) = stranger {
        check_site(site, route.form.allow_missing_origin)?;
        if controls.trapped {
            return Err(Refusal::Trap { event_id: submission.caller.event_id });
        }
        if let Some(guard) = &route.form.token {
            token::check(route, guard, keys.of(&guard.key)?, controls.token.as_deref(), now)?;
        }
        if let Some(guard) = &route.form.proof_of_work {
            proof_of_work::check(route, keys.of(&guard.key)?, controls.proof_of_work.as_deref(), now)?;
        }
    }
    let Submission { payload, filled, uploads, caller, .. } = submission;
    Ok(Admitted { payload, filled, uploads, caller })
}

/// Refuses a browser on another site, or on one that it does not name. Every current browser sends `Origin` with a POST,
/// so a request with neither `Origin` nor `Referer` does not come from a web page.
fn check_site(site: &Site, allow_missing: bool) -> Result<(), Refusal> {
    match site {
        Site::Listed(_) | Site::Own => Ok(()),
        Site::Unknown | Site::Withheld if allow_missing => Ok(()),
        Site::Withheld => Err(Refusal::HiddenOrigin),
        Site::Unknown | Site::Foreign => Err(Refusal::Origin),
    }
}

/// The origin under which visitors reach the gate, where a setting says so.
///
/// # Errors
/// If the setting is not the address of a server, or something is around it.
pub async fn own_origin(host: &impl Settings) -> Result<Option<Origin>, SettingError> {
    let text = bare(PUBLIC_URL, host.setting(PUBLIC_URL).await)?;
    let origin =
        |text: String| Origin::parse(&text).ok_or_else(|| SettingError::new(PUBLIC_URL, SettingFault::Endpoint));
    text.map(origin).transpose()
}

/// The server that verifies a form's visitors, if it has a captcha.
pub fn verifier(route: &Route) -> Option<Uri> {
    route.form.captcha.as_ref()?.service.address.parse().ok()
}

/// Runs the guard of a form that makes a network call, once everything else is valid. `event` is the same for the same
/// submission, and `timeout` is all the remaining time.
///
/// # Errors
/// If the captcha service does not accept the visitor.
pub async fn vouch(
    host: &impl Fetch,
    route: &Route,
    stranger: Option<Stranger<'_>>,
    keys: &Keys,
    event: Uuid,
    timeout: Duration,
) -> Result<(), Refusal> {
    let (Some(stranger), Some(guard)) = (stranger, &route.form.captcha) else { return Ok(()) };
    let answer = stranger.controls.captcha.as_deref();
    // The mails need the rest of the time.
    captcha::check(host, guard, keys.of(&guard.secret)?, answer, event, timeout / 2).await?;
    Ok(())
}
