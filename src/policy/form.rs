//! `[routes.NAME.form]`: what a form does for its visitors and against robots.

use std::time::Duration;

use toml::Spanned;

use super::Findings;
use super::document::{
    AttachmentsTable, CaptchaTable, ConfirmationTable, FormTable, Kind, OnFailure, ProofTable, RouteTable, TokenTable,
};
use super::route::{at, error};
use super::setting::SettingName;
use crate::form::{CONVENTIONS, Convention, FILE_TYPES, FileType, MAX_FILES};
use crate::guard::{SERVICES, Service};

/// What a form does for its visitors and against robots; for events, nothing.
#[derive(Debug, Default)]
pub struct Form {
    /// Whether a request with neither `Origin` nor `Referer` is let in.
    pub allow_missing_origin: bool,
    /// Where a browser goes when something was wrong; a page of the gate's own where absent.
    pub error_redirect: Option<String>,
    /// The form services whose control fields are understood.
    pub conventions: Vec<&'static Convention>,
    /// A field that people do not see.
    pub honeypot: Option<String>,
    /// How long a page must and may have been open.
    pub token: Option<TokenGuard>,
    /// Work that a browser must do.
    pub proof_of_work: Option<ProofGuard>,
    /// A captcha of another's.
    pub captcha: Option<CaptchaGuard>,
    /// A link by which the visitor confirms the form.
    pub confirmation: Option<ConfirmationGuard>,
    /// The files that the form takes.
    pub attachments: Option<Attachments>,
}

/// The files that a form takes.
#[derive(Debug)]
pub struct Attachments {
    /// The types.
    pub types: Vec<&'static FileType>,
    /// The most files.
    pub max_count: usize,
    /// The most bytes of all files together.
    pub max_bytes: usize,
}

/// The most bytes of files that fit into ACS's 10 MB in base64, with room for the mail itself.
pub const MAX_ATTACHMENT_BYTES: usize = 7 * 1000 * 1000;

/// What a form's files may have together where the route does not say otherwise.
const DEFAULT_ATTACHMENT_BYTES: usize = 5 * 1000 * 1000;

/// The most files where the route does not say otherwise.
const DEFAULT_FILES: usize = 3;

/// What a form's body has beside its files: its fields, boundaries and names.
const ROOM_FOR_FIELDS: usize = 64 * 1024;

/// How long a page must and may have been open.
#[derive(Debug)]
pub struct TokenGuard {
    /// The setting that holds the key.
    pub key: SettingName,
    /// The least time.
    pub min_age: Duration,
    /// The most time.
    pub max_age: Duration,
}

/// Work that a browser must do.
#[derive(Debug)]
pub struct ProofGuard {
    /// The setting that holds the key.
    pub key: SettingName,
    /// The most numbers that a browser must try.
    pub max_number: u32,
    /// How long a challenge is good for.
    pub max_age: Duration,
}

/// A link by which the visitor confirms the form.
#[derive(Debug)]
pub struct ConfirmationGuard {
    /// The setting that holds the key.
    pub key: SettingName,
    /// The setting that holds the gate's own address: [`PUBLIC_URL`].
    pub base: SettingName,
    /// How long a link is good for at least; at most it is twice as long.
    pub max_age: Duration,
    /// Where a browser goes after the form was confirmed.
    pub thanks: Option<String>,
}

/// The setting that holds the address under which visitors reach the gate. It is no header's to say: whoever sends a
/// form would choose where the link in a mail leads.
pub const PUBLIC_URL: &str = "public_url";

/// What a setting of a form holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// A key of the gate's own.
    Key,
    /// A secret of another's.
    Secret,
    /// The gate's own address.
    Address,
}

/// A captcha of another's.
#[derive(Debug)]
pub struct CaptchaGuard {
    /// The service.
    pub service: &'static Service,
    /// The setting that holds its secret.
    pub secret: SettingName,
    /// The sites on which it may have been solved.
    pub hostnames: Vec<String>,
    /// The action that it must be for.
    pub action: Option<String>,
    /// The least score; for services that give one.
    pub min_score: f64,
    /// Whether forms are let in when the service gives no answer.
    pub admit_on_failure: bool,
}

