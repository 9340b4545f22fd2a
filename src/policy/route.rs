//! Routes, their mails and senders: the tables of `postern.toml`, resolved and made valid.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use toml::Spanned;

use super::diagnostic::Place;
use super::document::{Document, FieldTable, HandshakeTable, Kind, MailTable, Protocol, ReplyToTable, RouteTable, To};
use super::files::{Files, POLICY_FILE};
use super::template::{Template, Templates};
use super::{Address, Attachments, Findings, Form, Purpose, Schema, SettingName, auth, form};
use crate::auth::Proof;
use crate::contract::{self, Contract};
use crate::decode::Envelope;
use crate::gate;
use crate::guard::CONFIRMATION_LINK;
use crate::handshake::{EVENT_GRID_ORIGIN, Handshake};
use crate::inquiry;

/// The most bytes a body may have where the route does not say otherwise.
pub const DEFAULT_BODY_LIMIT: usize = 256 * 1024;

/// The most bytes a route may allow: what ACS takes in one request.
pub const MAX_BODY_LIMIT: usize = 10 * 1024 * 1024;

/// The longest time a route may allow: Event Grid, the most patient of the known senders, waits thirty seconds.
pub const MAX_TIME_BUDGET: Duration = Duration::from_secs(29);

/// The most addresses a mail may name; ACS's own ceiling is 50 over all lists.
pub const MAX_FIXED_RECIPIENTS: usize = 10;

/// An approved From address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The name that mails refer to.
    pub name: String,
    /// The From address.
    pub address: Address,
    /// Who answers for it.
    pub owner: Address,
}

/// One webhook.
#[derive(Debug)]
pub struct Route {
    /// The name in the policy.
    pub name: String,
    /// The path callers post to.
    pub path: String,
    /// Who calls.
    pub kind: Kind,
    /// How callers of an event route prove themselves; `None` for forms alone.
    pub auth: Option<RouteAuth>,
    /// What they expect of answers.
    pub contract: &'static Contract,
    /// What stands around an event's data; nothing where absent.
    pub envelope: Option<Envelope>,
    /// How the sender asks whether its events are wanted.
    pub handshake: Option<Handshake>,
    /// The sites whose pages may post, as browsers write them in `Origin`.
    pub origins: Vec<String>,
    /// Where a browser goes after a form was accepted.
    pub thanks: Option<String>,
    /// What a form does for its visitors and against robots.
    pub form: Form,
    /// The most bytes a body may have that is no form with files.
    pub body_limit: usize,
    /// The most bytes of a form with files (`multipart/form-data`).
    pub upload_limit: usize,
    /// How long the gate may take for a request.
    pub time_budget: Duration,
    /// What a payload must look like.
    pub schema: Arc<Schema>,
    /// The schema's name.
    pub schema_name: String,
    /// What the route may send.
    pub mails: Vec<Mail>,
}

/// When the mails of a form go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Once the form was sent.
    Submitted,
    /// Once the visitor followed the link in the mail that asks for it.
    Confirmed,
}

impl Route {
    /// When a mail goes out. Where a form is to be confirmed, only the mail that asks for it goes out before.
    pub fn stage(&self, mail: &Mail) -> Stage {
        match (&self.form.confirmation, mail.purpose) {
            (Some(_), purpose) if purpose != Purpose::Verification => Stage::Confirmed,
            _ => Stage::Submitted,
        }
    }

    /// Whether a mail may show the table of all fields.
    pub fn shows_table(&self) -> bool {
        self.mails.iter().any(|mail| mail.template.shows_table())
    }

    /// An origin that the route lists, for trying it; of a pattern, one that it covers.
    pub fn example_origin(&self) -> Option<String> {
        self.origins.first().map(|origin| origin.replacen('*', "www", 1))
    }
}

