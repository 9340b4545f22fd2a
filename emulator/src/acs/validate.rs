//! The rules for a mail beyond its JSON. Only this module can create a [`ValidEmail`].

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use email_address::{EmailAddress, Options};
use http::HeaderName;
use mime::Mime;
use thiserror::Error;

use crate::acs::email::{Address, Attachment, Content, Email, Recipients};
use crate::acs::version::ApiVersion;

/// Reserved keys of `headers`; `true` switches them on.
///
/// Source: ACS, email headers.
const IGNORE_DUPLICATE_CONTENT_ID: &str = "x-ms-acsemail-ignore-duplicate-content-id";
const SUPPRESS_INVALID_ATTACHMENT: &str = "x-ms-acsemail-suppress-invalid-attachment";
const VALIDATE_MESSAGE_ID: &str = "x-ms-acsemail-validate-message-id";

/// A mail that follows every rule.
#[derive(Debug)]
pub(crate) struct ValidEmail {
    pub(crate) email: Email,
    /// The sender's own Message-ID, if it is well-formed.
    pub(crate) message_id: Option<String>,
    /// Whether a Message-ID seen before is an error.
    pub(crate) message_id_must_be_new: bool,
}

/// What is wrong with a body, and which property.
#[derive(Debug, Error)]
#[error("The request body is invalid at `{property}`: {problem}.")]
pub(crate) struct Invalid {
    property: String,
    problem: String,
}

impl Invalid {
    pub(crate) fn new(property: impl Into<String>, problem: impl Into<String>) -> Invalid {
        Invalid { property: property.into(), problem: problem.into() }
    }
}

/// Checks a mail whose sender is already checked. Drops attachments if the sender asked for that.
pub(crate) fn validate(mut email: Email, version: ApiVersion, max_recipients: usize) -> Result<ValidEmail, Invalid> {
    check_content(&email.content)?;
    check_recipients(&email.recipients, max_recipients)?;
    check_addresses("replyTo", email.reply_to.as_deref().unwrap_or_default())?;
    check_headers(&email)?;
    check_attachments(&mut email, version)?;
    let message_id_must_be_new = is_switched_on(&email, VALIDATE_MESSAGE_ID);
    let message_id = chosen_message_id(&email, message_id_must_be_new)?;
    Ok(ValidEmail { email, message_id, message_id_must_be_new })
}

/// A bare address at a domain with a dot, without a display name.
pub(crate) fn check_address(property: &str, address: &str) -> Result<(), Invalid> {
    let bare = Options::default().without_display_text().without_domain_literal().with_required_tld();
    EmailAddress::parse_with_options(address, bare)
        .map(|_| ())
        .map_err(|error| Invalid::new(property, format!("not a bare mail address ({error})")))
}

fn check_content(content: &Content) -> Result<(), Invalid> {
    check_line("content.subject", &content.subject)?;
    let bodies = [&content.plain_text, &content.html];
    if bodies.into_iter().flatten().all(|body| body.is_empty()) {
        return Err(Invalid::new("content", "plainText or html is required"));
    }
    Ok(())
}

/// One line of text: a line break or control character in it could inject mail headers.
fn check_line(property: &str, text: &str) -> Result<(), Invalid> {
    if text.chars().any(char::is_control) {
        return Err(Invalid::new(property, "control characters are not allowed"));
    }
    Ok(())
}

fn check_recipients(recipients: &Recipients, max: usize) -> Result<(), Invalid> {
    for (name, list) in recipients.lists() {
        check_addresses(&format!("recipients.{name}"), list)?;
    }
    match recipients.all().count() {
        0 => Err(Invalid::new("recipients", "at least one recipient is required")),
        count if count > max => {
            let problem = format!("{count} recipients, at most {max} are allowed over all lists");
            Err(Invalid::new("recipients", problem))
        }
        _ => Ok(()),
    }
}

