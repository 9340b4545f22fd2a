//! The gate's own pages, for browsers without scripts: thanks, and the form with its errors and what was typed.

use bytes::Bytes;
use http::header::{CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use http::{HeaderValue, Response, StatusCode};
use minijinja::value::Serde;
use serde::Serialize;
use serde_json::Value;

use super::visit::Visit;
use crate::decode::form::{Shape, place_of};
use crate::pointer;
use crate::policy::{self, Markup, Route, Stage, TOKEN_FIELD};
use crate::problem::{self, Problem, ProblemType};
use crate::texts::fill;
use crate::validate::Violation;
use crate::web::{Site, response};

const TEMPLATE: &str = include_str!("page.html.j2");

/// From this many characters on, or if it has several lines, a text gets a control with several lines.
const LONG_TEXT: u64 = 200;

/// The page loads no other files, runs no script and cannot be framed.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// One control of the form as the page shows it.
#[derive(Debug, Serialize)]
struct Control<'a> {
    id: String,
    name: String,
    label: String,
    kind: &'static str,
    value: String,
    options: Vec<String>,
    required: bool,
    error: Option<&'a str>,
}

/// One line of the summary of what is wrong.
#[derive(Debug, Serialize)]
struct Wrong<'a> {
    id: Option<String>,
    label: String,
    error: &'a str,
}

/// The variables of the template.
#[derive(Debug, Serialize)]
struct Page<'a> {
    lang: &'static str,
    title: String,
    heading: &'static str,
    message: String,
    controls: Option<Vec<Control<'a>>>,
    wrongs: Vec<Wrong<'a>>,
    action: &'a str,
    send: &'static str,
    /// The site to go back to, or the page to go on to.
    back: Option<&'a str>,
    go_back: &'static str,
    /// What whoever made the page must change, in English.
    hint: Option<&'a str>,
    for_the_owner: &'static str,
}

/// The page after a form was accepted, or confirmed.
pub(super) fn thanks(route: &Route, visit: &Visit) -> Response<Bytes> {
    let texts = visit.texts;
    let (title, text) = match (visit.stage, &route.form.confirmation) {
        (Stage::Submitted, None) => (texts.thanks_title, texts.thanks),
        (Stage::Submitted, Some(_)) => (texts.asked_title, texts.asked),
        (Stage::Confirmed, _) => (texts.confirmed_title, texts.confirmed),
    };
    Page::new(visit, title, text.to_owned()).respond(StatusCode::OK)
}

/// The page after a form of which the visitor should know more than that it was sent, with the way on to `next`.
pub(super) fn notice<'a>(visit: &'a Visit, status: StatusCode, text: &str, next: Option<&'a str>) -> Response<Bytes> {
    let mut page = Page::new(visit, visit.texts.thanks_title, text.to_owned());
    if next.is_some() {
        (page.back, page.go_back) = (next, visit.texts.go_on);
    }
    page.respond(status)
}

/// The page after a form was refused. With `violations`, it shows the form with what was typed.
pub(super) fn failed(route: &Route, visit: &Visit, problem: &Problem, violations: &[Violation]) -> Response<Bytes> {
    let texts = visit.texts;
    let message = match (problem.status, violations) {
        (_, [_]) => texts.check_one.to_owned(),
        (_, [_, ..]) => fill(texts.check_many, violations.len()),
        (StatusCode::PAYLOAD_TOO_LARGE, _) => texts.too_large.to_owned(),
        (status, _) if visit.stage == Stage::Confirmed && status.is_client_error() => texts.dead_link.to_owned(),
        (StatusCode::FORBIDDEN, _) => texts.refused.to_owned(),
        (status, _) if status.is_server_error() => texts.later.to_owned(),
        _ => texts.unreadable.to_owned(),
    };
    let heading = if violations.is_empty() { texts.failed_title } else { texts.check_title };
    let mut page = Page::new(visit, heading, message);
    page.title = format!("{}: {heading}", texts.error);
    if !violations.is_empty() {
        let controls = controls(route, visit, violations);
        page.wrongs = violations.iter().map(|violation| wrong(&controls, violation)).collect();
        // In the order of the form; what belongs to no control comes last.
        let place = |wrong: &Wrong<'_>| controls.iter().position(|control| Some(&control.id) == wrong.id.as_ref());
        page.wrongs.sort_by_key(|wrong| place(wrong).unwrap_or(usize::MAX));
        page.action = &route.path;
        // Without its script, or if the gate does not know its own origin, the form could not be sent from here.
        let sendable = visit.can_send_again && !route.form.needs_script();
        page.controls = Some(if sendable { controls } else { Vec::new() });
    } else if is_of_the_page(problem.kind) {
        page.hint = Some(&problem.detail);
    }
    page.respond(problem.status)
}

/// Whether only whoever made the page can correct a problem. They meet it when they try their form.
fn is_of_the_page(kind: ProblemType) -> bool {
    [problem::HIDDEN_ORIGIN, problem::MEDIA_TYPE, problem::MALFORMED].contains(&kind)
}

impl<'a> Page<'a> {
    fn new(visit: &'a Visit, heading: &'static str, message: String) -> Self {
        let texts = visit.texts;
        let back = match &visit.site {
            Site::Listed(origin) => Some(origin.as_str()),
            Site::Own | Site::Foreign | Site::Withheld | Site::Unknown => None,
        };
        Self {
            lang: texts.tag,
            title: heading.to_owned(),
            heading,
            message,
            controls: None,
            wrongs: Vec::new(),
            action: "",
            send: texts.send,
            back,
            go_back: texts.go_back,
            hint: None,
            for_the_owner: texts.for_the_owner,
        }
    }

