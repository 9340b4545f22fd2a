//! A route's caller: builds the request that it would send, with the authentication that it would use.

use std::collections::BTreeMap;
use std::time::SystemTime;

use anyhow::{Context as _, ensure};
use http::header::{CONTENT_TYPE, ORIGIN};
use http::{HeaderName, HeaderValue, Request, Uri};
use postern::auth::{self, IDEMPOTENCY_KEY, RequestAuth, SignError};
use postern::contract::EventId;
use postern::policy::{Coverage, Envelope, Policy, Route, RouteAuth, Scheme};
use uuid::Uuid;

use crate::secret;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const CLOUDEVENT: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

/// The header in which GitHub names the kind of event.
const GITHUB_EVENT: HeaderName = HeaderName::from_static("x-github-event");

/// The secret that signs a request, and its environment variable.
pub struct SigningKey {
    /// The variable's name.
    pub variable: String,
    /// The secret.
    pub value: String,
    /// Whether it is the public development value.
    pub development: bool,
}

/// The secret that signs for a route's first secret: from the environment, or else the development value.
pub fn key(policy: &Policy, auth: &RouteAuth) -> anyhow::Result<SigningKey> {
    let token = "This route takes Entra tokens: put one into an environment variable and name it with --secret-env.";
    ensure!(!matches!(auth.scheme, Scheme::Entra(_)), token);
    let name = auth.secrets.first().context("The route has no secret.")?;
    let secret = secret::find(policy, name)?;
    let value = secret::signing(&secret).to_owned();
    Ok(SigningKey { variable: secret::variable(name), value, development: secret.development })
}

/// A payload in the format of the route's caller.
#[derive(Debug)]
pub struct Body {
    /// Its content type.
    pub content_type: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Body {
    /// Twilio sends forms, so an object of texts becomes a form; an event gets the route's envelope.
    pub fn of(route: &Route, mut bytes: Vec<u8>) -> anyhow::Result<Self> {
        let coverage = route.auth.as_ref().map(|auth| auth.scheme.coverage());
        if coverage == Some(Coverage::Body { id: None }) && !route.contract.only_forms {
            bytes.extend(blank());
        }
        let list = bytes.trim_ascii_start().starts_with(b"[");
        match route.envelope {
            Some(Envelope::CloudEvents) if list => return Ok(Self { content_type: BATCH, bytes }),
            Some(Envelope::CloudEvents) => return Ok(Self { content_type: CLOUDEVENT, bytes }),
            Some(Envelope::EventGrid | Envelope::List) if !list => {
                return Ok(Self { content_type: JSON, bytes: [b"[", bytes.as_slice(), b"]"].concat() });
            }
            _ if !route.contract.only_forms => return Ok(Self { content_type: JSON, bytes }),
            _ => {}
        }
        let fields: BTreeMap<String, String> = serde_json::from_slice(&bytes)
            .context("Twilio sends forms: the payload must be an object whose values are strings")?;
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        Ok(Self { content_type: FORM, bytes: form.into_bytes() })
    }
}

/// White space that differs each time. If the hash of the body is the event's id, it makes a repeated sample a new
/// event, like a real sender's.
fn blank() -> impl Iterator<Item = u8> {
    let bits = Uuid::new_v4().as_u128();
    (0..32).map(move |place| if bits >> place & 1 == 1 { b' ' } else { b'\t' })
}

/// The authentication of a new event with this body, signed at this time.
pub fn prove(
    route: &Route,
    auth: &RouteAuth,
    key: &str,
    at: SystemTime,
    body: &Body,
) -> Result<RequestAuth, SignError> {
    let id = Uuid::new_v4().to_string();
    let mut credentials = auth::sign(&auth.scheme, key, &id, at, body.content_type == FORM, &body.bytes)?;
    if let EventId::Header(name) = route.contract.event_id
        && !credentials.headers.iter().any(|(known, _)| known == name)
    {
        // The names of contracts are valid.
        credentials.headers.extend(HeaderName::try_from(name).map(|name| (name, id)));
    }
    Ok(credentials)
}

/// The headers that a caller adds to its authentication. GitHub sends the kind of event, by default the schema's name
/// without `github-`. A page's script sends a key that distinguishes two submissions of one sample, and its browser
/// sends the page's origin.
pub fn extra_headers(route: &Route, event: Option<&str>) -> anyhow::Result<Vec<(HeaderName, HeaderValue)>> {
    if route.contract.name == "github" {
        let schema = route.schema_name.as_str();
        let event = event.unwrap_or(schema.strip_prefix("github-").unwrap_or(schema));
        let event = HeaderValue::from_str(event).context("This is not a valid event name")?;
        return Ok(vec![(GITHUB_EVENT, event)]);
    }
    let key = HeaderName::from_static(IDEMPOTENCY_KEY);
    let mut headers = vec![(key, HeaderValue::from_str(&Uuid::new_v4().to_string())?)];
    if let Some(origin) = route.example_origin() {
        headers
            .push((ORIGIN, HeaderValue::from_str(&origin).context("The route's origin is not a valid header value")?));
    }
    Ok(headers)
}

/// The request to a route's address, which already has the authentication's query.
pub fn request(
    address: Uri,
    body: Body,
    credentials: RequestAuth,
    extra_headers: Vec<(HeaderName, HeaderValue)>,
) -> anyhow::Result<Request<Vec<u8>>> {
    let mut request = Request::post(address).header(CONTENT_TYPE, body.content_type);
    for (name, value) in credentials.headers {
        request = request.header(name, value);
    }
    for (name, value) in extra_headers {
        request = request.header(name, value);
    }
    request.body(body.bytes).context("The request cannot be built")
}
