//! `auth = { … }`, resolved and made valid.

use toml::Spanned;

use super::document::{AuthTable, Kind, OperationsTable, RouteTable};
use super::route::{RouteAuth, error};
use super::{Findings, SettingName};
use crate::auth::rule::{self, RuleError, Terms};
use crate::auth::{self, Place, Proof, Rule, SENDGRID_TOLERANCE, Tenant};

/// Events prove themselves; forms cannot. `None` means that something was wrong, and the findings say what.
pub(super) fn auth(name: &str, table: &RouteTable, findings: &mut Findings) -> Option<Option<RouteAuth>> {
    match (table.kind.get_ref(), &table.auth) {
        (Kind::Form, None) => Some(None),
        (Kind::Form, Some(auth)) => {
            let help = "Anybody can read a page's source, so a secret in it proves nothing; remove `auth`.";
            error(findings, auth, format!("The form route `{name}` cannot have `auth`."), help);
            None
        }
        (Kind::Event, None) => {
            let help = format!("Add auth = {{ scheme = \"…\", secret = \"a_setting\" }}; schemes: {}.", names());
            error(findings, &table.kind, format!("The event route `{name}` lets anybody in."), help);
            None
        }
        (Kind::Event, Some(auth)) => resolve(auth.get_ref(), findings).map(Some),
    }
}

/// The schemes for requests without a body. Others sign one, or are a particular sender's of events.
const BODILESS: [&str; 3] = ["basic", "bearer", "entra"];

/// Who may ask how operations stand. `None` means that something was wrong, and the findings say what.
pub(super) fn operations(table: &OperationsTable, findings: &mut Findings) -> Option<RouteAuth> {
    let auth = resolve(table.auth.get_ref(), findings)?;
    if !BODILESS.contains(&auth.scheme) {
        let message = format!("The scheme `{}` is for events; a question about an operation is none.", auth.scheme);
        error(findings, &table.auth.get_ref().scheme, message, format!("Use one of {}.", BODILESS.join(", ")));
        return None;
    }
    Some(auth)
}

fn resolve(auth: &AuthTable, findings: &mut Findings) -> Option<RouteAuth> {
    let Some(scheme) = auth::names().into_iter().find(|name| name == auth.scheme.get_ref()) else {
        let message = format!("There is no scheme `{}`.", auth.scheme.get_ref());
        error(findings, &auth.scheme, message, format!("Schemes: {}.", names()));
        return None;
    };
    let sound = strangers(scheme, auth, findings);
    let secrets = secrets(scheme, auth, findings);
    let proof = proof(scheme, auth, findings);
    sound.then_some(RouteAuth { scheme, proof: proof?, secrets: secrets? })
}

fn names() -> String {
    auth::names().join(", ")
}

/// Refuses keys that are for other schemes: they would be thought to guard something.
fn strangers(scheme: &str, auth: &AuthTable, findings: &mut Findings) -> bool {
    fn place<T>(key: &Option<Spanned<T>>) -> Option<std::ops::Range<usize>> {
        key.as_ref().map(Spanned::span)
    }
    let before = findings.0.len();
    for (key, span, of) in [
        ("rule", place(&auth.rule), auth::GENERIC),
        ("url", place(&auth.url), "twilio"),
        ("header", place(&auth.header), "event-grid"),
        ("query", place(&auth.query), "event-grid"),
        ("tenant", place(&auth.tenant), "entra"),
        ("audience", place(&auth.audience), "entra"),
        ("apps", place(&auth.apps), "entra"),
    ] {
        if let Some(span) = span.filter(|_| scheme != of) {
            let message = format!("`{key}` is for the scheme `{of}`, not for `{scheme}`.");
            error(findings, &Spanned::new(span, ()), message, "Remove it, or name the other scheme.");
        }
    }
    findings.0.len() == before
}

fn secrets(scheme: &str, auth: &AuthTable, findings: &mut Findings) -> Option<Vec<SettingName>> {
    let names = match (&auth.secret, scheme) {
        (None, "entra") => return Some(Vec::new()),
        (Some(names), "entra") => {
            let help = "Entra publishes the keys that its tokens are checked with; remove `secret`.";
            error(findings, names, "The scheme `entra` has no secret.", help);
            return None;
        }
        (None, _) => {
            let message = format!("The scheme `{scheme}` needs a secret.");
            error(findings, &auth.scheme, message, "Add secret = \"a_setting\".");
            return None;
        }
        (Some(names), _) => names,
    };
    if names.get_ref().0.is_empty() || names.get_ref().0.len() > auth::MAX_SECRETS {
        let message = format!("A route needs between one and {} secrets.", auth::MAX_SECRETS);
        error(findings, names, message, "Name the setting that holds the secret.");
        return None;
    }
    let parsed: Result<Vec<_>, _> = names.get_ref().0.iter().map(|name| SettingName::parse(name)).collect();
    if let Err(reason) = &parsed {
        let help = "`secret` is the name of a setting, never the secret itself.";
        error(findings, names, format!("This is {reason}."), help);
    }
    parsed.ok()
}

