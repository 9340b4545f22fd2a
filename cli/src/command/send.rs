//! `postern send`: calls a route as its caller would.

use std::collections::BTreeMap;
use std::env;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use http::header::{CONTENT_TYPE, ORIGIN};
use http::request::Builder;
use http::{Request, StatusCode, Uri};
use postern::auth::{self, Credentials, IDEMPOTENCY_KEY, Proof, SignError};
use postern::contract::EventId;
use postern::decode::Envelope;
use postern::policy::{Policy, Route, RouteAuth};
use serde_json::Value;
use ureq::Agent;
use uuid::Uuid;

use super::{PolicyOption, known};
use crate::console::{self, GREEN, RED};
use crate::directory::Directory;
use crate::listen;
use crate::payload::Payload;
use crate::secret;

/// Longer than any route's time budget.
const TIMEOUT: Duration = Duration::from_secs(35);

/// The most bytes of an answer that are shown; the gate's own have a few hundred.
const MAX_ANSWER_BYTES: u64 = 1024 * 1024;

/// Send a payload to a route, signed as its caller would
///
/// The secret comes from the environment, by the setting's name in upper case; where that is not set, it is the one
/// that `postern dev` uses. The exit status is 0 for an answer of 2xx or 3xx, and 1 for any other.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern send github templates/issue-opened/sample.json")]
pub struct Send {
    /// The route's name
    #[arg(value_name = "ROUTE")]
    route: String,

    /// The payload; the sample.json of the route's first mail where absent; `-` reads standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(flatten)]
    policy: PolicyOption,

    /// Where the gate is
    #[arg(long, value_name = "URL", default_value_t = format!("http://{}", listen::GATE))]
    url: String,

    /// The environment variable that holds the secret to sign with; the private key where the setting holds a public
    /// one, and a token for the scheme entra
    #[arg(long, value_name = "NAME")]
    secret_env: Option<String>,

    /// The kind of event, for GitHub; the schema's name without `github-` where absent
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
}

impl Send {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let directory = Directory::read(&self.policy.directory)?;
        let policy = directory.policy()?;
        let route = find(&policy, &self.route)?;
        let mail = route.mails.first().with_context(|| format!("The route `{}` has no mail.", route.name))?;
        let payload = Payload::read(self.file.as_deref(), &mail.template, directory.files())?;
        let body = Body::of(route, payload.bytes)?;
        let (credentials, advice) = match &route.auth {
            Some(auth) => self.prove(&policy, route, auth, &body)?,
            None => (Credentials::default(), None),
        };
        let address = self.address(route, credentials.query.as_deref())?;
        let request = Request::post(address).header(CONTENT_TYPE, body.content_type);
        let headers = credentials.headers.into_iter();
        let request = headers.fold(request, |request, (name, value)| request.header(name, value));
        let request = fill_in(request, route, self.event.as_deref());
        let request = request.body(body.bytes).context("The request cannot be written")?;
        let (status, body) = post(request, self.base())?;
        let shown = show(status, &body);
        if let Some(advice) = advice.filter(|_| status == StatusCode::UNAUTHORIZED) {
            console::complain(advice);
        }
        Ok(shown)
    }

    fn base(&self) -> &str {
        self.url.trim_end_matches('/')
    }

    fn address(&self, route: &Route, query: Option<&str>) -> anyhow::Result<Uri> {
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let address = format!("{}{}{query}", self.base(), route.path);
        match address.parse::<Uri>() {
            Ok(uri) if matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() => Ok(uri),
            _ => bail!("`{}` is no address of a gate: write --url http://127.0.0.1:3000.", self.url),
        }
    }

    /// What proves the request, and advice in case it is not accepted.
    fn prove(
        &self,
        policy: &Policy,
        route: &Route,
        auth: &RouteAuth,
        body: &Body,
    ) -> anyhow::Result<(Credentials, Option<String>)> {
        let SigningKey { variable, value, development } = self.key(policy, auth)?;
        let advice = development.then(|| {
            format!("It was signed with the development secret, because {variable} is not set in this environment.")
        });
        let id = Uuid::new_v4().to_string();
        let form = body.content_type == FORM;
        match auth::sign(&auth.proof, &value, &id, SystemTime::now(), form, &body.bytes) {
            Ok(mut credentials) => {
                if let EventId::Header(name) = route.contract.event_id
                    && !credentials.headers.iter().any(|(known, _)| known == name)
                {
                    credentials.headers.push((name.parse()?, id));
                }
                Ok((credentials, advice))
            }
            Err(SignError::Secret) => bail!(secret::unusable(&variable, auth)),
            Err(error @ SignError::PublicKey(_)) => bail!("{error} Use --secret-env NAME."),
        }
    }

    fn key(&self, policy: &Policy, auth: &RouteAuth) -> anyhow::Result<SigningKey> {
        let Some(variable) = &self.secret_env else {
            let token =
                "A token of Entra is needed: put one into an environment variable and name it with --secret-env.";
            ensure!(!matches!(auth.proof, Proof::Entra(_)), token);
            let name = auth.secrets.first().context("The route has no secret.")?;
            let secret = secret::find(policy, name)?;
            let value = secret::signing(&secret).to_owned();
            return Ok(SigningKey { variable: secret::variable(name), value, development: secret.development });
        };
        let value = env::var(variable).ok().filter(|value| !value.is_empty());
        let value = value.with_context(|| format!("The environment variable {variable} is not set."))?;
        Ok(SigningKey { variable: variable.clone(), value, development: false })
    }
}

