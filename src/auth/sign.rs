//! Authenticates requests as a sender would, for `postern send` and tests.

use std::time::SystemTime;

use http::HeaderName;
use http::header::AUTHORIZATION;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{hmac, sendgrid, twilio};
use crate::policy::{Scheme, TokenLocation};

/// What authenticates a request: headers, and a query for its URL.
#[derive(Debug, Default)]
pub struct RequestAuth {
    /// Headers.
    pub headers: Vec<(HeaderName, String)>,
    /// The query.
    pub query: Option<String>,
}

/// Why a request cannot be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The secret does not have the form that the scheme requires.
    #[error("This is not a valid secret for the scheme.")]
    Secret,
    /// A public key can only verify.
    #[error("The setting holds a public key: name an environment variable with the private key, {0}.")]
    PublicKey(&'static str),
}

/// Authenticates a request with this body as its sender would. `form` says whether the body is an HTML form.
///
/// The secret is the value of the route's setting; for schemes with a key pair, it is the private key, and for `entra`
/// a token.
///
/// # Errors
/// If the secret does not fit the scheme.
pub fn sign(
    scheme: &Scheme,
    secret: &str,
    id: &str,
    now: SystemTime,
    form: bool,
    body: &[u8],
) -> Result<RequestAuth, SignError> {
    let headers = |headers| RequestAuth { headers, query: None };
    match scheme {
        Scheme::Rule(rule) if hmac::is_public(rule, secret) => Err(SignError::PublicKey("`whsk_` and base64")),
        Scheme::Rule(rule) => hmac::sign(rule, secret, id, now, body).map(headers).ok_or(SignError::Secret),
        Scheme::Token(location) => Ok(shown(location, secret)),
        Scheme::Twilio { url } => {
            let (name, value, query) = twilio::sign(url, secret, form, body).ok_or(SignError::Secret)?;
            Ok(RequestAuth { headers: vec![(name, value)], query })
        }
        Scheme::SendGrid { .. } if sendgrid::usable(secret) => {
            Err(SignError::PublicKey("the base64 of its PKCS #8 form"))
        }
        Scheme::SendGrid { .. } => sendgrid::sign(secret, now, body).map(headers).ok_or(SignError::Secret),
        Scheme::Entra(_) => Ok(shown(&TokenLocation::Bearer, secret)),
    }
}

fn shown(location: &TokenLocation, secret: &str) -> RequestAuth {
    let header = |name: HeaderName, value| RequestAuth { headers: vec![(name, value)], query: None };
    match location {
        TokenLocation::Header(name) => header(name.clone(), secret.to_owned()),
        TokenLocation::Bearer => header(AUTHORIZATION, format!("Bearer {secret}")),
        TokenLocation::Basic => header(AUTHORIZATION, format!("Basic {}", STANDARD.encode(secret))),
        TokenLocation::Query(name) => {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair(name, secret).finish();
            RequestAuth { headers: Vec::new(), query: Some(query) }
        }
    }
}
