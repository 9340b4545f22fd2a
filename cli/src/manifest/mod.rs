//! What a policy needs of its host, written the way each host wants it.
//!
//! The texts are templates beside this file. What is put into them are setting names, origins and names that are
//! checked here, so none of it can be anything but itself in TOML or YAML.

mod name;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use postern::acs::{Endpoint, setting};
use postern::policy::{PUBLIC_URL, Policy};
use serde::Serialize;
use serde_json::{Value, json};

pub use name::{Hostname, Image, Name};

/// A setting that the host has to give.
#[derive(Debug, Serialize)]
struct Setting {
    /// Lower_snake: the name of a Spin variable.
    name: String,
    /// The name in an environment.
    upper: String,
    /// Whether nobody but the component may see it.
    secret: bool,
    /// What it is.
    description: &'static str,
}

/// What a policy needs of its host.
#[derive(Debug)]
pub struct Manifest {
    settings: Vec<Setting>,
    /// The servers beside ACS's that it must be let out to.
    servers: Vec<&'static str>,
    name: Name,
}

impl Manifest {
    /// For a policy, under a name.
    pub fn new(policy: &Policy, name: Name) -> Self {
        let acs = [
            of(setting::ENDPOINT, false, "https://RESOURCE.communication.azure.com"),
            of(setting::ACCESS_KEY, true, "One of the ACS resource's two access keys"),
        ];
        let callers =
            policy.secrets().into_iter().map(|name| of(name.as_str(), true, "Proves callers or visitors of a route"));
        let own = policy.has_links().then(|| of(PUBLIC_URL, false, "Where visitors reach the gate: https://HOST"));
        Self { settings: acs.into_iter().chain(callers).chain(own).collect(), servers: policy.servers(), name }
    }

    /// `spin.toml`; `component` is the sealed file, relative to it.
    pub fn spin(&self, component: &str) -> anyhow::Result<String> {
        // The only text that may be anything: as JSON it is a TOML string, too.
        let component = serde_json::to_string(component)?;
        let Self { settings, servers, name } = self;
        let context = json!({"settings": settings, "servers": servers, "name": name, "component": component});
        render(include_str!("spin.toml.j2"), &context)
    }

    /// A `SpinApp` for SpinKube, and what scales it.
    pub fn spinkube(&self, image: &Image, endpoint: &Endpoint) -> anyhow::Result<String> {
        render(include_str!("spinkube.yaml.j2"), &self.cluster(image, endpoint, None))
    }

    /// A `WorkloadDeployment` for wasmCloud 2, its configuration and its service; `host` is what callers call.
    pub fn wasmcloud(&self, image: &Image, endpoint: &Endpoint, host: &Hostname) -> anyhow::Result<String> {
        render(include_str!("wasmcloud.yaml.j2"), &self.cluster(image, endpoint, Some(host)))
    }

    fn cluster(&self, image: &Image, endpoint: &Endpoint, host: Option<&Hostname>) -> Value {
        let Self { settings, servers, name } = self;
        let endpoint = endpoint.to_string();
        json!({
            "settings": settings, "servers": servers, "name": name, "image": image, "endpoint": endpoint, "host": host
        })
    }
}

fn of(name: &str, secret: bool, description: &'static str) -> Setting {
    Setting { name: name.to_owned(), upper: name.to_ascii_uppercase(), secret, description }
}

fn render(template: &str, context: &Value) -> anyhow::Result<String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    Ok(environment.render_str(template, Serde(context))?)
}
