//! `postern send`: calls a route as its caller would.

use std::env;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use clap::Args;
use http::header::{CONTENT_TYPE, ORIGIN};
use http::request::Builder;
use http::{Request, StatusCode, Uri};
use postern::auth::{IDEMPOTENCY_KEY, hmac};
use postern::policy::{Policy, Route, RouteAuth};
use serde_json::Value;
use ureq::Agent;
use uuid::Uuid;

use super::{PolicyOption, known};
use crate::console::{self, GREEN, RED};
use crate::directory::Directory;
use crate::listen;
use crate::payload::Payload;
use crate::secret::{self, Secret};

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

    /// The environment variable that holds the secret to sign with
    #[arg(long, value_name = "NAME")]
    secret_env: Option<String>,

    /// The kind of event, where the scheme has a header for it; the schema's name without the scheme's where absent
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
        let request = Request::post(self.address(route)?).header(CONTENT_TYPE, "application/json");
        let (request, advice) = match &route.auth {
            Some(auth) => self.sign(request, &policy, route, auth, &payload.bytes)?,
            None => (fill_in(request, route), None),
        };
        let request = request.body(payload.bytes).context("The request cannot be written")?;
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

    fn address(&self, route: &Route) -> anyhow::Result<Uri> {
        let address = format!("{}{}", self.base(), route.path);
        match address.parse::<Uri>() {
            Ok(uri) if matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() => Ok(uri),
            _ => bail!("`{}` is no address of a gate: write --url http://127.0.0.1:3000.", self.url),
        }
    }

    /// Signs, and gives advice in case the signature is not accepted.
    fn sign(
        &self,
        request: Builder,
        policy: &Policy,
        route: &Route,
        auth: &RouteAuth,
        body: &[u8],
    ) -> anyhow::Result<(Builder, Option<String>)> {
        let scheme = auth.scheme;
        let (variable, secret) = self.secret(policy, auth)?;
        let advice = secret.development.then(|| {
            format!("It was signed with the development secret, because {variable} is not set in this environment.")
        });
        let id = Uuid::new_v4().to_string();
        let headers = hmac::sign(scheme, &secret.value, &id, SystemTime::now(), body)
            .with_context(|| secret::unusable(&variable, scheme))?;
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let request = match scheme.event_header {
            Some(header) => request.header(header, self.event(route, scheme.name)),
            None => request,
        };
        Ok((request, advice))
    }

    /// The secret and the environment variable for it.
    fn secret(&self, policy: &Policy, auth: &RouteAuth) -> anyhow::Result<(String, Secret)> {
        let name = auth.secrets.first().context("The route has no secret.")?;
        match &self.secret_env {
            None => Ok((secret::variable(name), secret::find(policy, name)?)),
            Some(variable) => {
                let value = env::var(variable).ok().filter(|value| !value.is_empty());
                let value = value.with_context(|| format!("The environment variable {variable} is not set."))?;
                Ok((variable.clone(), Secret { name: name.clone(), value, development: false }))
            }
        }
    }

    fn event<'a>(&'a self, route: &'a Route, scheme: &str) -> &'a str {
        let schema = route.schema_name.as_str();
        let bare = schema.strip_prefix(scheme).and_then(|rest| rest.strip_prefix('-')).unwrap_or(schema);
        self.event.as_deref().unwrap_or(bare)
    }
}

fn find<'a>(policy: &'a Policy, name: &str) -> anyhow::Result<&'a Route> {
    let names = || known(policy.routes().map(|route| route.name.as_str()));
    let mut routes = policy.routes();
    routes.find(|route| route.name == name).with_context(|| format!("There is no route `{name}`; {}.", names()))
}

/// What a page's script would add; the key keeps two submissions of one sample apart.
fn fill_in(request: Builder, route: &Route) -> Builder {
    let request = request.header(IDEMPOTENCY_KEY, Uuid::new_v4().to_string());
    match route.origins.first() {
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
