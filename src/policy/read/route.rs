//! Reads and validates `[routes.NAME]`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;

use super::document::{Document, HandshakeTable, MailTable, Protocol, RouteTable};
use super::{Known, SCHEMAS, auth, error, form, mail, page};
use crate::contract::{self, Contract, DuplicateWindow};
use crate::policy::diagnostic::Findings;
use crate::policy::{
    Attachments, CONFIRMATION_LINK, DEFAULT_BODY_LIMIT, EVENT_GRID_ORIGIN, Envelope, Form, Handshake, Kind,
    MAX_BODY_LIMIT, MAX_TIME_BUDGET, Mail, POLICY_FILE, Part, Place, Purpose, Recipients, Route, Schema, Sender,
    Templates,
};
use crate::web::path::is_reserved;

/// Reads `[routes]`. Leaves out a route with an error; the findings say why.
pub(super) fn routes(
    document: Document,
    senders: &BTreeMap<String, Sender>,
    schemas: &BTreeMap<String, Option<Arc<Schema>>>,
    templates: &Templates,
    findings: &mut Findings,
) -> BTreeMap<String, Route> {
    let known = Known { senders, schemas, templates };
    if document.routes.is_empty() {
        findings.error(POLICY_FILE, Place::File, "The policy has no routes.", "Add a table [routes.NAME].");
    }
    unused_templates(&document, templates, findings);
    let mut routes: BTreeMap<String, Route> = BTreeMap::new();
    for (name, table) in document.routes {
        let path = table.path.clone();
        let Some(route) = route(name.into_inner(), table, &known, findings) else { continue };
        if let Some(earlier) = routes.get(&route.path) {
            let message = format!("The routes `{}` and `{}` have the same path.", earlier.name, route.name);
            error(findings, &path, message, "Give each route its own path.");
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
    let duplicate_window = duplicate_window(&table, contract, findings);
    let schema = known.schemas.get(table.schema.get_ref());
    if schema.is_none() {
        let message = format!("There is no schema `{}`.", table.schema.get_ref());
        error(findings, &table.schema, message, format!("Write {SCHEMAS}{}.json.", table.schema.get_ref()));
    }
    let schema = Arc::clone(schema?.as_ref()?);
    let kind = *table.kind.get_ref();
    if kind == Kind::Form && schema.property("/fields").is_some() {
        let help = "Rename the property: in a form's templates, `fields` is the table of all fields.";
        error(findings, &table.schema, "The schema of a form cannot have a property `fields`.", help);
    }
    if form.confirmation.is_some() && schema.property(&format!("/{CONFIRMATION_LINK}")).is_some() {
        let message = format!("The schema of a form with `confirmation` cannot have a property `{CONFIRMATION_LINK}`.");
        error(findings, &table.schema, message, "Rename the property: in templates, this is the name of the link.");
    }
    if table.mails.is_empty() {
        error(findings, &table.path, format!("The route `{name}` sends no mail."), "Add [[routes.NAME.mails]].");
    }
    let conditional = |mail: &Spanned<MailTable>| mail.get_ref().when.is_some();
    if kind == Kind::Form && !table.mails.is_empty() && table.mails.iter().all(conditional) {
        let message = format!("Every mail of the form `{name}` has a `when`, so a submission might send nothing.");
        error(findings, &table.path, message, "Remove `when` from at least one mail.");
    }
    let mut mails: Vec<Mail> = Vec::new();
    for table in table.mails {
        let Some(mail) = mail::mail(table, &schema, known, findings) else { continue };
        if mail.attachments && (form.attachments.is_none() || !matches!(mail.to, Recipients::Fixed(_))) {
            let message = format!("The mail `{}` cannot carry files.", mail.name);
            let help = "The form needs `attachments`, and the mail must go to fixed addresses.";
            findings.error(POLICY_FILE, mail.place.clone(), message, help);
        }
        if mails.iter().any(|earlier| earlier.name == mail.name) {
            let message = format!("Two mails of the route `{name}` are named `{}`.", mail.name);
            findings.error(POLICY_FILE, mail.place.clone(), message, "Give one of them a different `name`.");
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
        duplicate_window,
        schema,
        schema_name,
        mails,
    })
}

/// A form with a confirmation has one mail that asks for it, whatever the visitor filled in, and others that wait for
/// it.
fn confirmation<T>(table: &Spanned<T>, mails: &[Mail], findings: &mut Findings) {
    let asking: Vec<_> = mails.iter().filter(|mail| mail.purpose == Purpose::Verification).collect();
    if !matches!(asking.as_slice(), [mail] if mail.when.is_none() && matches!(mail.to, Recipients::Field { .. })) {
        let message = "A form with `confirmation` needs one mail with the purpose `verification` and without `when`.";
        error(
            findings,
            table,
            message,
            "It takes the link to the payload's address; the other mails are sent after the confirmation.",
        );
    } else if asking.len() == mails.len() {
        error(findings, table, "Nothing would be sent after the confirmation.", "Add a mail with another purpose.");
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
        error(findings, text, format!("`{path}` is not a valid path."), help);
        return None;
    }
    if is_reserved(path) {
        error(findings, text, format!("The path `{path}` is reserved for the gate."), "Choose another path.");
        return None;
    }
    Some(path.clone())
}

fn origins(name: &str, table: &RouteTable, findings: &mut Findings) -> Option<Vec<String>> {
    match (table.kind.get_ref(), &table.origins) {
        (Kind::Event, None) => Some(Vec::new()),
        (Kind::Event, Some(origins)) => {
            let help = "Only browsers send an Origin; remove `origins`.";
            error(findings, origins, format!("The event route `{name}` cannot have `origins`."), help);
            None
        }
        (Kind::Form, None) => {
            let help = "Add origins = [\"https://www.your-site.example\"].";
            error(findings, &table.kind, format!("The form `{name}` does not say which sites may use it."), help);
            None
        }
        (Kind::Form, Some(origins)) if origins.get_ref().is_empty() => {
            error(
                findings,
                origins,
                format!("`origins` is empty, so no site may use the form `{name}`."),
                "List at least one origin.",
            );
            None
        }
        (Kind::Form, Some(origins)) => {
            let checked: Vec<_> = origins.get_ref().iter().map(|text| origin(text, findings)).collect();
            checked.into_iter().collect()
        }
    }
}

/// An origin as browsers write it (RFC 6454, 6.2): scheme and host in lower case, a port only if it is not the default.
/// With `*.` before its host, it matches every subdomain.
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
    // `https://*.example` would match everyone's sites.
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
        error(findings, thanks, "`thanks` is only for form routes.", "Remove `thanks`.");
    }
    page(thanks, findings)
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

/// The contract that the route names, or else its scheme's.
fn contract(table: &RouteTable, findings: &mut Findings) -> &'static Contract {
    if let Some(name) = &table.contract {
        if *table.kind.get_ref() == Kind::Form {
            let help = "Contracts are for event routes; remove `contract`.";
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
        Protocol::Slack => (contract.challenges && envelope.is_none(), "scheme = \"slack\" and no envelope"),
    };
    if *table.kind.get_ref() == Kind::Form {
        error(
            findings,
            asked,
            "A form route cannot have a `handshake`.",
            "Browsers do not send handshakes; remove it.",
        );
    } else if !fits {
        error(findings, asked, "This handshake does not fit the route.", format!("It needs {needs}."));
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
            format!("`{origin}` is not the origin of a sender."),
            "Use a name such as eventgrid.azure.net.",
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
        error(findings, seconds, message, "Stay below the time after which the sender gives up.");
    }
    budget
}

/// The route's own window, or else that of its callers.
fn duplicate_window(table: &RouteTable, contract: &Contract, findings: &mut Findings) -> Option<DuplicateWindow> {
    let (horizon, usual) = match table.kind.get_ref() {
        Kind::Form => (contract::FORM_RETRY_HORIZON, Some(contract::FORM_DUPLICATE_WINDOW)),
        Kind::Event => (contract.retry_horizon, contract.duplicate_window),
    };
    let asked = table.duplicate_window.as_ref().filter(|seconds| {
        let (least, most) = DuplicateWindow::BOUNDS.into_inner();
        let valid = DuplicateWindow::BOUNDS.contains(seconds.get_ref());
        if !valid {
            let message = format!("`duplicate_window` must be between {least} and {most} seconds.");
            error(findings, *seconds, message, "Leave it out for the default of the route's callers.");
        }
        valid
    });
    let window = asked.map(|seconds| *seconds.get_ref()).or(usual)?;
    Some(DuplicateWindow::new(horizon, window))
}
