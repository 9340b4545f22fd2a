//! A sealed component's description of itself, in a custom section: for people, and for the host's settings.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use anyhow::Context as _;
use postern::policy::scheme::definitions;
use postern::policy::{Digest, Kind, Policy, Recipients};
use postern_lint::approval::Approval;
use postern_runtime::{add_section, find_section};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::engine::Engine;
use crate::visible;

/// The section's name.
const SECTION: &str = "postern";

/// A sealed component's content.
#[derive(Debug, Serialize, Deserialize)]
pub struct Description {
    /// The engine that contains the policy.
    pub engine: EngineEntry,
    /// The sha256 of everything that decides what is sent, as in audit lines and `/readyz`.
    pub policy_sha256: String,
    /// The settings that contain callers' secrets, in snake_case.
    pub settings: Vec<String>,
    /// Who may ask for the status of operations; nobody if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<OperationsEntry>,
    /// The origins of captcha services, which a host must allow in addition to ACS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<String>,
    /// Where the gate stores mails that it could not deliver in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overflow: Option<OverflowEntry>,
    /// From addresses.
    pub senders: Vec<SenderEntry>,
    /// Forms and webhooks.
    pub routes: Vec<RouteEntry>,
    /// Templates.
    pub templates: Vec<TemplateEntry>,
    /// Who approved what.
    pub approvals: Vec<ApprovalEntry>,
}

/// The engine that contains the policy.
#[derive(Debug, Serialize, Deserialize)]
pub struct EngineEntry {
    /// Its version, if known.
    pub version: Option<String>,
    /// The hosts that it is for: `wasi` or `spin`.
    pub host: String,
    /// The sha256 of its bytes.
    pub sha256: String,
}

/// Who may ask for the status of operations.
#[derive(Debug, Serialize, Deserialize)]
pub struct OperationsEntry {
    /// How they authenticate.
    pub scheme: String,
    /// The settings that contain their secrets.
    pub settings: Vec<String>,
}

/// Where the gate stores mails that it could not deliver in time.
#[derive(Debug, Serialize, Deserialize)]
pub struct OverflowEntry {
    /// The queue's address.
    pub queue: String,
    /// The address of the container for mails that are too large for the queue.
    pub container: String,
}

/// A From address.
#[derive(Debug, Serialize, Deserialize)]
pub struct SenderEntry {
    /// The name that mails refer to.
    pub name: String,
    /// The From address.
    pub address: String,
    /// Who is responsible for it.
    pub owner: String,
}

/// A form or a webhook.
#[derive(Debug, Serialize, Deserialize)]
pub struct RouteEntry {
    /// The name.
    pub name: String,
    /// The path that callers post to.
    pub path: String,
    /// `form` or `event`.
    pub kind: String,
    /// How callers of an event route authenticate.
    pub scheme: Option<String>,
    /// The settings that contain their secrets.
    pub settings: Vec<String>,
    /// The schema's name.
    pub schema: String,
    /// The sha256 of the schema's normal form.
    pub schema_sha256: String,
    /// The mails that it may send.
    pub mails: Vec<MailEntry>,
}

/// A mail that a route may send.
#[derive(Debug, Serialize, Deserialize)]
pub struct MailEntry {
    /// The name.
    pub name: String,
    /// The template's name.
    pub template: String,
    /// The sender's name.
    pub sender: String,
    /// What it is for.
    pub purpose: String,
    /// The recipients, if the policy names them.
    pub to: Vec<String>,
    /// The pointer to the recipient, if the payload contains it.
    pub to_field: Option<String>,
    /// The domains that the recipient may have; any if empty.
    pub allow: Vec<String>,
}

/// A template.
#[derive(Debug, Serialize, Deserialize)]
pub struct TemplateEntry {
    /// The name.
    pub name: String,
    /// The sha256 of its parts and layouts, as in audit lines.
    pub sha256: String,
}

/// An approval.
#[derive(Debug, Serialize, Deserialize)]
pub struct ApprovalEntry {
    /// What is approved, as `approvals.toml` names it.
    pub name: String,
    /// The sha256 of the approved content.
    pub sha256: String,
    /// The address of the person who approved it.
    pub by: String,
    /// When, as in 2026-03-31.
    pub on: String,
}

impl Description {
    /// Describes a policy sealed into an engine.
    pub fn of(policy: &Policy, approvals: &BTreeMap<String, Approval>, engine: &Engine) -> Self {
        Self {
            engine: EngineEntry {
                version: engine.version.map(str::to_owned),
                host: engine.flavour.name().to_owned(),
                sha256: Digest::of_bytes(&engine.component).to_string(),
            },
            policy_sha256: policy.digest().to_string(),
            settings: policy.secrets().into_iter().map(ToString::to_string).collect(),
            operations: policy.operations().map(|auth| OperationsEntry {
                scheme: auth.name.to_owned(),
                settings: auth.secrets.iter().map(ToString::to_string).collect(),
            }),
            servers: policy.servers(),
            overflow: policy.overflow().map(overflow),
            senders: policy.senders().map(sender).collect(),
            routes: policy.routes().map(route).collect(),
            templates: policy.templates().iter().map(template).collect(),
            approvals: approvals.iter().map(approval).collect(),
        }
    }

    /// Whether some callers authenticate with Entra tokens.
    pub fn takes_entra_tokens(&self) -> bool {
        let routes = self.routes.iter().filter_map(|route| route.scheme.as_deref());
        let operations = self.operations.iter().map(|operations| operations.scheme.as_str());
        routes.chain(operations).any(publishes_keys)
    }

