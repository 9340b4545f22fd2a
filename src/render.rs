//! Turns a template and a valid payload into a message.

use minijinja::ErrorKind;
use minijinja::value::Serde;
use serde::Serialize;
use serde_json::Value;

use crate::decode;
use crate::decode::form::{Filled, normalise_newlines};
use crate::policy::{Address, Diagnostic, MAX_PART_BYTES, Mail, Part, Recipients, Route, Stage, Template, Templates};
use crate::select::{Mailbox, Selected};
use crate::validate::{Attachment, Valid};
use crate::web::header::one_line;

/// The longest subject, in characters: mail programs show it whole and gateways let it pass. The gate cuts longer ones.
pub const MAX_SUBJECT_CHARS: usize = 250;

/// The longest display name, in characters. The gate cuts longer ones.
pub const MAX_NAME_CHARS: usize = 100;

/// A rendered mail, ready for ACS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The From address.
    pub from: Address,
    /// The recipients.
    pub to: Vec<Address>,
    /// Where replies go; the name is safe for a header.
    pub reply_to: Option<Mailbox>,
    /// The parts.
    pub parts: Parts,
    /// The files.
    pub attachments: Vec<Attachment>,
}

/// The text of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// One line without control characters.
    pub subject: String,
    /// The plain text body, without control characters but tabs and line feeds, as the HTML body.
    pub text: String,
    /// The HTML body.
    pub html: Option<String>,
}

/// The variables of a template: the payload's members, and what the gate adds.
#[derive(Debug, Serialize)]
pub struct Context<'a> {
    #[serde(flatten)]
    payload: &'a Value,
    /// The table of all fields, only for mails to addresses in the policy: a stranger's free text must not go to an
    /// address that the stranger chose.
    #[serde(rename = "fields", skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<Row>>,
    /// The confirmation link, for the mail that asks for the confirmation.
    #[serde(rename = "confirmation_link", skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
}

/// The confirmation link in previews.
pub const SAMPLE_LINK: &str = "https://mail.contoso.example/confirm?token=sample";

/// A row of the table of all fields.
#[derive(Debug, Serialize)]
struct Row {
    label: String,
    value: String,
}

impl<'a> Context<'a> {
    /// The variables of a mail's templates for a sample, whose text is `json`.
    pub fn sample(route: &Route, mail: &Mail, sample: &'a Value, json: &str) -> Self {
        let link = asks(route, mail).then_some(SAMPLE_LINK);
        Self::new(sample, decode::filled(route, json).as_deref(), &mail.to, link)
    }

    /// The variables of a mail's templates for a payload; `filled` is what the visitor filled in.
    fn new(payload: &'a Value, filled: Option<&[Filled]>, to: &Recipients, link: Option<&'a str>) -> Self {
        let row = |filled: &Filled| {
            Some(Row { label: filled.label.clone(), value: plain(payload.pointer(&filled.pointer)?) })
        };
        let shown = filled.filter(|_| matches!(to, Recipients::Fixed(_)));
        let rows = shown.map(|filled| filled.iter().filter_map(row).collect());
        Self { payload, rows, link }
    }

    /// The value for the templates. Building it costs as much as rendering, so all parts of a mail share it.
    pub fn value(&self) -> minijinja::Value {
        Serde(self).into()
    }
}

/// Whether a mail asks for the confirmation of its form.
pub fn asks(route: &Route, mail: &Mail) -> bool {
    route.form.confirmation.is_some() && route.stage(mail) == Stage::Submitted
}

/// A value as text for people; the entries of a list are joined by commas.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// A template failed with a payload that its schema allows.
#[derive(Debug)]
pub struct Error {
    part: Part,
    source: minijinja::Error,
}

impl Error {
    /// The part that failed and the line, for the audit line; nothing from the payload.
    pub fn place(&self) -> String {
        let file = self.part.file();
        match self.source.kind() {
            ErrorKind::WriteFailure => format!("{file} is longer than {MAX_PART_BYTES} bytes"),
            _ => format!("{file}:{}", self.source.line().unwrap_or(0)),
        }
    }

    /// What the failure means, for the template's author.
    pub fn finding(&self, template: &Template) -> Diagnostic {
        crate::policy::template_finding(&template.path(self.part.file()), &self.source)
    }
}

/// Renders a selected mail; `link` is for the mail that asks for a confirmation.
///
/// # Errors
/// If the template fails. `postern check` proves that it does not fail with its sample.
pub fn render(
    templates: &Templates,
    selected: &Selected<'_>,
    valid: &Valid,
    link: Option<&str>,
) -> Result<Message, Error> {
    let parts = render_parts(
        templates,
        &selected.mail.template,
        &Context::new(valid.payload(), valid.filled(), &selected.mail.to, link),
    )?;
    let reply_to = selected.reply_to.as_ref().map(|mailbox| Mailbox {
        address: mailbox.address.clone(),
        name: mailbox.name.as_ref().map(|name| one_line(name, MAX_NAME_CHARS)).filter(|name| !name.is_empty()),
    });
    let attachments = if selected.mail.attachments { valid.attachments().to_vec() } else { Vec::new() };
    Ok(Message { attachments, from: selected.mail.sender.address.clone(), to: selected.to.clone(), reply_to, parts })
}

/// Renders a mail with a sample, whose text is `json`, in the same way as for sending.
///
/// # Errors
/// As [`render`].
pub fn render_sample(
    templates: &Templates,
    route: &Route,
    mail: &Mail,
    sample: &Value,
    json: &str,
) -> Result<Parts, Error> {
    render_parts(templates, &mail.template, &Context::sample(route, mail, sample, json))
}

fn render_parts(templates: &Templates, template: &Template, context: &Context<'_>) -> Result<Parts, Error> {
    let context = context.value();
    let part = |part| templates.render(template, part, context.clone()).map_err(|source| Error { part, source });
    Ok(Parts {
        subject: one_line(&part(Part::Subject)?, MAX_SUBJECT_CHARS),
        text: without_controls(part(Part::Text)?),
        html: template.has_html().then(|| part(Part::Html).map(without_controls)).transpose()?,
    })
}

/// A body without control characters, whatever its template prints: HTML has no place for them, and a mail none for NUL
/// (RFC 5322, 2.2). Tabs stay, and every line ends with a line feed.
fn without_controls(body: String) -> String {
    // Nearly all bodies consist of these bytes alone: 0xC2 is the first of all control characters beyond ASCII.
    if body.bytes().all(|byte| matches!(byte, b'\n' | b'\t' | b' '..=b'~' | 0x80..=0xc1 | 0xc3..)) {
        return body;
    }
    let belongs = |character: char| !character.is_control() || matches!(character, '\n' | '\t');
    normalise_newlines(&body).chars().filter(|character| belongs(*character)).collect()
}

#[cfg(test)]
mod tests {
    use super::without_controls;

    #[test]
    fn a_body_has_lines_and_tabs_and_no_other_controls() {
        for (rendered, body) in [
            ("a\tb\nc", "a\tb\nc"),
            ("21 °C, ¼ ½, äöü €", "21 °C, ¼ ½, äöü €"),
            ("10 %\r20 %\r\ndone\r", "10 %\n20 %\ndone\n"),
            ("a\0\u{7}\u{8}\u{1b}[1mb\u{7f}\u{85}\u{9b}c", "a[1mbc"),
        ] {
            assert_eq!(without_controls(rendered.to_owned()), body, "{rendered:?}");
        }
    }
}