    fn respond(&self, status: StatusCode) -> Response<Bytes> {
        let environment = policy::templates(Markup::Html);
        let html = environment.template_from_named_str("page.html", TEMPLATE).and_then(|page| page.render(Serde(self)));
        // The template is ours and tested; if it failed, the visitor would still learn the status.
        let mut answer = response::content(status, "text/html; charset=utf-8", html.unwrap_or_default());
        let headers = answer.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(self.lang));
        // With a stricter policy, the browser would send `Origin: null` with the form.
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        answer
    }
}

/// The controls: those that were sent, in their order, then the missing ones.
fn controls<'a>(route: &Route, visit: &Visit, violations: &'a [Violation]) -> Vec<Control<'a>> {
    let mut controls: Vec<Control<'a>> = Vec::new();
    let mut shown: Vec<String> = Vec::new();
    for field in &visit.fields.sent {
        let (pointer, label, shape) = place_of(&route.schema, &field.name);
        let id = format!("field-{}", controls.len() + 1);
        if visit.fields.controls.names.contains(&field.name) {
            let kind = "hidden";
            controls.push(Control { kind, ..Control::new(id, &field.name, String::new(), &field.text, shape) });
            continue;
        }
        let error = about(violations, &pointer).filter(|_| !shown.contains(&pointer));
        let earlier = controls.iter_mut().find(|control| control.kind == "checkbox" && control.name == field.name);
        match earlier {
            Some(earlier) => earlier.value = ticked(&field.text),
            None => controls.push(Control { error, ..Control::new(id, &field.name, label, &field.text, shape) }),
        }
        shown.push(pointer);
    }
    if let Some(token) = &visit.fresh_token {
        controls.retain(|control| control.name != TOKEN_FIELD);
        let id = format!("field-{}", controls.len() + 1);
        let hidden = Control::new(id, TOKEN_FIELD, String::new(), token, Shape::UNKNOWN);
        controls.push(Control { kind: "hidden", ..hidden });
    }
    for violation in violations {
        if !shown.contains(&violation.pointer) && violation.code.starts_with("REQUIRED") {
            let name = pointer::names(&violation.pointer).collect::<Vec<_>>().join(".");
            let (_, label, shape) = place_of(&route.schema, &name);
            let id = format!("field-{}", controls.len() + 1);
            let error = Some(violation.detail.as_str());
            controls.push(Control { error, ..Control::new(id, &name, label, "", shape) });
            shown.push(violation.pointer.clone());
        }
    }
    controls
}

/// What is wrong at a place or below it.
fn about<'a>(violations: &'a [Violation], pointer: &str) -> Option<&'a str> {
    let at = |violation: &&Violation| {
        violation.pointer.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    violations.iter().find(at).map(|violation| violation.detail.as_str())
}

fn wrong<'a>(controls: &[Control<'_>], violation: &'a Violation) -> Wrong<'a> {
    let name = violation.pointer.split('/').skip(1).collect::<Vec<_>>().join(".");
    let control =
        controls.iter().find(|control| control.error == Some(violation.detail.as_str()) && matching(control, &name));
    Wrong {
        id: control.map(|control| control.id.clone()),
        label: control.map_or(name, |control| control.label.clone()),
        error: &violation.detail,
    }
}

/// Whether a control fills the place that a violation names, however the control's name is written.
fn matching(control: &Control<'_>, name: &str) -> bool {
    let plain = control.name.replace("[]", "").replace('[', ".").replace(']', "");
    name.strip_prefix(plain.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// A checkbox is ticked if there is a text.
fn ticked(text: &str) -> String {
    let ticked = ["on", "true", "1", "yes"].iter().any(|word| text.eq_ignore_ascii_case(word));
    if ticked { "on".to_owned() } else { String::new() }
}

impl Control<'_> {
    fn new(id: String, name: &str, label: String, text: &str, shape: Shape<'_>) -> Self {
        let options = options(shape, text);
        let long = text.contains('\n') || text.chars().count() as u64 > LONG_TEXT || room(shape) > LONG_TEXT;
        let (kind, value) = match shape {
            shape if shape.allows("boolean") => ("checkbox", ticked(text)),
            _ if !options.is_empty() => ("select", text.to_owned()),
            shape if shape.format() == Some("email") => ("email", text.to_owned()),
            _ if long => ("textarea", text.to_owned()),
            _ => ("text", text.to_owned()),
        };
        // One control of a list may be empty if another one is not, and a checkbox may be unticked.
        let required = shape.required && kind != "checkbox" && shape.items().is_none();
        Self { id, name: name.to_owned(), label, kind, value, options, required, error: None }
    }
}

fn room(shape: Shape<'_>) -> u64 {
    shape.keyword("maxLength").and_then(Value::as_u64).unwrap_or(0)
}

/// The values to choose from; the first one is empty if what was sent is not among them.
fn options(shape: Shape<'_>, text: &str) -> Vec<String> {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let listed = shape.items().unwrap_or(shape).keyword("enum").and_then(Value::as_array);
    let mut options: Vec<_> = listed.into_iter().flatten().map(plain).collect();
    if !options.is_empty() && (!options.iter().any(|option| option == text) || !shape.required) {
        options.insert(0, String::new());
    }
    options
}
