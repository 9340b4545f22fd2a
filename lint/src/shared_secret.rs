//! Secrets that several routes share, although their signatures do not cover the path: a request that was recorded on
//! its way to one route passes at the other.

use std::ops::Range;

use postern::policy::{Coverage, Files, POLICY_FILE, Place, Policy, Route, RouteAuth, Scheme};
use postern::setting::SettingName;
use toml_edit::Document;

use crate::Findings;

/// Warns at each route that shares a secret with one before it.
pub fn check(policy: &Policy, files: &Files, findings: &mut Findings) {
    let signed: Vec<(&Route, &RouteAuth)> = policy
        .routes()
        .filter_map(|route| Some((route, route.auth.as_ref()?)))
        .filter(|(_, auth)| matches!(auth.scheme.coverage(), Coverage::Body { .. }))
        .collect();
    for (index, (route, auth)) in signed.iter().enumerate() {
        let earlier = signed.iter().take(index);
        let mut sharing = earlier.filter_map(|(other, theirs)| Some((other, shared(theirs, auth)?)));
        let Some((other, secret)) = sharing.next() else { continue };
        let message = format!(
            "The routes `{}` and `{}` share the secret `{}`. The scheme `{}` does not sign the path, so a request that \
             someone recorded for one of them passes at the other.",
            other.name,
            route.name,
            secret.as_str(),
            auth.name
        );
        let place = span(files, &route.name).map_or(Place::File, Place::Span);
        findings.warning(POLICY_FILE, place, message, "Give each route a secret of its own, at the sender too.");
    }
}

/// The secret with which a request for one is accepted by the other.
fn shared<'a>(one: &'a RouteAuth, other: &RouteAuth) -> Option<&'a SettingName> {
    let alike = one.name == other.name && sign_alike(&one.scheme, &other.scheme);
    one.secrets.iter().find(|name| alike && other.secrets.contains(name))
}

/// Whether two schemes of one name take the same signatures: a policy may write rules of its own.
fn sign_alike(one: &Scheme, other: &Scheme) -> bool {
    match (one, other) {
        (Scheme::Rule(one), Scheme::Rule(other)) => (&one.header, &one.signed) == (&other.header, &other.signed),
        _ => true,
    }
}

/// Where the policy says how a route's callers are checked.
fn span(files: &Files, route: &str) -> Option<Range<usize>> {
    let document = Document::parse(files.text(POLICY_FILE)?).ok()?;
    document.get("routes")?.get(route)?.get("auth")?.span()
}
