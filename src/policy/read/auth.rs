//! Reads and validates `auth = { … }`.

use toml::Spanned;

use super::document::{AuthTable, OperationsTable, RouteTable};
use super::error;
use crate::policy::diagnostic::Findings;
use crate::policy::rule::{self, RuleError};
use crate::policy::scheme::{self, Checker, Definition};
use crate::policy::{Kind, MAX_SECRETS, RouteAuth, Rule, Scheme, Tenant, TokenLocation};
use crate::setting::SettingName;

/// Reads how callers authenticate: events must, and forms cannot. `None` means that something is wrong; the findings
/// say what.
pub(super) fn auth(name: &str, table: &RouteTable, findings: &mut Findings) -> Option<Option<RouteAuth>> {
    match (table.kind.get_ref(), &table.auth) {
        (Kind::Form, None) => Some(None),
        (Kind::Form, Some(auth)) => {
            let help = "Anyone can read a page's source, so a secret in it proves nothing. Remove `auth`.";
            error(findings, auth, format!("The form route `{name}` cannot have `auth`."), help);
            None
        }
        (Kind::Event, None) => {
            let help = format!("Add auth = {{ scheme = \"…\", secret = \"a_setting\" }}; schemes: {}.", names());
            error(
                findings,
                &table.kind,
                format!("The event route `{name}` has no `auth`, so anyone could call it."),
                help,
            );
            None
        }
        (Kind::Event, Some(auth)) => resolve(auth.get_ref(), findings).map(Some),
    }
}

/// Reads who may make status requests. `None` means that something is wrong; the findings say what.
pub(super) fn operations(table: &OperationsTable, findings: &mut Findings) -> Option<RouteAuth> {
    let auth = resolve(table.auth.get_ref(), findings)?;
    let bodiless = |name: &&str| scheme::definitions().get(*name).is_some_and(|definition| definition.bodiless);
    if !bodiless(&auth.name) {
        let message = format!("The scheme `{}` is for events, not for status requests.", auth.name);
        let names: Vec<_> = scheme::names().into_iter().filter(bodiless).collect();
        error(findings, &table.auth.get_ref().scheme, message, format!("Use one of {}.", names.join(", ")));
        return None;
    }
    Some(auth)
}

fn resolve(auth: &AuthTable, findings: &mut Findings) -> Option<RouteAuth> {
    let Some((name, definition)) = scheme::definitions().get_key_value(auth.scheme.get_ref()) else {
        let message = format!("There is no scheme `{}`.", auth.scheme.get_ref());
        error(findings, &auth.scheme, message, format!("Schemes: {}.", names()));
        return None;
    };
    let sound = strangers(name, definition, auth, findings);
    let secrets = secrets(name, definition, auth, findings);
    let scheme = scheme(name, definition, auth, findings);
    sound.then_some(RouteAuth { name, scheme: scheme?, secrets: secrets? })
}

fn names() -> String {
    scheme::names().join(", ")
}

/// Refuses keys that belong to other schemes: a reader would think that they protect something.
fn strangers(name: &str, definition: &Definition, auth: &AuthTable, findings: &mut Findings) -> bool {
    fn place<T>(key: &Option<Spanned<T>>) -> Option<std::ops::Range<usize>> {
        key.as_ref().map(Spanned::span)
    }
    let before = findings.0.len();
    for (key, span) in [
        ("rule", place(&auth.rule)),
        ("url", place(&auth.url)),
        ("header", place(&auth.header)),
        ("query", place(&auth.query)),
        ("tenant", place(&auth.tenant)),
        ("audience", place(&auth.audience)),
        ("apps", place(&auth.apps)),
    ] {
        let is_of = |definition: &Definition| definition.keys.iter().any(|own| own == key);
        if let Some(span) = span.filter(|_| !is_of(definition)) {
            let of = scheme::definitions().iter().find(|(_, definition)| is_of(definition)).map_or("", |(of, _)| of);
            let message = format!("`{key}` is for the scheme `{of}`, not for `{name}`.");
            error(findings, &Spanned::new(span, ()), message, "Remove it, or change the scheme.");
        }
    }
    findings.0.len() == before
}

fn secrets(name: &str, definition: &Definition, auth: &AuthTable, findings: &mut Findings) -> Option<Vec<SettingName>> {
    let names = match (&auth.secret, definition.has_secret()) {
        (None, false) => return Some(Vec::new()),
        (Some(names), false) => {
            let help = "Entra publishes the keys that verify its tokens; remove `secret`.";
            error(findings, names, format!("The scheme `{name}` has no secret."), help);
            return None;
        }
        (None, true) => {
            let message = format!("The scheme `{name}` needs a secret.");
            error(findings, &auth.scheme, message, "Add secret = \"a_setting\".");
            return None;
        }
        (Some(names), true) => names,
    };
    if names.get_ref().0.is_empty() || names.get_ref().0.len() > MAX_SECRETS {
        let message = format!("A route needs between 1 and {MAX_SECRETS} secrets.");
        error(findings, names, message, "Name the setting that contains the secret.");
        return None;
    }
    let parsed: Result<Vec<_>, _> = names.get_ref().0.iter().map(|name| SettingName::parse(name)).collect();
    if let Err(reason) = &parsed {
        let help = "`secret` is the name of a setting, never the secret itself.";
        error(findings, names, format!("This is {reason}."), help);
    }
    parsed.ok()
}

