//! Turns bytes into a submission: its payload is JSON, whatever the format of the body.

mod charset;
mod disposition;
mod envelope;
mod event_id;
pub mod form;
mod json;
mod multipart;
mod urlencoded;

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::Value;

use crate::auth::{self, Caller, Verified};
use crate::policy::{Coverage, Envelope, Kind, MAX_DEPTH, MAX_FIELDS, MAX_FILES, Route};
use crate::web::media_type::{URLENCODED, essence};
use charset::{CHARSET_FIELD, Charset};
use form::{Contradiction, Controls, Field, Filled, FormFields, Upload};

pub(crate) use charset::{unmarked, windows_1252};
pub use envelope::MAX_EVENTS;
pub use json::{MAX_VALUES, OBJECT_VALUES};

/// A decoded payload that no later step has checked yet.
#[derive(Debug)]
pub struct Submission {
    /// The payload.
    pub payload: Value,
    /// What a form filled in, in the order in which it was sent; `None` if no mail shows it.
    pub filled: Option<Vec<Filled>>,
    /// Who sent it.
    pub caller: Caller,
    /// The files that a form sent.
    pub uploads: Vec<Upload>,
}

/// The events of one request.
#[derive(Debug)]
pub struct Events {
    /// Each event.
    pub submissions: Vec<Submission>,
    /// Whether there could have been several; the answer then lists them separately.
    pub batch: bool,
    /// What a visitor's form contains besides its payload, for the guards and the answer; events have none.
    pub fields: FormFields,
}

impl Events {
    fn form(submission: Submission, fields: FormFields) -> Self {
        Self { submissions: vec![submission], batch: false, fields }
    }
}

/// Why the gate could not read a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The content type is missing, or not one that the route accepts.
    #[error("The content type must be {0}.")]
    MediaType(&'static str),
    /// An event's attributes are headers, which the caller's signature does not cover.
    #[error(
        "The signature covers the body alone, so the content type must be application/cloudevents+json or \
         application/cloudevents-batch+json."
    )]
    BinaryMode,
    /// The text is not JSON; the place is that of the first error.
    #[error("The body is not JSON: see line {line}, column {column}.")]
    NotJson {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
    },
    /// Arrays and objects are nested too deeply.
    #[error("The body is nested more than {MAX_DEPTH} levels deep.")]
    TooDeep,
    /// There are too many values in the JSON.
    #[error("The body has more than {MAX_VALUES} values.")]
    TooManyValues,
    /// The payload is not an object.
    #[error("The body must be a JSON object.")]
    NotAnObject,
    /// Too many form fields.
    #[error("The body has more than {MAX_FIELDS} fields.")]
    TooManyFields,
    /// The body is not a list, as its envelope requires.
    #[error("The body must be a JSON list of events.")]
    NotAList,
    /// Too many events.
    #[error("The body has more than {MAX_EVENTS} events.")]
    TooManyEvents,
    /// An event lacks something that its envelope requires.
    #[error("An event has no valid `{0}`.")]
    NotAnEvent(&'static str),
    /// The headers that contain an event's attributes are invalid.
    #[error("The event's attributes cannot be read from the headers.")]
    Attributes,
    /// There is no encoding of the name that the content type has.
    #[error("The charset in the content type is not supported: send UTF-8, as `; charset=utf-8`.")]
    Charset,
    /// What a program sent is not in UTF-8, and nothing says what it is in.
    #[error(
        "The body is not UTF-8; it was probably sent as ISO-8859-1. Encode it as UTF-8, and add `; charset=utf-8` to the \
         content type."
    )]
    NotUtf8,
    /// What a page sent is not in UTF-8, and nothing says what it is in.
    #[error("The form is not UTF-8. Add accept-charset=\"utf-8\" to its <form> element.")]
    FormNotUtf8,
    /// An event has its data twice.
    #[error("An event has both `data` and `data_base64`.")]
    DataTwice,
    /// An event's binary data cannot be decoded.
    #[error("The `data_base64` of an event is not valid base64.")]
    NotBase64,
    /// An event's binary data is no text, though it should be JSON.
    #[error("The `data_base64` of an event is not UTF-8, and its `datacontenttype` names no other charset.")]
    DataNotText,
    /// An event's binary data is not JSON, though it should be; the place is that of the first error.
    #[error(
        "The `data_base64` of an event is not JSON (line {line}, column {column}), and its `datacontenttype` names no \
         other type."
    )]
    DataNotJson {
        /// The line of the decoded text, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
    },
    /// The content type of a multipart body has no valid boundary.
    #[error("The content type has no valid boundary.")]
    Boundary,
    /// The body does not follow RFC 7578, or ends before its last boundary.
    #[error("The body is not multipart/form-data.")]
    Multipart,
    /// A form that accepts no files contains one.
    #[error("This form does not accept files.")]
    File,
    /// There are more files than any form accepts.
    #[error("A form can have at most {MAX_FILES} files.")]
    TooManyFiles,
    /// The files together are larger than the form allows.
    #[error("The files of this form can have at most {0} bytes in total.")]
    FilesTooLarge(usize),
    /// One field sets a property, and another one sets a property below it.
    #[error("Two fields set the same property in different ways.")]
    Contradiction,
}

