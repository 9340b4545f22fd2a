//! What a sender would send: for `postern send` and tests.

use std::time::SystemTime;

use http::HeaderName;
use http::header::AUTHORIZATION;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::token::Place;
use super::{Proof, hmac, sendgrid, twilio};

/// What proves a request: headers, and what belongs into its address.
#[derive(Debug, Default)]
pub struct Credentials {
    /// Headers.
    pub headers: Vec<(HeaderName, String)>,
    /// The query.
    pub query: Option<String>,
}

/// Why a request cannot be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The secret is not written as the scheme demands.
    #[error("This is no secret of the scheme.")]
    Secret,
    /// A public key verifies and does not sign.
    #[error("The setting holds a public key: name an environment variable with the private key, {0}.")]
    PublicKey(&'static str),
}

/// Proves a request with this body as its sender would. `form` says that the body is an HTML form.
///
/// The secret is that of the route's setting; for schemes with a pair of keys it is the private key, and for `entra` a
/// token.
///
/// # Errors
/// When the secret does not suit.
pub fn sign(
    proof: &Proof,
    secret: &str,
    id: &str,
    now: SystemTime,
    form: bool,
    body: &[u8],
) -> Result<Credentials, SignError> {
    let headers = |headers| Credentials { headers, query: None };
    match proof {
        Proof::Rule(rule) if hmac::is_public(rule, secret) => Err(SignError::PublicKey("`whsk_` and base64")),
        Proof::Rule(rule) => hmac::sign(rule, secret, id, now, body).map(headers).ok_or(SignError::Secret),
        Proof::Token(place) => Ok(shown(place, secret)),
        Proof::Twilio { url } => {
            let (name, value, query) = twilio::sign(url, secret, form, body).ok_or(SignError::Secret)?;
            Ok(Credentials { headers: vec![(name, value)], query })
        }
        Proof::SendGrid { .. } if sendgrid::usable(secret) => {
            Err(SignError::PublicKey("the base64 of its PKCS #8 form"))
        }
        Proof::SendGrid { .. } => sendgrid::sign(secret, now, body).map(headers).ok_or(SignError::Secret),
        Proof::Entra(_) => Ok(shown(&Place::Bearer, secret)),
    }
}

fn shown(place: &Place, secret: &str) -> Credentials {
    let header = |name: HeaderName, value| Credentials { headers: vec![(name, value)], query: None };
    match place {
        Place::Header(name) => header(name.clone(), secret.to_owned()),
        Place::Bearer => header(AUTHORIZATION, format!("Bearer {secret}")),
        Place::Basic => header(AUTHORIZATION, format!("Basic {}", STANDARD.encode(secret))),
        Place::Query(name) => {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair(name, secret).finish();
            Credentials { headers: Vec::new(), query: Some(query) }
        }
    }
}
