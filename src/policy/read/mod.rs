//! Turns the files of a policy into a valid policy, or into findings.

mod auth;
mod document;
mod form;
mod mail;
mod overflow;
mod route;

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::Spanned;

use super::diagnostic::Findings;
use super::{Address, Diagnostic, Files, POLICY_FILE, Place, Policy, Schema, Sender, Severity, Templates};
use crate::setting::SettingName;
use document::Document;

impl Policy {
    /// Creates a policy from its files.
    ///
    /// # Errors
    /// Every finding of severity error, each of which makes the policy unusable. The crate `postern-lint` finds more:
    /// it also proves what mails would say and to whom.
    pub fn load(files: &Files) -> Result<Self, Vec<Diagnostic>> {
        let (policy, findings) = Self::examine(files);
        let errors: Vec<_> = findings.into_iter().filter(|finding| finding.severity == Severity::Error).collect();
        match policy {
            Some(policy) if errors.is_empty() => Ok(policy),
            _ => Err(errors),
        }
    }

    /// As much of a policy as its files allow, and every finding about them.
    ///
    /// The policy lacks the routes, mails and senders that have errors, so it is only for further proofs:
    /// [`Policy::load`] gives one for use.
    pub fn examine(files: &Files) -> (Option<Self>, Vec<Diagnostic>) {
        let mut findings = Findings::default();
        let policy = Self::assemble(files, &mut findings);
        (policy, findings.0)
    }

    fn assemble(files: &Files, findings: &mut Findings) -> Option<Self> {
        let Some(text) = files.text(POLICY_FILE) else {
            findings.error(
                POLICY_FILE,
                Place::File,
                "There is no postern.toml here.",
                "Pass the directory that contains it, or create a policy with `postern init`.",
            );
            return None;
        };
        let templates = Templates::load(files, findings);
        let document = match Document::parse(text) {
            Ok(document) => document,
            Err(finding) => {
                findings.0.push(finding);
                return None;
            }
        };
        let senders = self::senders(&document, findings);
        let schemas = self::schemas(files, &document, findings);
        let operations = document.operations.as_ref().and_then(|table| auth::operations(table, findings));
        let overflow = overflow::overflow(document.overflow.as_ref(), findings);
        let routes = route::routes(document, &senders, &schemas, &templates, findings);
        Some(Self { senders, routes, operations, overflow, templates, digest: files.digest() })
    }
}

fn at<T>(spanned: &Spanned<T>) -> Place {
    Place::Span(spanned.span())
}

fn error<T>(findings: &mut Findings, spanned: &Spanned<T>, message: impl Into<String>, help: impl Into<String>) {
    findings.error(POLICY_FILE, at(spanned), message, help);
}

/// Reads `[senders]`.
fn senders(document: &Document, findings: &mut Findings) -> BTreeMap<String, Sender> {
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
                "Remove it, so that nobody has to approve it.",
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
        error(
            findings,
            text,
            format!("`{}` is {reason}.", text.get_ref()),
            "Write only the address, without a display name.",
        );
    }
    parsed.ok()
}

const SCHEMAS: &str = "schemas/";

/// Compiles `schemas/*.json`, each once, however many routes use it.
fn schemas(files: &Files, document: &Document, findings: &mut Findings) -> BTreeMap<String, Option<Arc<Schema>>> {
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
            None => findings.error(path, Place::File, "This file is not a schema.", "Schemas are named NAME.json."),
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

fn setting(name: &Spanned<String>, findings: &mut Findings) -> Option<SettingName> {
    let parsed = SettingName::parse(name.get_ref());
    if let Err(reason) = parsed {
        let help = "It is the name of a setting, never the secret itself.";
        error(findings, name, format!("This is {reason}."), help);
    }
    parsed.ok()
}

/// An address to which a visitor may be sent: https, or on this machine.
fn page(address: &Spanned<String>, findings: &mut Findings) -> Option<String> {
    let text = address.get_ref();
    let uri: Option<http::Uri> = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_graphic()));
    let authority = uri.as_ref().and_then(http::Uri::authority);
    let safe = authority.is_some_and(|authority| match uri.as_ref().and_then(http::Uri::scheme_str) {
        _ if authority.host().is_empty() || authority.as_str().contains('@') => false,
        Some("http") => matches!(authority.host(), "localhost" | "127.0.0.1" | "[::1]"),
        scheme => scheme == Some("https"),
    });
    if !safe {
        error(findings, address, format!("`{text}` is not a URL that visitors can be sent to."), "Use an https URL.");
        return None;
    }
    Some(text.clone())
}