fn scheme(name: &str, definition: &Definition, auth: &AuthTable, findings: &mut Findings) -> Option<Scheme> {
    let tolerance = tolerance(name, definition, auth, findings)?;
    let scheme = match definition.kind {
        Checker::Token => Scheme::Token(match &definition.location {
            Some(location) => location.location()?,
            None => location(name, auth, findings)?,
        }),
        Checker::SendGrid => {
            let usual = definition.tolerance.map(std::time::Duration::from_secs);
            Scheme::SendGrid { tolerance: tolerance.or(usual)? }
        }
        Checker::Twilio => Scheme::Twilio { url: url(auth, findings)? },
        Checker::Entra => Scheme::Entra(tenant(name, auth, findings)?),
        Checker::Hmac => Scheme::Rule(Box::new(match &definition.rule {
            Some(terms) => {
                let mut rule = or_report(Rule::new(terms), &auth.scheme, findings)?;
                if let (Some(timestamp), Some(tolerance)) = (&mut rule.timestamp, tolerance) {
                    timestamp.tolerance = tolerance;
                }
                rule
            }
            None => {
                let Some(terms) = &auth.rule else {
                    let help = "Add rule = { header = \"x-signature\" }; docs/policy.md lists what a rule can say.";
                    error(findings, &auth.scheme, format!("The scheme `{name}` needs a rule."), help);
                    return None;
                };
                or_report(Rule::new(terms.get_ref()), terms, findings)?
            }
        })),
    };
    Some(scheme)
}

/// `None` if the tolerance is invalid.
fn tolerance(
    name: &str,
    definition: &Definition,
    auth: &AuthTable,
    findings: &mut Findings,
) -> Option<Option<std::time::Duration>> {
    let Some(seconds) = &auth.tolerance else { return Some(None) };
    if definition.kind == Checker::Hmac && definition.rule.is_none() {
        error(findings, seconds, "The tolerance of a rule belongs in the rule.", "Move `tolerance` into `rule`.");
        return None;
    }
    if !definition.signs_time() {
        let message = format!("The scheme `{name}` does not sign a timestamp, so it has no tolerance.");
        error(findings, seconds, message, "Remove `tolerance`.");
        return None;
    }
    or_report(rule::tolerance(*seconds.get_ref()), seconds, findings).map(Some)
}

fn or_report<T, S>(result: Result<T, RuleError>, place: &Spanned<S>, findings: &mut Findings) -> Option<T> {
    result.map_err(|refusal| error(findings, place, refusal.message, refusal.help)).ok()
}

fn location(name: &str, auth: &AuthTable, findings: &mut Findings) -> Option<TokenLocation> {
    match (&auth.header, &auth.query) {
        (Some(header), None) => or_report(rule::header(header.get_ref()), header, findings).map(TokenLocation::Header),
        (None, Some(query)) if !query.get_ref().is_empty() => Some(TokenLocation::Query(query.get_ref().clone())),
        _ => {
            let message = format!("The scheme `{name}` needs `header` or `query`, which says where the secret is.");
            let help = "Add header = \"x-hook-key\" (a delivery property of the subscription) or query = \"code\".";
            error(findings, &auth.scheme, message, help);
            None
        }
    }
}

fn url(auth: &AuthTable, findings: &mut Findings) -> Option<String> {
    let Some(url) = &auth.url else {
        let help = "Add url = \"https://…\": this route's URL as entered at Twilio, without a query.";
        error(
            findings,
            &auth.scheme,
            "The scheme `twilio` needs the URL that Twilio calls, because Twilio signs it.",
            help,
        );
        return None;
    };
    let text = url.get_ref();
    let absolute = text.parse::<http::Uri>().is_ok_and(|uri| uri.host().is_some() && uri.query().is_none());
    if !(absolute && (text.starts_with("https://") || text.starts_with("http://")) && !text.contains(['?', '#'])) {
        let message = format!("`{text}` is not a URL that Twilio could call.");
        error(findings, url, message, "Copy the URL exactly as entered at Twilio, without a query.");
        return None;
    }
    Some(text.clone())
}

fn tenant(name: &str, auth: &AuthTable, findings: &mut Findings) -> Option<Tenant> {
    let (Some(id), Some(audience), Some(apps)) = (&auth.tenant, &auth.audience, &auth.apps) else {
        let help = "Add tenant = \"UUID\", audience = \"api://…\" and apps = [\"UUID\"].";
        error(findings, &auth.scheme, format!("The scheme `{name}` needs a tenant, an audience and apps."), help);
        return None;
    };
    let before = findings.0.len();
    let is_uuid = |text: &str| text.len() == 36 && uuid::Uuid::try_parse(text).is_ok();
    if !is_uuid(id.get_ref()) {
        let message = format!("`{}` is not a tenant ID.", id.get_ref());
        error(
            findings,
            id,
            message,
            "Use the directory (tenant) ID, which is a UUID. A name or `common` would let others in.",
        );
    }
    if audience.get_ref().is_empty() {
        error(
            findings,
            audience,
            "With an empty `audience`, no token is accepted.",
            "Use the application ID or its URI.",
        );
    }
    if apps.get_ref().0.is_empty() || !apps.get_ref().0.iter().all(|app| is_uuid(app)) {
        let help =
            "List the application (client) ID of each caller; Event Grid's is 4962773b-9cdb-44cf-a8bf-237846a00ab7.";
        error(findings, apps, "`apps` must list the IDs of the applications that may call.", help);
    }
    let lower = |text: &String| text.to_ascii_lowercase();
    (findings.0.len() == before).then(|| Tenant {
        id: lower(id.get_ref()),
        audience: audience.get_ref().clone(),
        apps: apps.get_ref().0.iter().map(lower).collect(),
    })
}
