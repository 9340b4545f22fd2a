//! What a visitor gets back: JSON for scripts; for browsers, a redirect or a page of the gate.

use std::slice;

use bytes::Bytes;
use form_urlencoded::Serializer;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::visit::{Visit, Wants};
use super::{copy, cors, next, page};
use crate::audit::{Summary, Verdict};
use crate::deliver::Handled;
use crate::outcome::{Delivery, Outcome, Sent};
use crate::policy::{Route, Stage};
use crate::problem::{self, Problem, ProblemType};
use crate::refusal::Refusal;
use crate::validate::{Violation, upper_snake};
use crate::web::{Site, response};
use crate::{guard, pointer, repeat, reply};

/// The answer to a form, and what the audit line says about it.
pub fn answer(route: &Route, visit: &Visit, handled: &Handled) -> (Response<Bytes>, Summary) {
    let (mut response, summary) = match handled {
        // If a robot knew that it was detected, it would try again without the field.
        Err(Refusal::Guard(refusal @ guard::Refusal::Trap { event_id })) => {
            let summary = Summary { verdict: Verdict::Discarded, reason: Some(refusal.to_string()) };
            if visit.validate_only {
                (valid(), summary)
            } else {
                (success(route, visit, &[pretended(route, event_id)], None), summary)
            }
        }
        Ok(_) if visit.validate_only => (valid(), Summary { verdict: Verdict::Validated, reason: None }),
        handled => {
            let events = slice::from_ref(handled);
            let response = match (reply::problem(route.contract, events, false), handled) {
                (None, _) => success(route, visit, events, None),
                (Some(_), Ok(sent)) if copy::only_copies_refused(route, sent) => {
                    success(route, visit, events, Some(visit.texts.copy_refused))
                }
                (Some(problem), Ok(sent)) => {
                    failure(route, visit, problem, &copy::refused_addresses(route, sent, visit.texts))
                }
                (Some(problem), Err(Refusal::Invalid(violations))) => failure(route, visit, problem, violations),
                (Some(problem), Err(_)) => failure(route, visit, problem, &[]),
            };
            (response, reply::summary(handled))
        }
    };
    cors::allow(&mut response, &visit.site);
    (response, summary)
}

/// The answer to a form that was only validated.
fn valid() -> Response<Bytes> {
    response::json(StatusCode::OK, &json!({ "valid": true, "sent": 0 }))
}

/// The mails that would have been sent for a robot's form.
fn pretended(route: &Route, event_id: &str) -> Handled {
    let mails = route.mails.iter().filter(|mail| mail.when.is_none() && route.stage(mail) == Stage::Submitted);
    let sent = |name: &String| Sent {
        mail: name.clone(),
        delivery: Delivery {
            outcome: Outcome::Accepted,
            ..Delivery::not_sent(repeat::operation(route, name, event_id))
        },
    };
    Ok(mails.map(|mail| sent(&mail.name)).collect())
}

/// The answer where the team has the form; `notice` says what the visitor should know nevertheless.
fn success(route: &Route, visit: &Visit, events: &[Handled], notice: Option<&'static str>) -> Response<Bytes> {
    let (status, mut members) = (reply::status(events), reply::success(events));
    let wanted = visit.fields.controls.next.as_deref();
    let next = wanted.and_then(|next| next::target(next, &route.origins, &visit.site));
    let thanks = match (visit.stage, &route.form.confirmation) {
        (Stage::Confirmed, Some(confirmation)) => &confirmation.thanks,
        _ => &route.thanks,
    };
    let next = next.or_else(|| thanks.clone()).filter(|_| !(visit.wants == Wants::Page && visit.is_script));
    let queued = Some(visit.texts.queued).filter(|_| status == StatusCode::ACCEPTED);
    match (visit.wants, next, notice.or(queued)) {
        // The site's thank-you page would say that everything was sent.
        (Wants::Page, next, Some(text)) => page::notice(visit, status, text, next.as_deref()),
        (Wants::Page | Wants::Anything, Some(next), _) if status == StatusCode::OK => response::see_other(&next),
        (Wants::Page, None, None) => page::thanks(route, visit),
        (_, next, _) => {
            let next = next.or_else(|| visit.needs_next.then(String::new));
            members.extend(next.map(|next| ("next".to_owned(), Value::String(next))));
            members.extend(notice.map(|notice| ("notice".to_owned(), json!(notice))));
            if visit.stage == Stage::Submitted && route.form.confirmation.is_some() {
                members.insert("confirmation".to_owned(), json!("pending"));
            }
            if !visit.fields.controls.ignored.is_empty() {
                members.insert("ignored".to_owned(), json!(visit.fields.controls.ignored));
            }
            response::json(status, &Value::Object(members))
        }
    }
}

fn failure(route: &Route, visit: &Visit, mut problem: Problem, violations: &[Violation]) -> Response<Bytes> {
    // If the schema no longer accepts a link's form, there is nothing that the visitor could correct on a page.
    let violations = if visit.stage == Stage::Submitted { violations } else { &[] };
    match (visit.wants, &route.form.error_redirect) {
        (Wants::Page, Some(address)) if !visit.is_script => {
            response::see_other(&with_codes(address, problem.kind.slug, violations))
        }
        (Wants::Page, _) => {
            let mut response = page::failed(route, visit, &problem, violations);
            response.headers_mut().extend(problem.headers);
            response
        }
        (Wants::Json | Wants::Anything, _) => {
            let entries: Vec<_> = match violations {
                [] => vec![json!({ "code": form_code(&problem.kind), "message": problem.detail })],
                violations => violations.iter().map(entry).collect(),
            };
            problem.add("error", json!(problem.kind.title));
            problem.add("errors", Value::Array(entries));
            problem.respond()
        }
    }
}

/// A violation in the gate's format, and also in the one that Formspree's client library reads.
fn entry(violation: &Violation) -> Value {
    json!({
        "pointer": violation.pointer,
        "keyword": violation.keyword,
        "detail": violation.detail,
        "code": violation.code,
        "field": field(violation),
        "message": violation.detail,
    })
}

/// The name of a field, by its place.
fn field(violation: &Violation) -> String {
    pointer::names(&violation.pointer).collect::<Vec<_>>().join(".")
}

/// Formspree's code for a problem with the form as a whole (formspree-js, `submission.ts`).
fn form_code(kind: &ProblemType) -> String {
    match *kind {
        problem::BODY_TOO_LARGE => "FILES_TOO_BIG".to_owned(),
        problem::FOREIGN_ORIGIN | problem::HIDDEN_ORIGIN => "BLOCKED".to_owned(),
        other => upper_snake(other.slug),
    }
}

/// `address?error=invalid-payload&errors=email:TYPE_EMAIL,name:REQUIRED_FIELD_MISSING`.
fn with_codes(address: &str, slug: &str, violations: &[Violation]) -> String {
    let errors: Vec<_> =
        violations.iter().map(|violation| format!("{}:{}", field(violation), violation.code)).collect();
    let mut query = Serializer::new(String::new());
    query.append_pair("error", slug);
    if !errors.is_empty() {
        query.append_pair("errors", &errors.join(","));
    }
    let (page, fragment) = address.split_once('#').map_or((address, None), |(page, rest)| (page, Some(rest)));
    let separator = if page.contains('?') { '&' } else { '?' };
    let fragment = fragment.map_or_else(String::new, |fragment| format!("#{fragment}"));
    format!("{page}{separator}{}{fragment}", query.finish())
}

/// The answer to a browser's preflight for a script's request.
pub fn preflight(site: &Site) -> Response<Bytes> {
    cors::preflight(site, "POST")
}
