//! Checks what mailboxes judge a mail by: its subject, its size and its HTML.

use postern::policy::{Diagnostic, Mail, Part, Place, Route, SAMPLE};
use postern::render::{Context, Parts};
use postern_legibility::CLIP_BYTES;
use serde_json::Value;

use crate::field::Field;
use crate::shown::Shown;
use crate::template::Report;
use crate::{Checker, Findings, html, maximum};

/// The longest subject, in characters: mail programs show less, and gateways may object to more.
pub const MAX_SUBJECT_CHARS: usize = 150;

/// Checks a mail with its sample, and with the largest payload.
pub fn check(
    checker: &Checker<'_>,
    route: &Route,
    mail: &Mail,
    report: &Report<'_>,
    sample: Option<&Parts>,
    findings: &mut Findings,
) {
    let shown = Shown::by([report]);
    let largest = maximum::payload(&Field::root(route.schema.document()), &shown, route.upload_limit);
    subject(checker, route, mail, report, &largest, findings);
    if let Some(html) = sample.and_then(|parts| parts.html.as_deref()) {
        sample_size(mail, html, findings);
        html::check(html, mail, checker.files, findings);
    }
    if mail.template.has_html() {
        largest_size(checker, route, mail, report, &largest, findings);
    }
}

fn subject(
    checker: &Checker<'_>,
    route: &Route,
    mail: &Mail,
    report: &Report<'_>,
    largest: &Value,
    findings: &mut Findings,
) {
    let mut bounded = true;
    for print in report.prints.iter().filter(|print| print.part == Part::Subject && print.cut.is_none()) {
        if !print.sources.iter().all(maximum::is_bounded) {
            bounded = false;
            let message = format!("`{}` can have any length, but a subject cannot.", print.name);
            let help = format!(
                "Add \"maxLength\" in schemas/{}.json, or cut it: {{{{ {}[:80] }}}}.",
                route.schema_name, print.name
            );
            findings.error(&print.file, print.place.clone(), message, help);
        }
    }
    if !bounded {
        return;
    }
    match checker.policy.templates().render(&mail.template, Part::Subject, largest_context(route, mail, largest)) {
        Ok(subject) => {
            let length = subject.trim().chars().count();
            if length > MAX_SUBJECT_CHARS {
                let message = format!("The subject can have {length} characters; the maximum is {MAX_SUBJECT_CHARS}.");
                let help = "Lower \"maxLength\" in the schema, or cut a value: {{ title[:80] }}.";
                findings.error(&mail.template.path(Part::Subject.file()), Place::File, message, help);
            }
        }
        Err(error) => findings.0.push(unrendered(mail, Part::Subject, &error)),
    }
}

fn largest_context(route: &Route, mail: &Mail, largest: &Value) -> minijinja::Value {
    Context::sample(route, mail, largest, &largest.to_string()).value()
}

fn unrendered(mail: &Mail, part: Part, error: &minijinja::Error) -> Diagnostic {
    let finding = postern::policy::template_finding(&mail.template.path(part.file()), error);
    let message = format!("With every field at its longest: {}", finding.message);
    Diagnostic { message, help: "Limit texts with `maxLength` and lists with `maxItems`.".to_owned(), ..finding }
}

fn sample_size(mail: &Mail, html: &str, findings: &mut Findings) {
    if html.len() > CLIP_BYTES {
        let message = format!("The sample has {} bytes of HTML; Gmail clips after {CLIP_BYTES}.", html.len());
        let help = format!("Shorten the template, or {SAMPLE} if it is not typical.");
        findings.error(&mail.template.path(Part::Html.file()), Place::File, message, help);
    }
}

fn largest_size(
    checker: &Checker<'_>,
    route: &Route,
    mail: &Mail,
    report: &Report<'_>,
    largest: &Value,
    findings: &mut Findings,
) {
    let file = mail.template.path(Part::Html.file());
    let help = format!(
        "Lower \"maxLength\" and \"maxItems\" in schemas/{}.json, or cut values: {{{{ text[:2000] }}}}.",
        route.schema_name
    );
    let endless = report.loops.iter().any(|each| {
        let lists = || each.lists.iter().filter(|field| field.is_list());
        each.part == Part::Html && each.cut.is_none() && lists().any(|list| list.max_items().is_none())
    });
    if endless {
        let message = format!("The HTML loops over a list of any length; Gmail clips after {CLIP_BYTES} bytes.");
        findings.warning(&file, Place::File, message, help);
        return;
    }
    match checker.policy.templates().render(&mail.template, Part::Html, largest_context(route, mail, largest)) {
        Ok(html) if html.len() > CLIP_BYTES => {
            let message = format!(
                "With every field at its longest the HTML has {} bytes; Gmail clips after {CLIP_BYTES}.",
                html.len()
            );
            findings.warning(&file, Place::File, message, help);
        }
        Ok(_) => {}
        Err(error) => findings
            .0
            .push(Diagnostic { severity: postern::policy::Severity::Warning, ..unrendered(mail, Part::Html, &error) }),
    }
}
