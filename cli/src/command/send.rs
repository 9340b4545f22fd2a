//! `postern send`: calls a route as its caller would.

use std::env;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use clap::Args;
use http::{Request, StatusCode, Uri};
use postern::auth::{RequestAuth, SignError};
use postern::policy::{Policy, Route, RouteAuth};
use serde_json::Value;
use ureq::Agent;

use super::{PolicyOption, known};
use crate::caller::{self, Body, SigningKey};
use crate::console::{self, GREEN, RED};
use crate::directory::Directory;
use crate::listen;
use crate::payload::Payload;
use crate::{secret, visible};

/// Longer than any route's time budget.
const TIMEOUT: Duration = Duration::from_secs(35);

/// The most bytes of a response that are shown; the gate's own have a few hundred.
const MAX_ANSWER_BYTES: u64 = 1024 * 1024;

/// Send a payload to a route, signed as its caller would
///
/// The secret comes from the environment, under the setting's name in upper case; if that is not set, it is the one
/// that `postern dev` uses. The exit status is 0 for a 2xx or 3xx response, otherwise 1.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern send github templates/issue-opened/sample.json")]
pub struct Send {
    /// The route's name
    #[arg(value_name = "ROUTE")]
    route: String,

    /// The payload; by default, the sample.json of the route's first mail; `-` reads standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(flatten)]
    policy: PolicyOption,

    /// The gate's URL
    #[arg(long, value_name = "URL", default_value_t = format!("http://{}", listen::GATE))]
    url: String,

    /// The environment variable with the secret to sign with: the private key if the setting holds a public key, or a
    /// token for the scheme entra
    #[arg(long, value_name = "NAME")]
    secret_env: Option<String>,

    /// The kind of GitHub event; by default, the schema's name without `github-`
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
            None => (RequestAuth::default(), None),
        };
        let address = self.address(route, credentials.query.as_deref())?;
        let extra_headers = caller::extra_headers(route, self.event.as_deref())?;
        let request = caller::request(address, body, credentials, extra_headers)?;
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
            _ => bail!("`{}` is not the URL of a gate; write, for example, --url http://127.0.0.1:3000.", self.url),
        }
    }

    /// The request's authentication, and advice in case it is not accepted.
    fn prove(
        &self,
        policy: &Policy,
        route: &Route,
        auth: &RouteAuth,
        body: &Body,
    ) -> anyhow::Result<(RequestAuth, Option<String>)> {
        let SigningKey { variable, value, development } = self.key(policy, auth)?;
        let advice = development.then(|| {
            format!(
                "The request was signed with the development secret because {variable} is not set in this environment."
            )
        });
        match caller::prove(route, auth, &value, SystemTime::now(), body) {
            Ok(credentials) => Ok((credentials, advice)),
            Err(SignError::Secret) => bail!(secret::unusable(&variable, auth)),
            Err(error @ SignError::PublicKey(_)) => bail!("{error} Use --secret-env NAME."),
        }
    }

    fn key(&self, policy: &Policy, auth: &RouteAuth) -> anyhow::Result<SigningKey> {
        let Some(variable) = &self.secret_env else {
            return caller::key(policy, auth);
        };
        let value = env::var(variable).ok().filter(|value| !value.is_empty());
        let value = value.with_context(|| format!("The environment variable {variable} is not set."))?;
        Ok(SigningKey { variable: variable.clone(), value, development: false })
    }
}

fn find<'a>(policy: &'a Policy, name: &str) -> anyhow::Result<&'a Route> {
    let names = || known(policy.routes().map(|route| route.name.as_str()));
    let mut routes = policy.routes();
    routes.find(|route| route.name == name).with_context(|| format!("There is no route `{name}`; {}.", names()))
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
            bail!("Nothing is listening at {url}: start `postern dev`, or name another gate with --url.")
        }
        Err(error) => return Err(error).with_context(|| format!("Cannot send the request to {url}")),
    };
    let body = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).lossy_utf8(true).read_to_string();
    Ok((response.status(), body.with_context(|| format!("The response from {url} was cut short"))?))
}

fn show(status: StatusCode, body: &str) -> ExitCode {
    let good = status.is_success() || status.is_redirection();
    let style = if good { GREEN } else { RED };
    console::say(format_args!("{style}{status}{style:#}"));
    let pretty = serde_json::from_str(body).and_then(|json: Value| serde_json::to_string_pretty(&json));
    let body = pretty.as_deref().unwrap_or(body).trim_end();
    if !body.is_empty() {
        console::say(visible::text(body));
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