impl From<Contradiction> for Error {
    fn from(_: Contradiction) -> Self {
        Self::Contradiction
    }
}

/// The format of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/json` or `application/…+json` (RFC 8259, RFC 6839).
    Json,
    /// `application/x-www-form-urlencoded` (WHATWG URL standard).
    Urlencoded,
    /// `multipart/form-data` (RFC 7578).
    Multipart,
}

/// The formats that a route accepts, for answers.
const fn accepted(kind: Kind, forms: bool) -> &'static str {
    match (kind, forms) {
        (Kind::Form, _) => "application/json, application/x-www-form-urlencoded or multipart/form-data",
        (Kind::Event, true) => "application/json or application/x-www-form-urlencoded",
        (Kind::Event, false) => "application/json",
    }
}

/// The format of a request's body.
///
/// # Errors
/// If the header is missing or names another format.
pub fn format(route: &Route, headers: &HeaderMap) -> Result<Format, Error> {
    // An event without data has no body, and so no content type.
    let no_data = route.envelope == Some(Envelope::CloudEvents)
        && headers.contains_key(envelope::SPECVERSION)
        && !headers.contains_key(CONTENT_TYPE);
    if no_data { Ok(Format::Json) } else { media_type(route.kind, route.contract.forms, headers) }
}

/// The most bytes of a request's body. Only a form with files may be large: once read, other bodies take many times
/// their size.
pub fn limit(route: &Route, headers: &HeaderMap) -> usize {
    match format(route, headers) {
        Ok(Format::Multipart) => route.upload_limit,
        _ => route.body_limit,
    }
}

/// `forms` says whether the systems that call an event route also send HTML forms.
fn media_type(kind: Kind, forms: bool, headers: &HeaderMap) -> Result<Format, Error> {
    let refused = Error::MediaType(accepted(kind, forms));
    let essence = essence(headers);
    let json = essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    match (forms || kind == Kind::Form, essence.as_str()) {
        _ if json => Ok(Format::Json),
        (true, URLENCODED) => Ok(Format::Urlencoded),
        (_, "multipart/form-data") if kind == Kind::Form => Ok(Format::Multipart),
        _ => Err(refused),
    }
}

/// Decodes a verified body: one submission, or several if the route's envelope contains several events. The fields of a
/// visitor's form get the types of the route's schema; JSON keeps its own.
///
/// # Errors
/// If the body does not have the format or the encoding that it should have, or is too deep, wide or long.
pub fn decode(route: &Route, headers: &HeaderMap, format: Format, verified: Verified) -> Result<Events, Error> {
    let (body, caller) = verified.into_parts();
    match (route.kind, format) {
        (Kind::Event, _) => events(route, headers, format, &body, &caller),
        (Kind::Form, Format::Json) => script(route, headers, &body, caller),
        (Kind::Form, Format::Urlencoded) => {
            form(route, headers, urlencoded::decode_page(&body, Charset::declared(headers)?)?, Vec::new(), caller)
        }
        (Kind::Form, Format::Multipart) => {
            let (fields, uploads) = multipart::decode(route, headers, body)?;
            form(route, headers, fields, uploads, caller)
        }
    }
}

/// A form that a browser sent without a script.
fn form(
    route: &Route,
    headers: &HeaderMap,
    mut fields: Vec<Field>,
    uploads: Vec<Upload>,
    mut caller: Caller,
) -> Result<Events, Error> {
    // The browser filled it in, and has been understood.
    fields.retain(|field| field.name != CHARSET_FIELD || route.schema.has(CHARSET_FIELD));
    form::correct_fields(&route.schema, &mut fields);
    let sent = fields.clone();
    let controls = Controls::of_fields(&route.form, &mut fields, |name| route.schema.has(name));
    caller.event_id = content_id(headers, &fields, &uploads);
    let (payload, filled) = form::assemble(&route.schema, fields)?;
    let submission = Submission { payload, filled: Some(filled), caller, uploads };
    Ok(Events::form(submission, FormFields { sent, controls }))
}

/// A form sent twice is the same event, although the boundary of its body, its token and its proof differ.
fn content_id(headers: &HeaderMap, fields: &[Field], uploads: &[Upload]) -> String {
    let fields = fields.iter().flat_map(|field| [field.name.as_bytes(), field.text.as_bytes()]);
    let uploads = uploads.iter().flat_map(|upload| [upload.field.as_bytes(), upload.name.as_bytes(), &upload.bytes]);
    auth::submission_id(headers, fields.chain(uploads))
}