fn proof(scheme: &str, auth: &AuthTable, findings: &mut Findings) -> Option<Proof> {
    let tolerance = tolerance(scheme, auth, findings)?;
    let proof = match scheme {
        "basic" => Proof::Token(Place::Basic),
        "bearer" => Proof::Token(Place::Bearer),
        "gitlab" => Proof::Token(Place::Header(http::HeaderName::from_static("x-gitlab-token"))),
        "event-grid" => Proof::Token(place(auth, findings)?),
        "sendgrid" => Proof::SendGrid { tolerance: tolerance.unwrap_or(SENDGRID_TOLERANCE) },
        "twilio" => Proof::Twilio { url: url(auth, findings)? },
        "entra" => Proof::Entra(tenant(auth, findings)?),
        auth::GENERIC => {
            let Some(terms) = &auth.rule else {
                let help = "Add rule = { header = \"x-signature\" }; docs/policy.md lists what a rule can say.";
                error(findings, &auth.scheme, "The scheme `hmac` needs a rule.", help);
                return None;
            };
            Proof::Rule(Box::new(told(Rule::new(terms.get_ref()), terms, findings)?))
        }
        preset => {
            let mut rule = told(Rule::new(rule::presets().get(preset)?), &auth.scheme, findings)?;
            if let (Some(timestamp), Some(tolerance)) = (&mut rule.timestamp, tolerance) {
                timestamp.tolerance = tolerance;
            }
            Proof::Rule(Box::new(rule))
        }
    };
    Some(proof)
}

/// `None` where the tolerance is wrong.
fn tolerance(scheme: &str, auth: &AuthTable, findings: &mut Findings) -> Option<Option<std::time::Duration>> {
    let Some(seconds) = &auth.tolerance else { return Some(None) };
    let signs_a_time = |terms: &Terms| terms.tolerance.is_some();
    if scheme == auth::GENERIC {
        error(findings, seconds, "The tolerance of a rule stands in the rule.", "Move `tolerance` into `rule`.");
        return None;
    }
    if scheme != "sendgrid" && !rule::presets().get(scheme).is_some_and(signs_a_time) {
        let message = format!("The scheme `{scheme}` signs no time, so nothing can be off.");
        error(findings, seconds, message, "Remove `tolerance`.");
        return None;
    }
    told(rule::tolerance(*seconds.get_ref()), seconds, findings).map(Some)
}

fn told<T, S>(result: Result<T, RuleError>, place: &Spanned<S>, findings: &mut Findings) -> Option<T> {
    result.map_err(|refusal| error(findings, place, refusal.message, refusal.help)).ok()
}

fn place(auth: &AuthTable, findings: &mut Findings) -> Option<Place> {
    match (&auth.header, &auth.query) {
        (Some(name), None) => told(rule::header(name.get_ref()), name, findings).map(Place::Header),
        (None, Some(name)) if !name.get_ref().is_empty() => Some(Place::Query(name.get_ref().clone())),
        _ => {
            let message = "The scheme `event-grid` shows its secret in a header or in the address.";
            let help = "Add header = \"x-hook-key\", a delivery property of the subscription, or query = \"code\".";
            error(findings, &auth.scheme, message, help);
            None
        }
    }
}

fn url(auth: &AuthTable, findings: &mut Findings) -> Option<String> {
    let Some(url) = &auth.url else {
        let help = "Add url = \"https://…\", the address of this route as Twilio has it, without a query.";
        error(findings, &auth.scheme, "Twilio signs the address that it was given.", help);
        return None;
    };
    let text = url.get_ref();
    let absolute = text.parse::<http::Uri>().is_ok_and(|uri| uri.host().is_some() && uri.query().is_none());
    if !(absolute && (text.starts_with("https://") || text.starts_with("http://")) && !text.contains(['?', '#'])) {
        let message = format!("`{text}` is no address that Twilio could have been given.");
        error(findings, url, message, "Write it to the letter as it stands at Twilio, without a query.");
        return None;
    }
    Some(text.clone())
}

fn tenant(auth: &AuthTable, findings: &mut Findings) -> Option<Tenant> {
    let (Some(id), Some(audience), Some(apps)) = (&auth.tenant, &auth.audience, &auth.apps) else {
        let help = "Add tenant = \"UUID\", audience = \"api://…\" and apps = [\"UUID\"].";
        error(findings, &auth.scheme, "The scheme `entra` needs a tenant, an audience and apps.", help);
        return None;
    };
    let before = findings.0.len();
    let is_uuid = |text: &str| text.len() == 36 && uuid::Uuid::try_parse(text).is_ok();
    if !is_uuid(id.get_ref()) {
        let message = format!("`{}` is not the id of a tenant.", id.get_ref());
        error(findings, id, message, "Write the directory (tenant) ID, a UUID: names and `common` let others in.");
    }
    if audience.get_ref().is_empty() {
        error(findings, audience, "An empty audience lets no token in.", "Write the application ID, or its URI.");
    }
    if apps.get_ref().0.is_empty() || !apps.get_ref().0.iter().all(|app| is_uuid(app)) {
        let help =
            "Name the application (client) ID of each caller; Event Grid's is 4962773b-9cdb-44cf-a8bf-237846a00ab7.";
        error(findings, apps, "`apps` must list the ids of the applications that may call.", help);
    }
    let lower = |text: &String| text.to_ascii_lowercase();
    (findings.0.len() == before).then(|| Tenant {
        id: lower(id.get_ref()),
        audience: audience.get_ref().clone(),
        apps: apps.get_ref().0.iter().map(lower).collect(),
    })
}
