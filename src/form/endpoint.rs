//! What pages ask of a form beside sending it: below its path, and the gate's script and description.

use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use serde_json::json;

use super::cors;
use crate::contract;
use crate::guard::{self, Keys, MissingKey, Site};
use crate::host::Host;
use crate::policy::{Kind, Policy, Route};
use crate::reply::{self, Refusal};

/// The script that makes plain forms comfortable.
const SCRIPT: &str = include_str!("client.js");

/// Where the script is.
pub const SCRIPT_PATH: &str = "/postern.js";

/// Where the description of all routes is.
pub const OPENAPI_PATH: &str = "/openapi.json";

/// Something below a form's path.
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
    /// The endpoint at a path, and its form. A route of the policy comes first.
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

    /// Answers a request from a site.
    pub async fn answer(self, host: &impl Host, route: &Route, site: &Site, method: &Method) -> Response<Bytes> {
        if method == Method::OPTIONS {
            return cors::preflight(site, "GET");
        }
        let mut response = if matches!(*method, Method::GET | Method::HEAD) {
            self.get(host, route).await.unwrap_or_else(|refusal| refusal.respond(route.contract))
        } else {
            Refusal::Method { allow: "GET, HEAD" }.respond(route.contract)
        };
        cors::allow(&mut response, site);
        response
    }

    async fn get(self, host: &impl Host, route: &Route) -> Result<Response<Bytes>, Refusal> {
        let answer = match (self, &route.form.token, &route.form.proof_of_work) {
            (Self::Token, Some(token), _) => {
                let keys = Keys::read(host, route).await?;
                let issued = guard::issue(route, keys.of(&token.key).map_err(no_key)?, host.now(), host.random());
                json!({
                    "token": issued,
                    "field": guard::TOKEN_FIELD,
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
        Ok(reply::json(StatusCode::OK, &answer))
    }
}

fn no_key(error: MissingKey) -> Refusal {
    Refusal::Guard(error.into())
}

/// The answer to a request for the script or the description.
pub fn document(policy: &Policy, path: &str, method: &Method) -> Option<Response<Bytes>> {
    if ![SCRIPT_PATH, OPENAPI_PATH].contains(&path) {
        return None;
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Some(Refusal::Method { allow: "GET, HEAD" }.respond(&contract::PLAIN));
    }
    let mut response = if path == SCRIPT_PATH {
        reply::content(StatusCode::OK, "text/javascript; charset=utf-8", SCRIPT.to_owned())
    } else {
        reply::json(StatusCode::OK, &crate::openapi::describe(policy))
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    // Both are everybody's, and pages of other sites load the script.
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin"));
    headers.insert(http::header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    Some(response)
}