/// A minute and a bit is enough for most forms, and two hours for the slowest reader.
const DEFAULT_TOKEN_AGES: (u64, u64) = (3, 7200);

/// The longest a token or challenge may be good for: a day.
const MAX_AGE_SECONDS: u64 = 86_400;

/// A telephone of some years ago tries this many hashes in a second or two.
const DEFAULT_MAX_NUMBER: u32 = 50_000;

/// More would keep a telephone busy for minutes.
const MAX_MAX_NUMBER: u32 = 10_000_000;

/// People read their mail within a day.
const DEFAULT_CONFIRMATION_SECONDS: u64 = 86_400;

/// The longest time for a confirmation: a week.
const MAX_CONFIRMATION_SECONDS: u64 = 604_800;

/// The time in which a challenge must be solved and the form be sent.
const DEFAULT_PROOF_SECONDS: u64 = 1200;

/// What reCAPTCHA's documentation starts with.
const DEFAULT_MIN_SCORE: f64 = 0.5;

impl Form {
    /// Whether only a page's script can fulfil what the guards ask for.
    pub const fn needs_script(&self) -> bool {
        self.proof_of_work.is_some() || self.captcha.is_some()
    }

    /// The settings that the guards need, and what each holds.
    pub fn settings(&self) -> Vec<(&SettingName, Holds)> {
        let token = self.token.iter().map(|guard| (&guard.key, Holds::Key));
        let proof = self.proof_of_work.iter().map(|guard| (&guard.key, Holds::Key));
        let captcha = self.captcha.iter().map(|guard| (&guard.secret, Holds::Secret));
        let links = self.confirmation.iter();
        let links = links.flat_map(|guard| [(&guard.key, Holds::Key), (&guard.base, Holds::Address)]);
        token.chain(proof).chain(captcha).chain(links).collect()
    }
}

/// Resolves the table; the findings say what was wrong with it.
pub(super) fn form(name: &str, table: &RouteTable, findings: &mut Findings) -> Form {
    let Some(form) = &table.form else { return Form::default() };
    if *table.kind.get_ref() == Kind::Event {
        let help = "Events come from systems, not from visitors; remove the table.";
        error(findings, form, format!("The event route `{name}` cannot have `form`."), help);
        return Form::default();
    }
    let form = form.get_ref();
    Form {
        allow_missing_origin: form.allow_missing_origin,
        error_redirect: form.error_redirect.as_ref().and_then(|address| page(address, findings)),
        conventions: conventions(form, findings),
        honeypot: form.honeypot.clone(),
        token: form.token.as_ref().and_then(|table| token(table, findings)),
        proof_of_work: form.proof_of_work.as_ref().and_then(|table| proof(table, findings)),
        confirmation: form.confirmation.as_ref().and_then(|table| confirmation(table, form, findings)),
        attachments: form.attachments.as_ref().and_then(|files| attachments(files, findings)),
        captcha: form.captcha.as_ref().and_then(|captcha| self::captcha(captcha, table, findings)),
    }
}

