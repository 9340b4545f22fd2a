//! What a policy needs from its host, in the host's own format.
//!
//! The texts are templates next to this file. They are filled only with names of settings, origins and names that this
//! module checks, so no value can break out of its place in TOML or YAML.

mod identity;
mod name;
mod setting;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use postern::acs::setting as acs;
use postern::entra::setting as entra;
use postern::overflow::setting::{KEY, SAS};
use postern::policy::{PUBLIC_URL, Policy};
use postern::staging::REDIRECT_ALL_TO;
use postern::web::Origin;
use serde_json::{Value, json};

use setting::{Server, Setting};

pub use identity::Identity;
pub use name::{Hostname, Identifier, Image, Name};

/// What a policy needs from its host.
#[derive(Debug)]
pub struct Manifest {
    settings: Vec<Setting>,
    servers: Vec<Server>,
    identity: Identity,
    name: Name,
}

/// What a cluster's manifest contains in plain text, because it is not secret.
#[derive(Debug)]
pub struct Values {
    /// The address of the ACS resource.
    pub endpoint: Origin,
    /// The address under which visitors reach the gate.
    pub public_url: Origin,
    /// The tenant of the identity.
    pub tenant: Option<Identifier>,
    /// The client id of the application or identity.
    pub client: Option<Identifier>,
}

/// The placeholder for a missing id.
const PLACEHOLDER: &str = "00000000-0000-0000-0000-000000000000";

impl Manifest {
    /// For a policy, an identity and a name.
    pub fn new(policy: &Policy, identity: Identity, name: Name) -> Self {
        let mut settings = identity.settings();
        let mut servers = identity.servers();
        if policy.takes_entra_tokens() && !servers.contains(&Server::Of(entra::AUTHORITY)) {
            settings.push(identity::authority());
            servers.push(Server::Of(entra::AUTHORITY));
        }
        let callers = policy.secrets().into_iter();
        settings
            .extend(callers.map(|name| Setting::secret(name.as_str(), "Authenticates callers or visitors of a route")));
        if policy.has_links() {
            settings.push(Setting::required(PUBLIC_URL, "Where visitors reach the gate: https://HOST"));
        } else if policy.has_forms() {
            let description =
                "Where visitors reach the gate, so that they can correct a form on its own page: https://HOST";
            settings.push(Setting::with_default(PUBLIC_URL, "", description));
        }
        if policy.overflow().is_some() && !identity.gives_tokens() {
            let description = "Shared access signature of the storage account that has the overflow queue";
            settings.push(Setting::secret(SAS, description));
        }
        if policy.overflow().is_some() {
            let description = "Signs what goes into the overflow queue; `postern replay` needs the same key";
            settings.push(Setting::secret(KEY, description));
        }
        settings.push(Setting::with_default(REDIRECT_ALL_TO, "", "For staging: the one address that gets all mail"));
        servers.insert(0, Server::Of(acs::ENDPOINT));
        servers.extend(policy.servers().into_iter().map(Server::Fixed));
        Self { settings, servers, identity, name }
    }

    /// `spin.toml`; `component` is the sealed file, relative to it.
    pub fn spin(&self, component: &str) -> anyhow::Result<String> {
        // The only text that may contain any characters: written as JSON, it is also a valid TOML string.
        let component = serde_json::to_string(component)?;
        let servers = self.servers.iter().map(|server| match server {
            Server::Of(name) => format!("{{{{ {name} }}}}"),
            Server::Fixed(server) => server.clone(),
        });
        let context = json!({
            "settings": self.settings,
            "servers": servers.collect::<Vec<_>>(),
            "directory": self.identity.directory(),
            "name": self.name,
            "component": component,
        });
        render(include_str!("spin.toml.j2"), &context)
    }

    /// A `SpinApp` for SpinKube, and its autoscaler.
    pub fn spinkube(&self, image: &Image, values: &Values) -> anyhow::Result<String> {
        self.identity.in_cluster(false)?;
        render(include_str!("spinkube.yaml.j2"), &self.cluster(image, values, None))
    }

    /// A `WorkloadDeployment` for wasmCloud 2, its configuration and its service; `host` is the name that callers use.
    pub fn wasmcloud(&self, image: &Image, values: &Values, host: &Hostname) -> anyhow::Result<String> {
        self.identity.in_cluster(true)?;
        render(include_str!("wasmcloud.yaml.j2"), &self.cluster(image, values, Some(host)))
    }

    /// Only settings with a value, and secrets: optional settings are left out.
    fn cluster(&self, image: &Image, values: &Values, host: Option<&Hostname>) -> Value {
        let value = |setting: &Setting| {
            let given = match setting.name.as_str() {
                acs::ENDPOINT => Some(values.endpoint.to_string()),
                PUBLIC_URL => Some(values.public_url.to_string()),
                entra::TENANT => values.tenant.as_ref().map(ToString::to_string),
                entra::CLIENT => values.client.as_ref().map(ToString::to_string),
                _ => None,
            };
            given.or_else(|| setting.default.clone()).unwrap_or_else(|| PLACEHOLDER.to_owned())
        };
        let settings = self.settings.iter().map(|setting| {
            let Setting { name, upper, secret, given, .. } = setting;
            json!({ "name": name, "upper": upper, "secret": secret, "given": given, "value": value(setting) })
        });
        let servers = self.servers.iter().map(|server| match server {
            Server::Of(name) => {
                self.settings.iter().find(|setting| setting.name == *name).map(value).unwrap_or_default()
            }
            Server::Fixed(server) => (*server).to_owned(),
        });
        json!({
            "settings": settings.filter(|setting| setting["secret"] == true || setting["value"] != "").collect::<Vec<_>>(),
            "servers": servers.collect::<Vec<_>>(),
            "directory": self.identity.directory(),
            "name": self.name,
            "image": image,
            "host": host,
        })
    }
}

fn render(template: &str, context: &Value) -> anyhow::Result<String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    Ok(environment.render_str(template, Serde(context))?)
}