/// How callers prove themselves.
#[derive(Debug)]
pub struct RouteAuth {
    /// The scheme's name.
    pub scheme: &'static str,
    /// What it demands.
    pub proof: Proof,
    /// The settings that hold the secrets; any of them will do, so that one can be replaced.
    pub secrets: Vec<SettingName>,
}

/// One message a route may send.
#[derive(Debug)]
pub struct Mail {
    /// Tells the mail from others of the route.
    pub name: String,
    /// What it says.
    pub template: Template,
    /// Who sends it.
    pub sender: Sender,
    /// What it is for.
    pub purpose: Purpose,
    /// Who gets it.
    pub to: Recipients,
    /// Where an answer goes.
    pub reply_to: Option<ReplyTo>,
    /// Whether it carries the form's files.
    pub attachments: bool,
    /// The condition under which it is sent; always where absent.
    pub when: Option<Schema>,
    /// Where the policy defines the mail.
    pub place: Place,
}

/// Who gets a mail.
#[derive(Debug)]
pub enum Recipients {
    /// Addresses the policy names.
    Fixed(Vec<Address>),
    /// The one address that the payload holds.
    Field {
        /// A JSON Pointer to it.
        pointer: String,
        /// The domains it may have, in lower case; any where empty.
        allow: Vec<String>,
    },
}

/// Where an answer to a mail goes.
#[derive(Debug)]
pub struct ReplyTo {
    /// A JSON Pointer to the address.
    pub address: String,
    /// A JSON Pointer to the person's name.
    pub name: Option<String>,
}

pub(super) fn at<T>(spanned: &Spanned<T>) -> Place {
    Place::Span(spanned.span())
}

pub(super) fn error<T>(
    findings: &mut Findings,
    spanned: &Spanned<T>,
    message: impl Into<String>,
    help: impl Into<String>,
) {
    findings.error(POLICY_FILE, at(spanned), message, help);
}

/// Resolves `[senders]`.
pub(super) fn senders(document: &Document, findings: &mut Findings) -> BTreeMap<String, Sender> {
    let used = |name: &str| {
        document.routes.values().flat_map(|route| &route.mails).any(|mail| mail.get_ref().sender.get_ref() == name)
    };
    let mut senders = BTreeMap::new();
    for (name, table) in &document.senders {
        if !used(name.get_ref()) {
            findings.warning(
                POLICY_FILE,
                at(name),
                format!("No mail uses the sender `{}`.", name.get_ref()),
                "Remove it: what nobody sends needs no approval.",
            );
        }
        let address = address(&table.address, findings);
        let owner = self::address(&table.owner, findings);
        if let (Some(address), Some(owner)) = (address, owner) {
            let name = name.get_ref().clone();
            senders.insert(name.clone(), Sender { name, address, owner });
        }
    }
    senders
}

fn address(text: &Spanned<String>, findings: &mut Findings) -> Option<Address> {
    let parsed = Address::parse(text.get_ref());
    if let Err(reason) = parsed {
        error(findings, text, format!("`{}` is {reason}.", text.get_ref()), "Write the bare address alone.");
    }
    parsed.ok()
}

const SCHEMAS: &str = "schemas/";

/// Compiles `schemas/*.json`, each once however many routes use it.
pub(super) fn schemas(
    files: &Files,
    document: &Document,
    findings: &mut Findings,
) -> BTreeMap<String, Option<Arc<Schema>>> {
    let mut schemas = BTreeMap::new();
    for path in files.paths().filter(|path| path.starts_with(SCHEMAS)) {
        let file = path.get(SCHEMAS.len()..).unwrap_or_default();
        if file.split_once('/').is_some_and(|(folder, _)| folder.ends_with(".examples")) {
            continue;
        }
        let used = |name: &str| document.routes.values().any(|route| route.schema.get_ref() == name);
        match file.strip_suffix(".json") {
            Some(name) if used(name) => {
                schemas.insert(name.to_owned(), schema(files, path, findings));
            }
            Some(_) => findings.error(path, Place::File, "No route uses this schema.", "Use it or remove it."),
            None => findings.error(path, Place::File, "This file is no schema.", "Schemas are named NAME.json."),
        }
    }
    schemas
}