fn attachments(table: &Spanned<AttachmentsTable>, findings: &mut Findings) -> Option<Attachments> {
    let AttachmentsTable { types, max_count, max_bytes } = table.get_ref();
    let mut known = Vec::new();
    for name in types {
        match FILE_TYPES.iter().find(|file_type| file_type.name == name.get_ref()) {
            Some(file_type) => known.push(file_type),
            None => {
                let names: Vec<_> = FILE_TYPES.iter().map(|file_type| file_type.name).collect();
                let help = format!("Types: {}. What can run is taken by no form.", names.join(", "));
                error(findings, name, format!("There is no type of file `{}`.", name.get_ref()), help);
            }
        }
    }
    if types.is_empty() {
        error(findings, table, "No file would be taken.", "Name at least one type.");
    }
    let count = max_count.as_ref().map_or(DEFAULT_FILES, |count| *count.get_ref());
    if let Some(place) = max_count.as_ref().filter(|_| !(1..=MAX_FILES).contains(&count)) {
        error(findings, place, format!("`max_count` must be between 1 and {MAX_FILES}."), "Ask for fewer files.");
    }
    let bytes = max_bytes.as_ref().map_or(DEFAULT_ATTACHMENT_BYTES, |bytes| *bytes.get_ref());
    if let Some(place) = max_bytes.as_ref().filter(|_| !(1..=MAX_ATTACHMENT_BYTES).contains(&bytes)) {
        let message = format!("`max_bytes` must be between 1 and {MAX_ATTACHMENT_BYTES}.");
        error(findings, place, message, "More does not fit into a mail once it is encoded.");
    }
    Some(Attachments { types: known, max_count: count, max_bytes: bytes })
}

impl Attachments {
    /// The most bytes of a body that holds these files.
    pub(super) const fn body_limit(&self) -> usize {
        self.max_bytes + ROOM_FOR_FIELDS
    }
}

fn token(table: &TokenTable, findings: &mut Findings) -> Option<TokenGuard> {
    let (least, most) = DEFAULT_TOKEN_AGES;
    let min_age = Duration::from_secs(table.min_seconds.unwrap_or(least));
    let max_age = age(table.max_seconds.as_ref(), most, findings);
    if min_age >= max_age {
        let help = "Let a page be open for longer than it must be.";
        error(findings, &table.key, "No age of a form token is good.", help);
    }
    Some(TokenGuard { key: setting(&table.key, findings)?, min_age, max_age })
}

fn proof(table: &ProofTable, findings: &mut Findings) -> Option<ProofGuard> {
    let max_number = table.max_number.as_ref().map_or(DEFAULT_MAX_NUMBER, |number| *number.get_ref());
    if let Some(number) = table.max_number.as_ref().filter(|_| !(1..=MAX_MAX_NUMBER).contains(&max_number)) {
        let message = format!("`max_number` must be between 1 and {MAX_MAX_NUMBER}.");
        error(findings, number, message, "Leave it out for the default of 50000.");
    }
    let max_age = age(table.max_seconds.as_ref(), DEFAULT_PROOF_SECONDS, findings);
    Some(ProofGuard { key: setting(&table.key, findings)?, max_number, max_age })
}

fn confirmation(
    table: &Spanned<ConfirmationTable>,
    form: &FormTable,
    findings: &mut Findings,
) -> Option<ConfirmationGuard> {
    if form.attachments.is_some() {
        let help = "Nothing is kept until the visitor confirms: remove `attachments` or `confirmation`.";
        error(findings, table, "A form with files cannot be confirmed by a link.", help);
    }
    let table = table.get_ref();
    let seconds = table.max_seconds.as_ref().map_or(DEFAULT_CONFIRMATION_SECONDS, |seconds| *seconds.get_ref());
    if let Some(place) = table.max_seconds.as_ref().filter(|_| !(60..=MAX_CONFIRMATION_SECONDS).contains(&seconds)) {
        let message = format!("`max_seconds` must be between 60 and {MAX_CONFIRMATION_SECONDS}.");
        error(findings, place, message, "Leave it out for a day.");
    }
    Some(ConfirmationGuard {
        key: setting(&table.key, findings)?,
        base: SettingName::parse(PUBLIC_URL).ok()?,
        max_age: Duration::from_secs(seconds),
        thanks: table.thanks.as_ref().and_then(|address| page(address, findings)),
    })
}

