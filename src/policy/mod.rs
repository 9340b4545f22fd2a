//! The policy: who may send what to whom, read from a directory and validated before anything uses it.

mod address;
mod diagnostic;
mod digest;
mod files;
mod filter;
mod form;
mod json;
mod one_or_many;
mod overflow;
mod purpose;
mod read;
mod route;
pub mod rule;
mod schema;
pub mod scheme;
mod template;
mod unique;

use std::collections::BTreeMap;

use crate::setting::SettingName;

pub use address::{ADDRESS_FORMATS, Address, AddressError};
pub use diagnostic::{Diagnostic, Place, Severity};
pub use digest::Digest;
pub use files::{APPROVALS_FILE, FOLDERS, Files, MAX_FILE_BYTES, POLICY_FILE, ReadError, SAMPLE, TEMPLATES_FOLDER};
pub use form::{
    Attachments, CONFIRMATION_LINK, CONVENTIONS, CaptchaGuard, ConfirmationGuard, Content, Convention, FILE_TYPES,
    FileType, Form, Holds, Honeypot, MAX_ATTACHMENT_BYTES, MAX_FIELDS, MAX_FILES, PROOF_FIELD, PUBLIC_URL,
    ProofOfWorkGuard, SERVICES, Service, TOKEN_FIELD, TokenGuard, WIDGET_FIELDS,
};
pub use one_or_many::OneOrMany;
pub use overflow::{Overflow, POISON_SUFFIX, StorageAddress};
pub use purpose::{Purpose, PurposeError};
pub use route::{
    DEFAULT_BODY_LIMIT, EVENT_GRID_ORIGIN, Envelope, Handshake, Kind, MAX_BODY_LIMIT, MAX_DEPTH, MAX_FIXED_RECIPIENTS,
    MAX_SECRETS, MAX_TIME_BUDGET, Mail, Recipients, ReplyTo, Route, RouteAuth, Sender, Stage,
};
pub use rule::Rule;
pub use schema::{MAX_UNIQUE_ITEMS, Schema, SchemaError};
pub use scheme::{Coverage, Scheme, SecretForm, Tenant, TokenLocation};
pub(crate) use template::environment as templates;
pub use template::{
    MAX_PART_BYTES, MJML as MJML_FILE, Markup, Part, TABLE, Template, Templates, finding as template_finding,
    is_translated, syntax as template_syntax, translation_mark,
};

/// A valid policy. An invalid one cannot exist.
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

    /// How callers authenticate for status requests; if absent, nobody may make them.
    pub const fn operations(&self) -> Option<&RouteAuth> {
        self.operations.as_ref()
    }

    /// How callers authenticate: those of routes, and those of status requests.
    pub fn auths(&self) -> impl Iterator<Item = &RouteAuth> {
        self.routes().filter_map(|route| route.auth.as_ref()).chain(&self.operations)
    }

    /// Where the gate stores mails that it could not deliver in time, if anywhere.
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

    /// The settings that verify callers and visitors, sorted, each once.
    pub fn secrets(&self) -> Vec<&SettingName> {
        let auths = self.auths().flat_map(|auth| &auth.secrets);
        let guards = self.routes().flat_map(|route| route.form.settings());
        let guards = guards.filter(|(_, holds)| *holds != Holds::Address).map(|(name, _)| name);
        let mut names: Vec<_> = auths.chain(guards).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Whether a form sends confirmation links, which need the setting [`PUBLIC_URL`].
    pub fn has_links(&self) -> bool {
        self.routes().any(|route| route.form.confirmation.is_some())
    }

    /// Whether visitors send forms. The gate's own pages show them again, and recognise their own origin by
    /// [`PUBLIC_URL`].
    pub fn has_forms(&self) -> bool {
        self.routes().any(|route| route.kind == Kind::Form)
    }

    /// Whether some callers authenticate with Entra tokens, whose keys a host must let the gate read.
    pub fn takes_entra_tokens(&self) -> bool {
        self.auths().any(|auth| matches!(auth.scheme, Scheme::Entra(_)))
    }

    /// The servers, besides ACS's, that a host must let the gate call, each once: those of captchas and of the overflow
    /// queue.
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
