//! Which mails apply to a valid payload, and to whom they go.

use serde_json::Value;

use crate::policy::{Address, Kind, Mail, Recipients, ReplyTo, Route, Stage};
use crate::texts::Texts;
use crate::validate::{Valid, Violation, about_address};

/// A mail that applies, with its recipients.
#[derive(Debug)]
pub struct Selected<'a> {
    /// The mail.
    pub mail: &'a Mail,
    /// The recipients.
    pub to: Vec<Address>,
    /// Where replies go.
    pub reply_to: Option<Mailbox>,
}

/// An address with a person's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The address.
    pub address: Address,
    /// The name as the payload has it, not yet safe for a header.
    pub name: Option<String>,
}

/// Whether a route has a mail for a payload that nothing has checked yet. Systems send more kinds of events than a route
/// wants, and one that no mail is for need not fit the schema. Every form is wanted.
pub fn is_wanted(route: &Route, payload: &Value) -> bool {
    route.kind == Kind::Form || route.mails.iter().any(|mail| is_for(mail, payload))
}

fn is_for(mail: &Mail, payload: &Value) -> bool {
    mail.when.as_ref().is_none_or(|when| when.validator().is_valid(payload))
}

/// Selects the mails of a route that belong to this stage.
///
/// # Errors
/// A violation for each address in the payload that mail cannot be sent to.
pub fn select<'a>(
    route: &'a Route,
    stage: Stage,
    valid: &Valid,
    texts: &Texts,
) -> Result<Vec<Selected<'a>>, Vec<Violation>> {
    let payload = valid.payload();
    let applies = |mail: &&Mail| route.stage(mail) == stage && is_for(mail, payload);
    let (selected, refused): (Vec<_>, Vec<_>) =
        route.mails.iter().filter(applies).map(|mail| resolve(mail, payload, texts)).partition(Result::is_ok);
    if refused.is_empty() {
        Ok(selected.into_iter().filter_map(Result::ok).collect())
    } else {
        let mut violations: Vec<_> = refused.into_iter().filter_map(Result::err).collect();
        violations.dedup();
        Err(violations)
    }
}

fn resolve<'a>(mail: &'a Mail, payload: &Value, texts: &Texts) -> Result<Selected<'a>, Violation> {
    let to = match &mail.to {
        Recipients::Fixed(addresses) => addresses.clone(),
        Recipients::Field { pointer, allow } => vec![chosen(payload, pointer, allow, texts)?],
    };
    let reply_to = mail.reply_to.as_ref().map_or(Ok(None), |reply_to| mailbox(payload, reply_to, texts))?;
    Ok(Selected { mail, to, reply_to })
}

fn chosen(payload: &Value, pointer: &str, allow: &[String], texts: &Texts) -> Result<Address, Violation> {
    let address = address(payload, pointer, texts)?
        .ok_or_else(|| violation(pointer, "required", "REQUIRED_FIELD_MISSING", texts.required))?;
    if allow.is_empty() || allow.contains(&address.domain()) {
        Ok(address)
    } else {
        Err(violation(pointer, "allow", "ALLOW", texts.domain))
    }
}

fn mailbox(payload: &Value, reply_to: &ReplyTo, texts: &Texts) -> Result<Option<Mailbox>, Violation> {
    let name = reply_to.name.as_ref().and_then(|pointer| payload.pointer(pointer)).and_then(Value::as_str);
    let address = address(payload, &reply_to.address, texts)?;
    Ok(address.map(|address| Mailbox { address, name: name.map(str::to_owned) }))
}

/// A schema's `email` format accepts more than mail systems do, so the gate's own rule decides.
fn address(payload: &Value, pointer: &str, texts: &Texts) -> Result<Option<Address>, Violation> {
    let Some(value) = payload.pointer(pointer) else { return Ok(None) };
    Address::parse_typed(value.as_str().unwrap_or_default())
        .map(Some)
        .map_err(|error| violation(pointer, "format", "TYPE_EMAIL", &about_address(error, texts)))
}

fn violation(pointer: &str, keyword: &str, code: &str, detail: &str) -> Violation {
    Violation {
        pointer: pointer.to_owned(),
        keyword: keyword.to_owned(),
        detail: detail.to_owned(),
        code: code.to_owned(),
    }
}