fn schema(files: &Files, path: &str, findings: &mut Findings) -> Option<Arc<Schema>> {
    match serde_json::from_str(files.text(path).unwrap_or_default()) {
        Err(reason) => {
            let message = format!("This is not JSON: {reason}.");
            findings.error(path, Place::Line(reason.line()), message, "Correct the text.");
            None
        }
        Ok(document) => Schema::compile(document)
            .map_err(|refusal| findings.error(path, Place::Pointer(refusal.pointer), refusal.message, refusal.help))
            .ok()
            .map(Arc::new),
    }
}

/// What routes may refer to.
struct Known<'a> {
    senders: &'a BTreeMap<String, Sender>,
    schemas: &'a BTreeMap<String, Option<Arc<Schema>>>,
    templates: &'a Templates,
}

/// Resolves `[routes]`; a route with an error is left out, and the findings say why.
pub(super) fn routes(
    document: Document,
    senders: &BTreeMap<String, Sender>,
    schemas: &BTreeMap<String, Option<Arc<Schema>>>,
    templates: &Templates,
    findings: &mut Findings,
) -> BTreeMap<String, Route> {
    let known = Known { senders, schemas, templates };
    if document.routes.is_empty() {
        findings.error(POLICY_FILE, Place::File, "The policy has no route.", "Add a table [routes.NAME].");
    }
    unused_templates(&document, templates, findings);
    let mut routes: BTreeMap<String, Route> = BTreeMap::new();
    for (name, table) in document.routes {
        let path = table.path.clone();
        let Some(route) = route(name.into_inner(), table, &known, findings) else { continue };
        if let Some(earlier) = routes.get(&route.path) {
            let message = format!("The routes `{}` and `{}` have the same path.", earlier.name, route.name);
            error(findings, &path, message, "Give each route a path of its own.");
        }
        routes.insert(route.path.clone(), route);
    }
    routes
}

fn unused_templates(document: &Document, templates: &Templates, findings: &mut Findings) {
    for template in templates.iter() {
        let mut mails = document.routes.values().flat_map(|route| &route.mails);
        if !mails.any(|mail| mail.get_ref().template.get_ref() == template.name()) {
            let message = format!("No mail uses the template `{}`.", template.name());
            findings.error(&template.path(Part::Subject.file()), Place::File, message, "Use it or remove it.");
        }
    }
}

use super::template::Part;

