//! Reads and validates `[routes.NAME.form]`.

use std::time::Duration;

use toml::Spanned;

use super::document::{
    AttachmentsTable, CaptchaTable, ConfirmationTable, FormTable, OnFailure, ProofTable, RouteTable, TokenTable,
};
use super::{at, error, page, setting};
use crate::policy::diagnostic::Findings;
use crate::policy::{
    Attachments, CONVENTIONS, CaptchaGuard, ConfirmationGuard, Convention, FILE_TYPES, Form, Honeypot, Kind,
    MAX_ATTACHMENT_BYTES, MAX_FILES, POLICY_FILE, PUBLIC_URL, ProofOfWorkGuard, SERVICES, TokenGuard,
};
use crate::setting::SettingName;

/// The most bytes of a form's files together, if the route does not say otherwise.
const DEFAULT_ATTACHMENT_BYTES: usize = 5 * 1000 * 1000;

/// The most files, if the route does not say otherwise.
const DEFAULT_FILES: usize = 3;

/// Nobody fills in a form in less than three seconds, and two hours are enough for the slowest visitor.
const DEFAULT_TOKEN_AGES: (u64, u64) = (3, 7200);

/// The longest validity of a token or challenge: a day.
const MAX_AGE_SECONDS: u64 = 86_400;

/// A phone that is a few years old tries this many hashes in a second or two.
const DEFAULT_MAX_NUMBER: u32 = 50_000;

/// More would keep a phone busy for minutes.
const MAX_MAX_NUMBER: u32 = 10_000_000;

/// People read their mail within a day.
const DEFAULT_CONFIRMATION_SECONDS: u64 = 86_400;

/// The longest time for a confirmation: a week.
const MAX_CONFIRMATION_SECONDS: u64 = 604_800;

/// The time in which a visitor must solve a challenge and send the form.
const DEFAULT_PROOF_SECONDS: u64 = 1200;

/// The threshold that reCAPTCHA's documentation suggests to start with.
const DEFAULT_MIN_SCORE: f64 = 0.5;

/// Reads the table; the findings say what is wrong with it.
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
        honeypot: form.honeypot.as_ref().map(|name| Honeypot { name: name.get_ref().clone(), place: at(name) }),
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
                let help = format!("Types: {}. Files that can be executed are never accepted.", names.join(", "));
                error(findings, name, format!("There is no file type `{}`.", name.get_ref()), help);
            }
        }
    }
    if types.is_empty() {
        error(findings, table, "No file would be accepted.", "List at least one type.");
    }
    let count = max_count.as_ref().map_or(DEFAULT_FILES, |count| *count.get_ref());
    if let Some(place) = max_count.as_ref().filter(|_| !(1..=MAX_FILES).contains(&count)) {
        error(findings, place, format!("`max_count` must be between 1 and {MAX_FILES}."), "Lower the limit.");
    }
    let bytes = max_bytes.as_ref().map_or(DEFAULT_ATTACHMENT_BYTES, |bytes| *bytes.get_ref());
    if let Some(place) = max_bytes.as_ref().filter(|_| !(1..=MAX_ATTACHMENT_BYTES).contains(&bytes)) {
        let message = format!("`max_bytes` must be between 1 and {MAX_ATTACHMENT_BYTES}.");
        error(findings, place, message, "Files larger than this do not fit into a mail once they are encoded.");
    }
    Some(Attachments { types: known, max_count: count, max_bytes: bytes })
}

fn token(table: &TokenTable, findings: &mut Findings) -> Option<TokenGuard> {
    let (least, most) = DEFAULT_TOKEN_AGES;
    let min_age = Duration::from_secs(table.min_seconds.unwrap_or(least));
    let max_age = age(table.max_seconds.as_ref(), most, findings);
    if min_age >= max_age {
        let help = "Raise `max_seconds`, or lower `min_seconds`.";
        error(findings, &table.key, "`min_seconds` is not below `max_seconds`, so no form token would be valid.", help);
    }
    Some(TokenGuard { key: setting(&table.key, findings)?, min_age, max_age })
}

fn proof(table: &ProofTable, findings: &mut Findings) -> Option<ProofOfWorkGuard> {
    let max_number = table.max_number.as_ref().map_or(DEFAULT_MAX_NUMBER, |number| *number.get_ref());
    if let Some(number) = table.max_number.as_ref().filter(|_| !(1..=MAX_MAX_NUMBER).contains(&max_number)) {
        let message = format!("`max_number` must be between 1 and {MAX_MAX_NUMBER}.");
        error(findings, number, message, "Leave it out for the default of 50000.");
    }
    let max_age = age(table.max_seconds.as_ref(), DEFAULT_PROOF_SECONDS, findings);
    Some(ProofOfWorkGuard { key: setting(&table.key, findings)?, max_number, max_age })
}

fn confirmation(
    table: &Spanned<ConfirmationTable>,
    form: &FormTable,
    findings: &mut Findings,
) -> Option<ConfirmationGuard> {
    if form.attachments.is_some() {
        let help = "The gate does not keep files until the visitor confirms. Remove `attachments` or `confirmation`.";
        error(findings, table, "A form with `attachments` cannot have `confirmation`.", help);
    }
    let table = table.get_ref();
    let seconds = table.max_seconds.as_ref().map_or(DEFAULT_CONFIRMATION_SECONDS, |seconds| *seconds.get_ref());
    if let Some(place) = table.max_seconds.as_ref().filter(|_| !(60..=MAX_CONFIRMATION_SECONDS).contains(&seconds)) {
        let message = format!("`max_seconds` must be between 60 and {MAX_CONFIRMATION_SECONDS}.");
        error(findings, place, message, "Leave it out for the default of one day.");
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
        error(findings, action, format!("{named} does not report actions."), "Remove `action`.");
    }
    let min_score = captcha.min_score.as_ref().map_or(DEFAULT_MIN_SCORE, |score| *score.get_ref());
    if let Some(score) = captcha.min_score.as_ref().filter(|_| !service.has_score || !(0.0..=1.0).contains(&min_score))
    {
        let help = "Only recaptcha-v3 reports a score, which is between 0 and 1.";
        error(findings, score, "This `min_score` cannot be used.", help);
    }
    let hostnames = captcha.hostnames.clone().unwrap_or_else(|| hosts(table));
    if hostnames.is_empty() {
        let help = "List `hostnames`: a pattern in `origins` does not say which site shows the captcha.";
        error(findings, &captcha.service, "No captcha would be accepted, because its sites are unknown.", help);
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

/// The hosts of the origins; none if one of them is a pattern.
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
        error(findings, seconds, message, "A page may be open for one day at most.");
    }
    Duration::from_secs(age)
}

fn conventions(form: &FormTable, findings: &mut Findings) -> Vec<&'static Convention> {
    let mut known = Vec::new();
    for name in form.conventions.iter().flatten() {
        match CONVENTIONS.iter().find(|convention| convention.name == name.get_ref()) {
            Some(convention) => known.push(convention),
            None => {
                let names: Vec<_> = CONVENTIONS.iter().map(|convention| convention.name).collect();
                let message = format!("There is no convention `{}`.", name.get_ref());
                findings.error(POLICY_FILE, at(name), message, format!("Conventions: {}.", names.join(", ")));
            }
        }
    }
    known
}