    /// Reads the description of a sealed component.
    pub fn read(component: &[u8]) -> anyhow::Result<Self> {
        let section = find_section(component, SECTION)?.context("This component was not sealed by `postern seal`.")?;
        serde_json::from_slice(section).context("This component's description cannot be read")
    }

    /// Writes the description into the component.
    pub fn add_to(&self, component: &mut Vec<u8>) -> anyhow::Result<()> {
        add_section(component, SECTION, &serde_json::to_vec(self)?);
        Ok(())
    }
}

/// Whether a scheme's sender publishes its keys, which a host must let the gate fetch.
fn publishes_keys(scheme: &str) -> bool {
    definitions().get(scheme).is_some_and(|definition| !definition.has_secret())
}

fn overflow(overflow: &postern::policy::Overflow) -> OverflowEntry {
    OverflowEntry { queue: overflow.queue.to_string(), container: overflow.container.to_string() }
}

fn sender(sender: &postern::policy::Sender) -> SenderEntry {
    SenderEntry {
        name: sender.name.clone(),
        address: sender.address.as_str().to_owned(),
        owner: sender.owner.as_str().to_owned(),
    }
}

fn route(route: &postern::policy::Route) -> RouteEntry {
    let secrets = route.auth.iter().flat_map(|auth| &auth.secrets);
    RouteEntry {
        name: route.name.clone(),
        path: route.path.clone(),
        kind: if route.kind == Kind::Form { "form" } else { "event" }.to_owned(),
        scheme: route.auth.as_ref().map(|auth| auth.name.to_owned()),
        settings: secrets.map(ToString::to_string).collect(),
        schema: route.schema_name.clone(),
        schema_sha256: route.schema.digest().to_string(),
        mails: route.mails.iter().map(mail).collect(),
    }
}

fn mail(mail: &postern::policy::Mail) -> MailEntry {
    let (to, to_field, allow) = match &mail.to {
        Recipients::Fixed(addresses) => (addresses.iter().map(|to| to.as_str().to_owned()).collect(), None, Vec::new()),
        Recipients::Field { pointer, allow } => (Vec::new(), Some(pointer.clone()), allow.clone()),
    };
    MailEntry {
        name: mail.name.clone(),
        template: mail.template.name().to_owned(),
        sender: mail.sender.name.clone(),
        purpose: mail.purpose.as_str().to_owned(),
        to,
        to_field,
        allow,
    }
}

fn template(template: &postern::policy::Template) -> TemplateEntry {
    TemplateEntry { name: template.name().to_owned(), sha256: template.digest().to_string() }
}

fn approval((name, approval): (&String, &Approval)) -> ApprovalEntry {
    ApprovalEntry {
        name: name.clone(),
        sha256: approval.sha256.clone(),
        by: approval.approved_by.clone(),
        on: approval.approved_on.to_string(),
    }
}

/// Short lines for people. A component can come from anywhere, so none of its texts may look like another line.
impl fmt::Display for Description {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.shown().ok_or(fmt::Error)?.write(&mut text)?;
        out.write_str(text.trim_end())
    }
}

/// Makes every text of a value safe as part of a line.
fn shown(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(visible::line(&text)),
        Value::Array(items) => items.into_iter().map(shown).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, shown(value))).collect(),
        other => other,
    }
}

impl Description {
    fn shown(&self) -> Option<Self> {
        serde_json::from_value(shown(serde_json::to_value(self).ok()?)).ok()
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        let engine = &self.engine;
        writeln!(out, "Engine     {} for {}", engine.version.as_deref().unwrap_or("from a file"), engine.host)?;
        writeln!(out, "  sha256   {}", engine.sha256)?;
        writeln!(out, "Policy\n  sha256   {}", self.policy_sha256)?;
        if let Some(overflow) = &self.overflow {
            writeln!(out, "Overflow\n  queue    {}\n  blobs    {}", overflow.queue, overflow.container)?;
        }
        writeln!(out, "Senders")?;
        for sender in &self.senders {
            writeln!(out, "  {}: {}\n    owner {}", sender.name, sender.address, sender.owner)?;
        }
        writeln!(out, "Routes")?;
        for route in &self.routes {
            route.write(out)?;
        }
        if let Some(operations) = &self.operations {
            writeln!(out, "Operations\n  authenticated by {}{}", operations.scheme, held(&operations.settings))?;
        }
        writeln!(out, "Templates")?;
        for template in &self.templates {
            writeln!(out, "  {}\n    sha256 {}", template.name, template.sha256)?;
        }
        writeln!(out, "Approvals")?;
        for approval in &self.approvals {
            writeln!(out, "  {}\n    by {} on {}", approval.name, approval.by, approval.on)?;
        }
        Ok(())
    }
}

impl RouteEntry {
    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "  {}: {} {}", self.name, self.kind, self.path)?;
        if let Some(scheme) = &self.scheme {
            writeln!(out, "    authenticated by {scheme}{}", held(&self.settings))?;
        }
        writeln!(out, "    schema {}\n    sha256 {}", self.schema, self.schema_sha256)?;
        for mail in &self.mails {
            writeln!(out, "    mail {}: {} from {}", mail.name, mail.purpose, mail.sender)?;
            for address in &mail.to {
                writeln!(out, "      to {address}")?;
            }
            if let Some(field) = &mail.to_field {
                writeln!(out, "      to the payload's {field}")?;
            }
            for domain in &mail.allow {
                writeln!(out, "        at {domain}")?;
            }
        }
        Ok(())
    }
}

fn held(settings: &[String]) -> String {
    if settings.is_empty() { String::new() } else { format!(", secret in {}", settings.join(", ")) }
}