/// What a request is signed with, and the environment variable that holds it.
struct SigningKey {
    variable: String,
    value: String,
    development: bool,
}

/// A payload as the route's caller would send it.
struct Body {
    content_type: &'static str,
    bytes: Vec<u8>,
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const CLOUDEVENT: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

impl Body {
    /// Twilio sends forms, so an object of texts becomes one; one event becomes what its envelope demands.
    fn of(route: &Route, bytes: Vec<u8>) -> anyhow::Result<Self> {
        let list = bytes.trim_ascii_start().starts_with(b"[");
        match route.envelope {
            Some(Envelope::CloudEvents) if list => return Ok(Self { content_type: BATCH, bytes }),
            Some(Envelope::CloudEvents) => return Ok(Self { content_type: CLOUDEVENT, bytes }),
            Some(Envelope::EventGrid | Envelope::List) if !list => {
                return Ok(Self { content_type: JSON, bytes: [b"[", bytes.as_slice(), b"]"].concat() });
            }
            _ if route.contract.name != "twilio" => return Ok(Self { content_type: JSON, bytes }),
            _ => {}
        }
        let fields: BTreeMap<String, String> =
            serde_json::from_slice(&bytes).context("Twilio sends forms: the payload must be an object of texts")?;
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        Ok(Self { content_type: FORM, bytes: form.into_bytes() })
    }
}

fn find<'a>(policy: &'a Policy, name: &str) -> anyhow::Result<&'a Route> {
    let names = || known(policy.routes().map(|route| route.name.as_str()));
    let mut routes = policy.routes();
    routes.find(|route| route.name == name).with_context(|| format!("There is no route `{name}`; {}.", names()))
}

/// What a caller would add: GitHub the kind of event; a page's script a key that keeps two submissions of one sample
/// apart, and the browser the page's origin.
fn fill_in(request: Builder, route: &Route, event: Option<&str>) -> Builder {
    if route.contract.name == "github" {
        let schema = route.schema_name.as_str();
        return request.header("x-github-event", event.unwrap_or(schema.strip_prefix("github-").unwrap_or(schema)));
    }
    let request = request.header(IDEMPOTENCY_KEY, Uuid::new_v4().to_string());
    match route.example_origin() {
        Some(origin) => request.header(ORIGIN, origin),
        None => request,
    }
}

fn post(request: Request<Vec<u8>>, url: &str) -> anyhow::Result<(StatusCode, String)> {
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(concat!("postern/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let mut response = match agent.run(request) {
        Ok(response) => response,
        Err(ureq::Error::Io(error)) if error.kind() == ErrorKind::ConnectionRefused => {
            bail!("Nothing listens at {url}: start `postern dev`, or name another gate with --url.")
        }
        Err(error) => return Err(error).with_context(|| format!("{url} cannot be asked")),
    };
    let body = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).lossy_utf8(true).read_to_string();
    Ok((response.status(), body.with_context(|| format!("The answer of {url} broke off"))?))
}

fn show(status: StatusCode, body: &str) -> ExitCode {
    let good = status.is_success() || status.is_redirection();
    let style = if good { GREEN } else { RED };
    console::say(format_args!("{style}{status}{style:#}"));
    let pretty = serde_json::from_str(body).and_then(|json: Value| serde_json::to_string_pretty(&json));
    let body = pretty.as_deref().unwrap_or(body).trim_end();
    if !body.is_empty() {
        console::say(body);
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
