//! From a template and a valid payload to a message.

use minijinja::ErrorKind;
use minijinja::value::Serde;
use serde::Serialize;
use serde_json::Value;

use crate::decode;
use crate::decode::form::Filled;
use crate::policy::{Address, Diagnostic, MAX_PART_BYTES, Mail, Part, Recipients, Route, Stage, Template, Templates};
use crate::select::{Mailbox, Selected};
use crate::validate::{Attachment, Valid};
use crate::web::header::one_line;

/// The longest subject, in characters: what mail programs show and gateways let pass. A longer one is cut.
pub const MAX_SUBJECT_CHARS: usize = 250;

/// The longest display name, in characters. A longer one is cut.
pub const MAX_NAME_CHARS: usize = 100;

/// A rendered mail, ready for ACS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The From address.
    pub from: Address,
    /// Who gets it.
    pub to: Vec<Address>,
    /// Where replies go; its name is safe for a header.
    pub reply_to: Option<Mailbox>,
    /// The parts.
    pub parts: Parts,
    /// The files.
    pub attachments: Vec<Attachment>,
}

/// What a mail says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// One line without control characters.
    pub subject: String,
    /// The plain text body.
    pub text: String,
    /// The HTML body.
    pub html: Option<String>,
}

/// What a template sees: the payload's members, and what the gate adds.
#[derive(Debug, Serialize)]
pub struct Context<'a> {
    #[serde(flatten)]
    payload: &'a Value,
    /// The table of all fields. Only a mail to addresses of the policy has it: a stranger's free text must not go to
    /// anyone whom the stranger chose.
    #[serde(rename = "fields", skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<Row>>,
    /// The link that asks for a confirmation, for the mail that asks.
    #[serde(rename = "confirmation_link", skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
}

/// What a confirmation link looks like in a sample.
pub const SAMPLE_LINK: &str = "https://mail.contoso.example/confirm?token=sample";

/// A row of the table of all fields.
#[derive(Debug, Serialize)]
struct Row {
    label: String,
    value: String,
}

impl<'a> Context<'a> {
    /// What a mail's templates see of a sample, whose text is `json`.
    pub fn sample(route: &Route, mail: &Mail, sample: &'a Value, json: &str) -> Self {
        let link = asks(route, mail).then_some(SAMPLE_LINK);
        Self::new(sample, decode::filled(route, json.as_bytes()).as_deref(), &mail.to, link)
    }

    /// What the templates of a mail to these recipients see of a payload, of which `filled` is what a form filled in.
    fn new(payload: &'a Value, filled: Option<&[Filled]>, to: &Recipients, link: Option<&'a str>) -> Self {
        let row = |filled: &Filled| {
            Some(Row { label: filled.label.clone(), value: plain(payload.pointer(&filled.pointer)?) })
        };
        let shown = filled.filter(|_| matches!(to, Recipients::Fixed(_)));
        let rows = shown.map(|filled| filled.iter().filter_map(row).collect());
        Self { payload, rows, link }
    }

    /// The value for the templates. Making it costs as much as rendering, so all parts of a mail share one.
    pub fn value(&self) -> minijinja::Value {
        Serde(self).into()
    }
}

/// Whether a mail asks for the confirmation of its form.
pub fn asks(route: &Route, mail: &Mail) -> bool {
    route.form.confirmation.is_some() && route.stage(mail) == Stage::Submitted
}

/// A value as a text for people; the entries of a list joined by commas.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// A template failed on a payload that its schema allows.
#[derive(Debug)]
pub struct Error {
    part: Part,
    source: minijinja::Error,
}

impl Error {
    /// The part that failed and the line, for the audit line: nothing of the payload.
    pub fn place(&self) -> String {
        let file = self.part.file();
        match self.source.kind() {
            ErrorKind::WriteFailure => format!("{file} is longer than {MAX_PART_BYTES} bytes"),
            _ => format!("{file}:{}", self.source.line().unwrap_or(0)),
        }
    }

    /// What the failure means to the template's author.
    pub fn finding(&self, template: &Template) -> Diagnostic {
        crate::policy::template_finding(&template.path(self.part.file()), &self.source)
    }
}

/// Renders a selected mail; `link` is for the mail that asks for a confirmation.
///
/// # Errors
/// When the template fails, which `postern check` proves it does not on its sample.
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

/// Renders a mail with a sample, whose text is `json`, so that what is shown and checked is what is sent.
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
        text: part(Part::Text)?,
        html: template.has_html().then(|| part(Part::Html)).transpose()?,
    })
}