/// A form that a page's script sent.
fn script(route: &Route, headers: &HeaderMap, body: &[u8], mut caller: Caller) -> Result<Events, Error> {
    let text = charset::json(body, Charset::declared(headers)?)?;
    let mut payload = json::decode(&text)?;
    form::correct_members(&route.schema, &mut payload);
    let controls = match &mut payload {
        Value::Object(members) => {
            members.retain(|name, _| name != CHARSET_FIELD || route.schema.has(CHARSET_FIELD));
            Controls::of_members(&route.form, members, |name| route.schema.has(name))
        }
        _ => Controls::default(),
    };
    // A mail that shows all fields shows them in this order, so a form with another order is another event.
    let filled = filled(route, &text);
    let shown = filled.iter().flatten().filter(|filled| payload.pointer(&filled.pointer).is_some());
    let shown = shown.map(|filled| filled.pointer.as_bytes());
    caller.event_id = auth::submission_id(headers, [payload.to_string().as_bytes()].into_iter().chain(shown));
    let submission = Submission { payload, filled, caller, uploads: Vec::new() };
    Ok(Events::form(submission, FormFields { sent: Vec::new(), controls }))
}

/// What a form's script, or a sample, has filled in, in the order of its text; `None` if no mail shows it.
pub fn filled(route: &Route, json: &str) -> Option<Vec<Filled>> {
    (route.kind == Kind::Form && route.shows_table()).then(|| form::members(&route.schema, json::names(json)))
}

fn events(route: &Route, headers: &HeaderMap, format: Format, body: &[u8], caller: &Caller) -> Result<Events, Error> {
    let coverage = route.auth.as_ref().map(|auth| auth.scheme.coverage());
    let whole = coverage == Some(Coverage::Request);
    // No signature covers the content type. It can change no text: what is not UTF-8 is windows-1252 or refused.
    let declared = Charset::declared(headers)?;
    let text = || charset::json(body, declared);
    let is_json = || text().is_ok_and(|text| text.trim_start().starts_with('{'));
    let (payloads, batch) = match (route.envelope, format) {
        (Some(envelope), Format::Json) => envelope::open(envelope, headers, whole, &text()?)?,
        (None, Format::Json) => (vec![json::decode(&text()?)?], false),
        // No signature covers the content type, and no sender's form begins as JSON does: this is JSON, replayed as a
        // form.
        (None, Format::Urlencoded) if !whole && is_json() => {
            return Err(Error::MediaType(accepted(Kind::Event, false)));
        }
        (None, Format::Urlencoded) => (vec![unfold(urlencoded::members(urlencoded::decode(body)?))?], false),
        (Some(_), Format::Urlencoded) | (_, Format::Multipart) => {
            return Err(Error::MediaType(accepted(Kind::Event, false)));
        }
    };
    // If fields can be cut differently under the same signature, they cannot identify an event.
    let recut = format == Format::Urlencoded && matches!(coverage, Some(Coverage::AddressAndFields { .. }));
    let submissions = payloads.into_iter().enumerate().map(|(index, payload)| {
        let own = event_id::of(route.envelope, route.contract.event_id, &payload).filter(|_| !recut);
        let given = || if batch { format!("{}#{index}", caller.event_id) } else { caller.event_id.clone() };
        let (event_id, derived) = own.unwrap_or_else(|| (given(), caller.derived));
        let caller = Caller { event_id, derived, ..caller.clone() };
        Submission { payload, filled: None, caller, uploads: Vec::new() }
    });
    Ok(Events { submissions: submissions.collect(), batch, fields: FormFields::default() })
}

/// GitHub and Slack put JSON into `payload`, a form's only field.
fn unfold(form: Value) -> Result<Value, Error> {
    match form.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.get("payload")) {
        Some(Value::String(text)) => json::decode(text),
        _ => Ok(form),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};

    use super::{Error, Format, media_type};
    use crate::policy::Kind;

    fn of(kind: Kind, forms: bool, value: &'static str) -> Result<Format, Error> {
        media_type(kind, forms, &HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]))
    }

    #[test]
    fn content_types_are_told_apart_by_their_essence() {
        for (value, form, event) in [
            ("application/json", Some(Format::Json), Some(Format::Json)),
            ("Application/JSON; charset=UTF-8", Some(Format::Json), Some(Format::Json)),
            ("application/cloudevents+json", Some(Format::Json), Some(Format::Json)),
            ("application/x-www-form-urlencoded", Some(Format::Urlencoded), None),
            ("application/json; charset=utf-16", Some(Format::Json), Some(Format::Json)),
            ("multipart/form-data; boundary=x", Some(Format::Multipart), None),
            ("text/plain", None, None),
            ("application/jsonx", None, None),
            ("", None, None),
        ] {
            assert_eq!(of(Kind::Form, false, value).ok(), form, "{value}");
            assert_eq!(of(Kind::Event, false, value).ok(), event, "{value}");
            // A system's form has no files.
            let system = form.filter(|format| *format != Format::Multipart);
            assert_eq!(of(Kind::Event, true, value).ok(), system, "{value}");
        }
        assert_eq!(media_type(Kind::Event, false, &HeaderMap::new()), Err(Error::MediaType("application/json")));
    }
}
