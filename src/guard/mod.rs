//! Form abuse: what is known of a stranger before a payload is looked at.

mod origin;

use http::HeaderMap;
use serde_json::Value;

use crate::auth::Caller;
use crate::decode::Submission;
use crate::policy::{Kind, Route};

/// A submission that passed the route's guards.
#[derive(Debug)]
pub struct Admitted {
    payload: Value,
    caller: Caller,
}

/// Which guard refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The page that posted is on no site the route lists.
    #[error("foreign-origin")]
    Origin,
}

impl Admitted {
    /// The payload and who sent it.
    pub fn into_parts(self) -> (Value, Caller) {
        (self.payload, self.caller)
    }
}

/// Runs the guards of a route, cheap ones first. Event routes have none: their callers proved themselves.
///
/// # Errors
/// The first guard that refuses.
pub fn admit(route: &Route, headers: &HeaderMap, submission: Submission) -> Result<Admitted, Refusal> {
    if route.kind == Kind::Form {
        origin::check(&route.origins, headers)?;
    }
    Ok(Admitted { payload: submission.payload, caller: submission.caller })
}
