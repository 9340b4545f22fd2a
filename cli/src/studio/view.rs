//! The policy as the page shows it. It contains no setting's value.

use postern::policy::{Files, Kind, Mail, Policy, Recipients, Route, SAMPLE, Scheme, Sender, Template};
use postern_lint::approval;
use serde_json::{Value, json};

use super::mistake::Mistake;
use crate::directory::Directory;
use crate::secret;

/// Everything that the page shows of a policy, and that people can try.
pub fn policy(directory: &Directory, policy: &Policy, complaint: Option<&str>) -> Value {
    let files = directory.sources();
    json!({
        "directory": directory.path().display().to_string(),
        "sha256": policy.digest().to_string(),
        "complaint": complaint,
        "senders": policy.senders().map(sender).collect::<Vec<_>>(),
        "routes": policy.routes().map(|one| route(files, policy, one)).collect::<Vec<_>>(),
        "templates": policy.templates().iter().map(|one| template(files, policy, one)).collect::<Vec<_>>(),
        "approvals": approvals(files),
    })
}

fn sender(sender: &Sender) -> Value {
    json!({ "name": sender.name, "address": sender.address.as_str(), "owner": sender.owner.as_str() })
}

fn route(files: &Files, policy: &Policy, route: &Route) -> Value {
    let samples = samples(files, route);
    let sample = samples.first().map(|(_, text)| text.as_str()).unwrap_or_default();
    let mistakes = Mistake::ALL.iter().filter(|(mistake, _)| mistake.applies_to(policy, route, sample));
    json!({
        "name": route.name,
        "path": route.path,
        "kind": if route.kind == Kind::Form { "form" } else { "event" },
        "scheme": route.auth.as_ref().map(|auth| auth.name),
        "secrets": secrets(policy, route),
        "contract": route.contract.name,
        "origins": route.origins,
        "thanks": route.thanks,
        "guards": guards(route),
        "bodyLimit": route.body_limit,
        "schema": route.schema_name,
        // As text, because the order of the properties is the order of the form.
        "document": files.text(&format!("schemas/{}.json", route.schema_name)),
        "samples": samples.iter().map(|(title, text)| json!({ "title": title, "text": text })).collect::<Vec<_>>(),
        "mails": route.mails.iter().map(mail).collect::<Vec<_>>(),
        "mistakes": mistakes.map(|(name, label)| json!({ "name": name, "label": label })).collect::<Vec<_>>(),
        "obstacle": obstacle(route),
    })
}

/// The samples of the route's mails, and the valid examples of its schema.
fn samples(files: &Files, route: &Route) -> Vec<(String, String)> {
    let of_mails = route.mails.iter().map(|mail| mail.template.path(SAMPLE));
    let folder = format!("schemas/{}.examples/valid/", route.schema_name);
    let examples = files.paths().filter(|path| path.starts_with(&folder)).map(str::to_owned);
    let mut samples: Vec<(String, String)> = Vec::new();
    for path in of_mails.chain(examples) {
        if let Some(text) = files.text(&path).filter(|_| samples.iter().all(|(known, _)| *known != path)) {
            samples.push((path, text.to_owned()));
        }
    }
    samples
}

fn secrets(policy: &Policy, route: &Route) -> Vec<Value> {
    let names = route.auth.iter().flat_map(|auth| &auth.secrets);
    let guards = route.form.settings().into_iter().map(|(name, _)| name);
    let mut names: Vec<_> = names.chain(guards).collect();
    names.sort();
    names.dedup();
    let secrets = names.into_iter().filter_map(|name| secret::find(policy, name).ok());
    let entry = |found: secret::Secret| json!({ "name": found.name.as_str(), "variable": secret::variable(&found.name), "development": found.development });
    secrets.map(entry).collect()
}

/// What a form requires of visitors, in words.
fn guards(route: &Route) -> Vec<&'static str> {
    let form = &route.form;
    let guards = [
        (form.honeypot.is_some() || !form.conventions.is_empty(), "a hidden field"),
        (form.token.is_some(), "a form token"),
        (form.proof_of_work.is_some(), "a proof of work"),
        (form.captcha.is_some(), "a captcha"),
        (form.confirmation.is_some(), "a confirmation link by mail"),
    ];
    guards.into_iter().filter(|(there, _)| *there).map(|(_, words)| words).collect()
}

/// Why the gate will refuse what the studio sends to a route, if it will.
fn obstacle(route: &Route) -> Option<&'static str> {
    if route.auth.as_ref().is_some_and(|auth| matches!(auth.scheme, Scheme::Entra(_))) {
        return Some("Its callers use tokens that only Entra issues, so the studio cannot call it.");
    }
    route.form.captcha.as_ref().map(|_| "It requires a captcha, which can only be solved on a page of the site.")
}

fn mail(mail: &Mail) -> Value {
    let (to, field, allow) = match &mail.to {
        Recipients::Fixed(addresses) => (addresses.iter().map(|to| to.as_str()).collect(), None, [].as_slice()),
        Recipients::Field { pointer, allow } => (Vec::new(), Some(pointer), allow.as_slice()),
    };
    json!({
        "name": mail.name,
        "template": mail.template.name(),
        "sender": mail.sender.name,
        "from": mail.sender.address.as_str(),
        "purpose": mail.purpose.as_str(),
        "to": to,
        "field": field,
        "allow": allow,
        "replyTo": mail.reply_to.as_ref().map(|to| &to.address),
        "attachments": mail.attachments,
        "when": mail.when.as_ref().map(|when| when.document()),
    })
}

fn template(files: &Files, policy: &Policy, template: &Template) -> Value {
    let name = template.name();
    let files = approval::texts(files, &format!("templates/{name}"));
    let uses = |route: &&Route| route.mails.iter().any(|mail| mail.template.name() == name);
    json!({
        "name": name,
        "sha256": template.digest().to_string(),
        "files": files.iter().map(|(path, text)| json!({ "path": path, "text": text })).collect::<Vec<_>>(),
        "routes": policy.routes().filter(uses).map(|route| &route.name).collect::<Vec<_>>(),
    })
}

/// What needs approval, who approved it, and whether that was the current content.
fn approvals(files: &Files) -> Vec<Value> {
    let given = approval::approvals(files).unwrap_or_default();
    let names = approval::names(files).into_iter();
    names
        .map(|name| {
            let last = given.get(&name);
            let now = approval::digest(files, &name).map(|digest| digest.to_string());
            let state = match last {
                None => "never",
                Some(last) if Some(&last.sha256) == now.as_ref() => "approved",
                Some(_) => "changed",
            };
            json!({
                "name": name,
                "state": state,
                "by": last.map(|last| &last.approved_by),
                "on": last.map(|last| last.approved_on.to_string()),
            })
        })
        .collect()
}
