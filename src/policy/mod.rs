//! The policy: who may send what to whom, read from a directory and made valid before anything uses it.

mod address;
mod auth;
mod diagnostic;
mod digest;
mod document;
mod files;
mod form;
mod json;
mod overflow;
mod purpose;
mod route;
mod schema;
mod setting;
mod template;
mod unique;

use std::collections::BTreeMap;

pub use address::{Address, AddressError};
pub use diagnostic::{Diagnostic, Place, Severity};
pub use digest::Digest;
pub use document::{Kind, OneOrMany};
pub use files::{APPROVALS_FILE, FOLDERS, Files, MAX_FILE_BYTES, POLICY_FILE, ReadError};
pub use form::{
    Attachments, CaptchaGuard, ConfirmationGuard, Form, Holds, MAX_ATTACHMENT_BYTES, PUBLIC_URL, ProofGuard, TokenGuard,
};
pub use overflow::{ASIDE, Overflow, StorageAddress};
pub use purpose::Purpose;
pub use route::{
    DEFAULT_BODY_LIMIT, MAX_BODY_LIMIT, MAX_FIXED_RECIPIENTS, MAX_TIME_BUDGET, Mail, Recipients, ReplyTo, Route,
    RouteAuth, Sender, Stage,
};
pub use schema::{MAX_UNIQUE_ITEMS, Schema, SchemaError};
pub use setting::{SettingName, SettingNameError};
pub(crate) use template::environment as templates;
pub use template::{
    FOLDER as TEMPLATES_FOLDER, MJML as MJML_FILE, Markup, Part, SAMPLE, TABLE, Template, Templates,
    finding as template_finding, is_translated, syntax as template_syntax, translation_mark,
};

use crate::auth::Proof;
use document::Document;

/// A valid policy. There is no way to hold one that breaks a rule.
#[derive(Debug)]
pub struct Policy {
    senders: BTreeMap<String, Sender>,
    routes: BTreeMap<String, Route>,
    operations: Option<RouteAuth>,
    overflow: Option<Overflow>,
    templates: Templates,
    digest: Digest,
}

impl Policy {
    /// Makes a policy of its files.
    ///
    /// # Errors
    /// Every finding of severity error that keeps the policy from being used. The crate `postern-lint` finds more: it
    /// also proves what mails would say and to whom.
    pub fn load(files: &Files) -> Result<Self, Vec<Diagnostic>> {
        let (policy, findings) = Self::examine(files);
        let errors: Vec<_> = findings.into_iter().filter(|finding| finding.severity == Severity::Error).collect();
        match policy {
            Some(policy) if errors.is_empty() => Ok(policy),
            _ => Err(errors),
        }
    }

    /// What can be made of a policy's files, and every finding about them.
    ///
    /// The policy lacks the routes, mails and senders that have errors, so it is for further proofs and never for use:
    /// [`Policy::load`] gives one that may be used.
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
                "Name the directory that holds it, or start from the example policy.",
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
        let senders = route::senders(&document, findings);
        let schemas = route::schemas(files, &document, findings);
        let operations = document.operations.as_ref().and_then(|table| auth::operations(table, findings));
        let overflow = overflow::overflow(document.overflow.as_ref(), findings);
        let routes = route::routes(document, &senders, &schemas, &templates, findings);
        Some(Self { senders, routes, operations, overflow, templates, digest: files.digest() })
    }

    /// The route at a request's path.
    pub fn route(&self, path: &str) -> Option<&Route> {
        self.routes.get(path)
    }

    /// All routes, sorted by path.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.routes.values()
    }

    /// All senders, sorted by name.
    pub fn senders(&self) -> impl Iterator<Item = &Sender> {
        self.senders.values()
    }

    /// How those prove themselves who may ask how operations stand; nobody may where absent.
    pub const fn operations(&self) -> Option<&RouteAuth> {
        self.operations.as_ref()
    }

    /// Everything that proves a caller, of routes and of questions.
    pub fn auths(&self) -> impl Iterator<Item = &RouteAuth> {
        self.routes().filter_map(|route| route.auth.as_ref()).chain(&self.operations)
    }

    /// Where mails are kept that could not be delivered in time, if they are.
    pub const fn overflow(&self) -> Option<&Overflow> {
        self.overflow.as_ref()
    }

    /// The templates.
    pub const fn templates(&self) -> &Templates {
        &self.templates
    }

    /// The sha256 of everything that decides what is sent: see [`Files::digest`].
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The settings that callers and visitors are checked with, sorted, each once.
    pub fn secrets(&self) -> Vec<&SettingName> {
        let auths = self.auths().flat_map(|auth| &auth.secrets);
        let guards = self.routes().flat_map(|route| route.form.settings());
        let guards = guards.filter(|(_, holds)| *holds != Holds::Address).map(|(name, _)| name);
        let mut names: Vec<_> = auths.chain(guards).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Whether a form sends links to itself, so that the setting [`PUBLIC_URL`] is needed.
    pub fn has_links(&self) -> bool {
        self.routes().any(|route| route.form.confirmation.is_some())
    }

    /// Whether some callers prove themselves with tokens of Entra, whose keys a host must let the gate read.
    pub fn takes_entra_tokens(&self) -> bool {
        self.auths().any(|auth| matches!(auth.proof, Proof::Entra(_)))
    }

    /// The servers that a host must let the gate talk to beside ACS's, each once: those of captchas and of the overflow.
    pub fn servers(&self) -> Vec<String> {
        let captchas = self.routes().filter_map(|route| route.form.captcha.as_ref());
        let captchas = captchas.map(|guard| guard.service.origin().to_owned());
        let overflow = self.overflow.iter().flat_map(|overflow| [&overflow.queue, &overflow.container]);
        let mut servers: Vec<_> = captchas.chain(overflow.map(StorageAddress::origin)).collect();
        servers.sort();
        servers.dedup();
        servers
    }
}

/// Findings, gathered so that an author sees all at once.
#[derive(Debug, Default)]
pub(crate) struct Findings(pub Vec<Diagnostic>);

impl Findings {
    fn error(&mut self, file: &str, place: Place, message: impl Into<String>, help: impl Into<String>) {
        self.0.push(Diagnostic::error(file, place, message, help));
    }

    fn warning(&mut self, file: &str, place: Place, message: impl Into<String>, help: impl Into<String>) {
        self.0.push(Diagnostic::warning(file, place, message, help));
    }
}
