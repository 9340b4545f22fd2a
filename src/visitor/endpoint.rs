//! What pages request below a form's path, besides sending the form.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde_json::json;

use super::cors;
use crate::guard::{self, Keys, MissingKey};
use crate::host::{Clock, Random, Settings};
use crate::policy::{Kind, Policy, Route, TOKEN_FIELD};
use crate::refusal::Refusal;
use crate::web::{Site, response};

/// An endpoint below a form's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// A form token.
    Token,
    /// A challenge for the proof of work.
    Challenge,
    /// The schema.
    Schema,
}

/// Every endpoint, by the last part of its path.
pub const ENDPOINTS: [(&str, Endpoint); 3] =
    [("token", Endpoint::Token), ("challenge", Endpoint::Challenge), ("schema", Endpoint::Schema)];

impl Endpoint {
    /// The endpoint at a path, and its form. A route of the policy takes precedence.
    pub fn find<'a>(policy: &'a Policy, path: &str) -> Option<(&'a Route, Self)> {
        if policy.route(path).is_some() {
            return None;
        }
        let (form, name) = path.rsplit_once('/')?;
        let route = policy.route(form).filter(|route| route.kind == Kind::Form)?;
        let (_, endpoint) = ENDPOINTS.into_iter().find(|(known, _)| *known == name)?;
        endpoint.is_of(route).then_some((route, endpoint))
    }

    /// Whether a form has this endpoint.
    pub(crate) const fn is_of(self, route: &Route) -> bool {
        match self {
            Self::Token => route.form.token.is_some(),
            Self::Challenge => route.form.proof_of_work.is_some(),
            Self::Schema => true,
        }
    }

    /// Answers a request from a page of this site.
    pub async fn answer(
        self,
        host: &(impl Settings + Clock + Random),
        route: &Route,
        site: &Site,
        method: &Method,
    ) -> Response<Bytes> {
        if method == Method::OPTIONS {
            return cors::preflight(site, "GET");
        }
        let mut answer = if matches!(*method, Method::GET | Method::HEAD) {
            self.get(host, route).await.unwrap_or_else(|refusal| refusal.respond(route.contract))
        } else {
            Refusal::Method { allow: "GET, HEAD" }.respond(route.contract)
        };
        cors::allow(&mut answer, site);
        answer
    }

    async fn get(self, host: &(impl Settings + Clock + Random), route: &Route) -> Result<Response<Bytes>, Refusal> {
        let answer = match (self, &route.form.token, &route.form.proof_of_work) {
            (Self::Token, Some(token), _) => {
                let keys = Keys::read(host, route).await?;
                let issued = guard::issue(route, keys.of(&token.key).map_err(no_key)?, host.now(), host.random());
                json!({
                    "token": issued,
                    "field": TOKEN_FIELD,
                    "min_seconds": token.min_age.as_secs(),
                    "max_seconds": token.max_age.as_secs(),
                })
            }
            (Self::Challenge, _, Some(proof)) => {
                let keys = Keys::read(host, route).await?;
                guard::challenge(route, proof, keys.of(&proof.key).map_err(no_key)?, host.now(), host.random())
            }
            (Self::Schema, _, _) => route.schema.document().clone(),
            _ => return Err(Refusal::UnknownPath),
        };
        Ok(response::json(StatusCode::OK, &answer))
    }
}

fn no_key(error: MissingKey) -> Refusal {
    Refusal::Guard(error.into())
}