fn captcha(captcha: &CaptchaTable, table: &RouteTable, findings: &mut Findings) -> Option<CaptchaGuard> {
    let named = captcha.service.get_ref();
    let service = SERVICES.iter().find(|service| service.name == named);
    if service.is_none() {
        let names: Vec<_> = SERVICES.iter().map(|service| service.name).collect();
        let message = format!("There is no captcha service `{named}`.");
        error(findings, &captcha.service, message, format!("Services: {}.", names.join(", ")));
    }
    let service = service?;
    if let Some(action) = captcha.action.as_ref().filter(|_| !service.has_action) {
        error(findings, action, format!("{named} does not tell actions."), "Remove `action`.");
    }
    let min_score = captcha.min_score.as_ref().map_or(DEFAULT_MIN_SCORE, |score| *score.get_ref());
    if let Some(score) = captcha.min_score.as_ref().filter(|_| !service.has_score || !(0.0..=1.0).contains(&min_score))
    {
        let help = "Only recaptcha-v3 gives one, between 0 and 1.";
        error(findings, score, "This score means nothing.", help);
    }
    let hostnames = captcha.hostnames.clone().unwrap_or_else(|| hosts(table));
    if hostnames.is_empty() {
        let help = "Name `hostnames`: a pattern among the origins does not say where the captcha is.";
        error(findings, &captcha.service, "No site's captcha would be taken.", help);
    }
    Some(CaptchaGuard {
        service,
        secret: setting(&captcha.secret, findings)?,
        hostnames,
        action: captcha.action.as_ref().map(|action| action.get_ref().clone()),
        min_score,
        admit_on_failure: captcha.on_failure == OnFailure::Admit,
    })
}

/// The hosts of the origins; none where one of them is a pattern.
fn hosts(table: &RouteTable) -> Vec<String> {
    let origins = table.origins.iter().flat_map(|origins| origins.get_ref());
    let hosts = origins.map(|origin| origin.get_ref().parse::<http::Uri>().ok()?.host().map(str::to_owned));
    let hosts: Option<Vec<_>> = hosts.collect();
    hosts.filter(|hosts| !hosts.iter().any(|host| host.contains('*'))).unwrap_or_default()
}

fn age(seconds: Option<&Spanned<u64>>, default: u64, findings: &mut Findings) -> Duration {
    let age = seconds.map_or(default, |seconds| *seconds.get_ref());
    if let Some(seconds) = seconds.filter(|_| !(1..=MAX_AGE_SECONDS).contains(&age)) {
        let message = format!("`max_seconds` must be between 1 and {MAX_AGE_SECONDS}.");
        error(findings, seconds, message, "A day is the longest that a page may be open.");
    }
    Duration::from_secs(age)
}

fn setting(name: &Spanned<String>, findings: &mut Findings) -> Option<SettingName> {
    let parsed = SettingName::parse(name.get_ref());
    if let Err(reason) = parsed {
        let help = "It is the name of a setting, never the secret itself.";
        error(findings, name, format!("This is {reason}."), help);
    }
    parsed.ok()
}

/// An address to send a visitor to: on https, or on this machine.
pub(super) fn page(address: &Spanned<String>, findings: &mut Findings) -> Option<String> {
    let text = address.get_ref();
    let absolute = text.parse::<http::Uri>().is_ok_and(|uri| uri.host().is_some());
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    if !(printable && absolute && (text.starts_with("https://") || text.starts_with("http://localhost"))) {
        error(findings, address, format!("`{text}` is no address to send a visitor to."), "Write an https address.");
        return None;
    }
    Some(text.clone())
}

fn conventions(form: &FormTable, findings: &mut Findings) -> Vec<&'static Convention> {
    let mut known = Vec::new();
    for name in form.conventions.iter().flatten() {
        match CONVENTIONS.iter().find(|convention| convention.name == name.get_ref()) {
            Some(convention) => known.push(convention),
            None => {
                let names: Vec<_> = CONVENTIONS.iter().map(|convention| convention.name).collect();
                let message = format!("There is no convention `{}`.", name.get_ref());
                findings.error(super::POLICY_FILE, at(name), message, format!("Conventions: {}.", names.join(", ")));
            }
        }
    }
    known
}