fn route(name: String, table: RouteTable, known: &Known<'_>, findings: &mut Findings) -> Option<Route> {
    let path = path(&table.path, findings);
    let auth = auth::auth(&name, &table, findings);
    let contract = contract(&table, findings);
    let envelope = envelope(&table, findings);
    let handshake = handshake(&table, contract, findings);
    let origins = origins(&name, &table, findings);
    let thanks = thanks(&table, findings);
    let form = form::form(&name, &table, findings);
    let (body_limit, upload_limit) = body_limits(&table, &form, findings);
    let time_budget = time_budget(&table, contract, findings);
    let schema = known.schemas.get(table.schema.get_ref());
    if schema.is_none() {
        let message = format!("There is no schema `{}`.", table.schema.get_ref());
        error(findings, &table.schema, message, format!("Write {SCHEMAS}{}.json.", table.schema.get_ref()));
    }
    let schema = Arc::clone(schema?.as_ref()?);
    let kind = *table.kind.get_ref();
    if kind == Kind::Form && schema.property("/fields").is_some() {
        let help = "Rename the property: `fields` is the table of all fields in the templates of a form.";
        error(findings, &table.schema, "The schema of a form cannot have a property `fields`.", help);
    }
    if form.confirmation.is_some() && schema.property(&format!("/{CONFIRMATION_LINK}")).is_some() {
        let message = format!("The schema of a form with `confirmation` cannot have a property `{CONFIRMATION_LINK}`.");
        error(findings, &table.schema, message, "Rename the property: it is what templates call the link.");
    }
    if table.mails.is_empty() {
        error(findings, &table.path, format!("The route `{name}` sends no mail."), "Add [[routes.NAME.mails]].");
    }
    let conditional = |mail: &Spanned<MailTable>| mail.get_ref().when.is_some();
    if kind == Kind::Form && !table.mails.is_empty() && table.mails.iter().all(conditional) {
        let message = format!("A visitor of the form `{name}` could get no mail sent: every mail has a condition.");
        error(findings, &table.path, message, "Leave `when` out of at least one mail of a form.");
    }
    let mut mails: Vec<Mail> = Vec::new();
    for table in table.mails {
        let Some(mail) = mail(table, &schema, known, findings) else { continue };
        if mail.attachments && (form.attachments.is_none() || !matches!(mail.to, Recipients::Fixed(_))) {
            let message = format!("The mail `{}` cannot carry files.", mail.name);
            let help = "Its form must take `attachments`, and it must go to addresses that the policy names.";
            findings.error(POLICY_FILE, mail.place.clone(), message, help);
        }
        if mails.iter().any(|earlier| earlier.name == mail.name) {
            let message = format!("Two mails of the route `{name}` are named `{}`.", mail.name);
            findings.error(POLICY_FILE, mail.place.clone(), message, "Give one of them a `name` of its own.");
        }
        mails.push(mail);
    }
    if let Some(table) = table.form.as_ref().and_then(|form| form.get_ref().confirmation.as_ref()) {
        confirmation(table, &mails, findings);
    }
    let schema_name = table.schema.into_inner();
    Some(Route {
        name,
        path: path?,
        kind,
        auth: auth?,
        contract,
        envelope,
        handshake,
        origins: origins?,
        thanks,
        form,
        body_limit,
        upload_limit,
        time_budget,
        schema,
        schema_name,
        mails,
    })
}

/// A form to be confirmed has one mail that asks for it, whatever was filled in, and others that wait.
fn confirmation<T>(table: &Spanned<T>, mails: &[Mail], findings: &mut Findings) {
    let asking: Vec<_> = mails.iter().filter(|mail| mail.purpose == Purpose::Verification).collect();
    if !matches!(asking.as_slice(), [mail] if mail.when.is_none() && matches!(mail.to, Recipients::Field { .. })) {
        let message = "A form with `confirmation` needs one mail of the purpose `verification`, without `when`.";
        error(findings, table, message, "It carries the link to the payload's address; other mails wait until then.");
    } else if asking.len() == mails.len() {
        error(findings, table, "Nothing would be sent after the confirmation.", "Add the mail that waits for it.");
    }
}

fn path(text: &Spanned<String>, findings: &mut Findings) -> Option<String> {
    let path = text.get_ref();
    let segments = path.strip_prefix('/').unwrap_or_default().split('/');
    let plain = |segment: &str| {
        !segment.is_empty()
            && !segment.starts_with('.')
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
    };
    if !(path.starts_with('/') && path.len() <= 128 && segments.clone().all(plain)) {
        let help = "Start with a slash and use letters, digits, `-`, `_`, `.` and `~` between slashes.";
        error(findings, text, format!("`{path}` is not a usable path."), help);
        return None;
    }
    if gate::RESERVED_PATHS.iter().any(|reserved| path == reserved) || format!("{path}/").starts_with(inquiry::PATH) {
        error(findings, text, format!("The path `{path}` is the gate's own."), "Choose another path.");
        return None;
    }
    Some(path.clone())
}