fn check_addresses(property: &str, list: &[Address]) -> Result<(), Invalid> {
    for (index, entry) in list.iter().enumerate() {
        check_address(&format!("{property}[{index}].address"), &entry.address)?;
        let name = entry.display_name.as_deref().unwrap_or_default();
        check_line(&format!("{property}[{index}].displayName"), name)?;
    }
    Ok(())
}

fn check_headers(email: &Email) -> Result<(), Invalid> {
    let mut seen = HashSet::new();
    for (name, value) in email.headers.iter().flatten() {
        let property = format!("headers.{name}");
        let canonical =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| Invalid::new(&property, "not a header name"))?;
        if !seen.insert(canonical) {
            return Err(Invalid::new(&property, "the header appears twice"));
        }
        if value.trim().is_empty() {
            return Err(Invalid::new(&property, "the value is blank"));
        }
        check_line(&property, value)?;
    }
    Ok(())
}

fn check_attachments(email: &mut Email, version: ApiVersion) -> Result<(), Invalid> {
    let drop_invalid = is_switched_on(email, SUPPRESS_INVALID_ATTACHMENT);
    let allow_duplicates = is_switched_on(email, IGNORE_DUPLICATE_CONTENT_ID);
    let attachments = email.attachments.get_or_insert_default();
    check_content_ids(attachments, version, allow_duplicates)?;
    if drop_invalid {
        attachments.retain(|attachment| check_attachment(0, attachment).is_ok());
    }
    for (index, attachment) in attachments.iter().enumerate() {
        check_attachment(index, attachment)?;
    }
    Ok(())
}

fn check_content_ids(attachments: &[Attachment], version: ApiVersion, allow_duplicates: bool) -> Result<(), Invalid> {
    let mut seen = HashSet::new();
    for (index, attachment) in attachments.iter().enumerate() {
        let Some(id) = &attachment.content_id else {
            continue;
        };
        let property = format!("attachments[{index}].contentId");
        if !version.has_content_id() {
            let problem = format!("unknown field `contentId` in api-version {}", version.as_str());
            return Err(Invalid::new(property, problem));
        }
        check_line(&property, id)?;
        if !seen.insert(id) && !allow_duplicates {
            return Err(Invalid::new(property, "another attachment has the same contentId"));
        }
    }
    Ok(())
}

fn check_attachment(index: usize, attachment: &Attachment) -> Result<(), Invalid> {
    let property = |name: &str| format!("attachments[{index}].{name}");
    if attachment.name.trim().is_empty() {
        return Err(Invalid::new(property("name"), "the name is blank"));
    }
    check_line(&property("name"), &attachment.name)?;
    if attachment.content_type.parse::<Mime>().is_err() {
        return Err(Invalid::new(property("contentType"), "not a media type"));
    }
    if STANDARD.decode(&attachment.content_in_base64).is_err() {
        return Err(Invalid::new(property("contentInBase64"), "not base64"));
    }
    Ok(())
}

fn is_switched_on(email: &Email, name: &str) -> bool {
    header(email, name).is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
}

fn header<'a>(email: &'a Email, name: &str) -> Option<&'a str> {
    let mut headers = email.headers.iter().flatten();
    headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// A malformed Message-ID is an error if the sender asked for the check; otherwise it is silently replaced.
fn chosen_message_id(email: &Email, checked: bool) -> Result<Option<String>, Invalid> {
    let Some(id) = header(email, "message-id") else {
        return Ok(None);
    };
    if is_message_id(id) {
        return Ok(Some(id.to_owned()));
    }
    if checked {
        return Err(Invalid::new("headers.Message-ID", "not of the form <name@domain>"));
    }
    Ok(None)
}

fn is_message_id(id: &str) -> bool {
    let inner = id.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    let Some((left, right)) = inner.and_then(|inner| inner.split_once('@')) else {
        return false;
    };
    let is_plain = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_graphic() && !"<>@".contains(c));
    is_plain(left) && is_plain(right)
}