fn origins(name: &str, table: &RouteTable, findings: &mut Findings) -> Option<Vec<String>> {
    match (table.kind.get_ref(), &table.origins) {
        (Kind::Event, None) => Some(Vec::new()),
        (Kind::Event, Some(origins)) => {
            let help = "Systems send no Origin; remove `origins`.";
            error(findings, origins, format!("The event route `{name}` cannot have `origins`."), help);
            None
        }
        (Kind::Form, None) => {
            let help = "Add origins = [\"https://www.your-site.example\"].";
            error(findings, &table.kind, format!("The form `{name}` does not say which sites may use it."), help);
            None
        }
        (Kind::Form, Some(origins)) if origins.get_ref().is_empty() => {
            error(findings, origins, format!("No site may use the form `{name}`."), "Name at least one origin.");
            None
        }
        (Kind::Form, Some(origins)) => {
            let checked: Vec<_> = origins.get_ref().iter().map(|text| origin(text, findings)).collect();
            checked.into_iter().collect()
        }
    }
}

/// An origin as browsers write it (RFC 6454, 6.2): scheme and host in lower case, a port only when not the default.
/// With `*.` before its host it stands for every site below that name.
fn origin(text: &Spanned<String>, findings: &mut Findings) -> Option<String> {
    let origin = text.get_ref();
    let site = origin.replacen("https://*.", "https://any.", 1);
    let uri: Option<http::Uri> = site.parse().ok();
    let host = uri.as_ref().and_then(http::Uri::host).unwrap_or_default();
    let https = site.starts_with("https://") && !site.ends_with(":443");
    let local = site.starts_with("http://") && matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    let bare = !host.is_empty()
        && !site.contains(['@', '*', '?', '#'])
        && site.matches('/').count() == 2
        && !site.bytes().any(|byte| byte.is_ascii_uppercase());
    // `https://*.example` would be everybody's.
    let narrow = site == *origin || host.matches('.').count() >= 2;
    if bare && narrow && (https || local) {
        return Some(origin.clone());
    }
    let help = "Write https://host, as browsers do: lower case, no path, no default port; http only for localhost. \
                https://*.contoso.example is every site below that name.";
    error(findings, text, format!("`{origin}` is not an origin."), help);
    None
}

fn thanks(table: &RouteTable, findings: &mut Findings) -> Option<String> {
    let thanks = table.thanks.as_ref()?;
    if *table.kind.get_ref() == Kind::Event {
        error(findings, thanks, "An event route has nobody to thank.", "Remove `thanks`.");
    }
    form::page(thanks, findings)
}

/// The most bytes of a plain body, and of a form with files.
fn body_limits(table: &RouteTable, form: &Form, findings: &mut Findings) -> (usize, usize) {
    let upload_limit = form.attachments.as_ref().map_or(DEFAULT_BODY_LIMIT, Attachments::body_limit);
    let Some(limit) = &table.body_limit else { return (DEFAULT_BODY_LIMIT, upload_limit) };
    match usize::try_from(*limit.get_ref()) {
        Ok(bytes @ 1..=MAX_BODY_LIMIT) => (bytes, bytes),
        _ => {
            let message = format!("`body_limit` must be between 1 and {MAX_BODY_LIMIT} bytes.");
            error(findings, limit, message, "Leave it out for the default of 256 KiB.");
            (DEFAULT_BODY_LIMIT, DEFAULT_BODY_LIMIT)
        }
    }
}

/// The contract that the route names, else the one of its scheme.
fn contract(table: &RouteTable, findings: &mut Findings) -> &'static Contract {
    if let Some(name) = &table.contract {
        if *table.kind.get_ref() == Kind::Form {
            let help = "Browsers have no contract; remove `contract`.";
            error(findings, name, "A form route cannot have a `contract`.", help);
        }
        return contract::find(name.get_ref()).unwrap_or_else(|| {
            let message = format!("There is no contract `{}`.", name.get_ref());
            error(findings, name, message, format!("Contracts: {}.", contract::names()));
            &contract::PLAIN
        });
    }
    let scheme = table.auth.as_ref().and_then(|auth| contract::find(auth.get_ref().scheme.get_ref()));
    let envelope = table.envelope.as_ref().and_then(|envelope| contract::find(envelope.get_ref().as_str()));
    scheme.or(envelope).unwrap_or(&contract::PLAIN)
}

fn envelope(table: &RouteTable, findings: &mut Findings) -> Option<Envelope> {
    let envelope = table.envelope.as_ref()?;
    if *table.kind.get_ref() == Kind::Form {
        error(findings, envelope, "A form route cannot have an `envelope`.", "Browsers send fields; remove it.");
    }
    Some(*envelope.get_ref())
}

fn handshake(table: &RouteTable, contract: &Contract, findings: &mut Findings) -> Option<Handshake> {
    let asked = table.handshake.as_ref()?;
    let HandshakeTable { protocol, subscription, origin } = asked.get_ref();
    let envelope = table.envelope.as_ref().map(|envelope| *envelope.get_ref());
    let (fits, needs) = match protocol {
        Protocol::EventGrid => (envelope == Some(Envelope::EventGrid), "envelope = \"event-grid\""),
        Protocol::CloudEvents => (envelope == Some(Envelope::CloudEvents), "envelope = \"cloudevents\""),
        Protocol::Slack => (contract.name == "slack" && envelope.is_none(), "scheme = \"slack\" and no envelope"),
    };
    if *table.kind.get_ref() == Kind::Form {
        error(findings, asked, "A form route cannot have a `handshake`.", "Browsers do not ask; remove it.");
    } else if !fits {
        error(findings, asked, "The sender of this route does not ask so.", format!("This handshake needs {needs}."));
    }
    if subscription.is_some() && *protocol != Protocol::EventGrid {
        error(findings, asked, "`subscription` is for the handshake `event-grid`.", "Remove it.");
    }
    if origin.is_some() && *protocol != Protocol::CloudEvents {
        error(findings, asked, "`origin` is for the handshake `cloudevents`.", "Remove it.");
    }
    let origin = origin.as_deref().unwrap_or(EVENT_GRID_ORIGIN);
    let host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte);
    if origin.is_empty() || !origin.bytes().all(host) {
        error(
            findings,
            asked,
            format!("`{origin}` is no origin of a sender."),
            "Write a name such as eventgrid.azure.net.",
        );
    }
    Some(match protocol {
        Protocol::EventGrid => Handshake::EventGrid { subscription: subscription.clone() },
        Protocol::CloudEvents => Handshake::CloudEvents { origin: origin.to_owned() },
        Protocol::Slack => Handshake::Slack,
    })
}

fn time_budget(table: &RouteTable, contract: &Contract, findings: &mut Findings) -> Duration {
    let most = contract.time_budget();
    let Some(seconds) = &table.time_budget else { return most };
    let budget = Duration::from_secs(*seconds.get_ref());
    let most = if contract.name == contract::PLAIN.name { MAX_TIME_BUDGET } else { most };
    if budget.is_zero() || budget > most {
        let message = format!("`time_budget` must be between 1 and {} seconds.", most.as_secs());
        error(findings, seconds, message, "Stay below the time after which the sender hangs up.");
    }
    budget
}

fn mail(table: Spanned<MailTable>, schema: &Schema, known: &Known<'_>, findings: &mut Findings) -> Option<Mail> {
    let place = at(&table);
    let table = table.into_inner();
    let template = known.templates.get(table.template.get_ref());
    if template.is_none() {
        let message = format!("There is no template `{}`.", table.template.get_ref());
        error(findings, &table.template, message, "Write a folder of that name in templates/.");
    }
    let sender = known.senders.get(table.sender.get_ref());
    if sender.is_none() {
        let message = format!("There is no usable sender `{}`.", table.sender.get_ref());
        error(findings, &table.sender, message, "Add it under [senders], or correct it there.");
    }
    let to = recipients(&table.to, schema, findings);
    let reply_to = table.reply_to.as_ref().map(|reply_to| self::reply_to(reply_to, schema, findings));
    let when = table.when.map(|when| condition(when, findings));
    let name = table.name.map_or_else(|| table.template.get_ref().clone(), Spanned::into_inner);
    Some(Mail {
        name,
        template: template?.clone(),
        sender: sender?.clone(),
        purpose: table.purpose.into_inner(),
        to: to?,
        reply_to,
        attachments: table.attachments,
        when: when.map_or(Some(None), |when| when.map(Some))?,
        place,
    })
}

fn condition(when: Spanned<Value>, findings: &mut Findings) -> Option<Schema> {
    let place = at(&when);
    Schema::compile(when.into_inner())
        .map_err(|refusal| findings.error(POLICY_FILE, place, refusal.message, refusal.help))
        .ok()
}

fn recipients(to: &Spanned<To>, schema: &Schema, findings: &mut Findings) -> Option<Recipients> {
    match to.get_ref() {
        To::Fixed(addresses) if (1..=MAX_FIXED_RECIPIENTS).contains(&addresses.len()) => {
            let checked: Vec<_> = addresses.iter().map(|text| address(text, findings)).collect();
            Some(Recipients::Fixed(checked.into_iter().collect::<Option<_>>()?))
        }
        To::Fixed(_) => {
            let message = format!("A mail goes to between one and {MAX_FIXED_RECIPIENTS} addresses.");
            error(findings, to, message, "Use a distribution list for more.");
            None
        }
        To::Field(table) => chosen(table, schema, findings),
    }
}

fn chosen(table: &FieldTable, schema: &Schema, findings: &mut Findings) -> Option<Recipients> {
    let address = address_field(&table.field, schema, findings);
    if address == Some(Presence::Optional) {
        let message = format!("The schema lets `{}` be absent, so the mail could go to nobody.", table.field.get_ref());
        error(findings, &table.field, message, "Name the field under `required`.");
    }
    let mut allow = Vec::new();
    for domain in table.allow.iter().flatten() {
        if Address::parse(&format!("name@{}", domain.get_ref())).is_err() {
            let message = format!("`{}` is no domain.", domain.get_ref());
            error(findings, domain, message, "Write a domain such as contoso.example.");
        }
        allow.push(domain.get_ref().to_ascii_lowercase());
    }
    if let Some([]) = table.allow.as_deref() {
        error(findings, &table.field, "An empty `allow` lets no address through.", "Name a domain or leave it out.");
    }
    Some(Recipients::Field { pointer: table.field.get_ref().clone(), allow })
}

/// Whether a payload always has a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    Optional,
}

fn address_field(pointer: &Spanned<String>, schema: &Schema, findings: &mut Findings) -> Option<Presence> {
    let Some((property, required)) = schema.property(pointer.get_ref()) else {
        let message = format!("The schema has no property at `{}`.", pointer.get_ref());
        error(findings, pointer, message, "Write a JSON Pointer such as \"/email\" to a property of the schema.");
        return None;
    };
    if property.get("format").and_then(Value::as_str) != Some("email") {
        let message = format!("The schema does not demand an e-mail address at `{}`.", pointer.get_ref());
        error(findings, pointer, message, "Add \"format\": \"email\" to the property.");
    }
    Some(if required { Presence::Required } else { Presence::Optional })
}

fn reply_to(table: &Spanned<ReplyToTable>, schema: &Schema, findings: &mut Findings) -> ReplyTo {
    let table = table.get_ref();
    address_field(&table.field, schema, findings);
    if let Some(name) = &table.name
        && schema.property(name.get_ref()).is_none()
    {
        let message = format!("The schema has no property at `{}`.", name.get_ref());
        error(findings, name, message, "Write a JSON Pointer such as \"/name\" to a property of the schema.");
    }
    ReplyTo { address: table.field.get_ref().clone(), name: table.name.as_ref().map(|name| name.get_ref().clone()) }
}
