//! Reads and validates `[[routes.NAME.mails]]`.

use serde_json::Value;
use toml::Spanned;

use super::document::{FieldTable, MailTable, ReplyToTable, To};
use super::{Known, address, at, error};
use crate::policy::diagnostic::Findings;
use crate::policy::{ADDRESS_FORMATS, Address, MAX_FIXED_RECIPIENTS, Mail, POLICY_FILE, Recipients, ReplyTo, Schema};

/// Reads a mail. Leaves out one with an error; the findings say why.
pub(super) fn mail(
    table: Spanned<MailTable>,
    schema: &Schema,
    known: &Known<'_>,
    findings: &mut Findings,
) -> Option<Mail> {
    let place = at(&table);
    let table = table.into_inner();
    let template = known.templates.get(table.template.get_ref());
    if template.is_none() {
        let message = format!("There is no template `{}`.", table.template.get_ref());
        error(findings, &table.template, message, "Create a folder with that name in templates/.");
    }
    let sender = known.senders.get(table.sender.get_ref());
    if sender.is_none() {
        let message = format!("There is no usable sender `{}`.", table.sender.get_ref());
        error(findings, &table.sender, message, "Add it under [senders], or correct it there.");
    }
    let to = recipients(&table.to, schema, findings);
    let reply_to = table.reply_to.as_ref().map(|reply_to| self::reply_to(reply_to, schema, findings));
    let when = table.when.map(|when| condition(when, findings));
    let name = table.name.map_or_else(|| table.template.get_ref().clone(), Spanned::into_inner);
    Some(Mail {
        name,
        template: template?.clone(),
        sender: sender?.clone(),
        purpose: table.purpose.into_inner(),
        to: to?,
        reply_to,
        attachments: table.attachments,
        when: when.map_or(Some(None), |when| when.map(Some))?,
        place,
    })
}

fn condition(when: Spanned<Value>, findings: &mut Findings) -> Option<Schema> {
    let place = at(&when);
    Schema::compile(when.into_inner())
        .map_err(|refusal| findings.error(POLICY_FILE, place, refusal.message, refusal.help))
        .ok()
}

fn recipients(to: &Spanned<To>, schema: &Schema, findings: &mut Findings) -> Option<Recipients> {
    match to.get_ref() {
        To::Fixed(addresses) if (1..=MAX_FIXED_RECIPIENTS).contains(&addresses.len()) => {
            let checked: Vec<_> = addresses.iter().map(|text| address(text, findings)).collect();
            Some(Recipients::Fixed(checked.into_iter().collect::<Option<_>>()?))
        }
        To::Fixed(_) => {
            let message = format!("A mail needs between 1 and {MAX_FIXED_RECIPIENTS} addresses.");
            error(findings, to, message, "Use a distribution list for more.");
            None
        }
        To::Field(table) => chosen(table, schema, findings),
    }
}

fn chosen(table: &FieldTable, schema: &Schema, findings: &mut Findings) -> Option<Recipients> {
    let address = address_field(&table.field, schema, findings);
    if address == Some(Presence::Optional) {
        let message =
            format!("The schema does not require `{}`, so the mail might have no recipient.", table.field.get_ref());
        error(findings, &table.field, message, "Add the field to `required`.");
    }
    let mut allow = Vec::new();
    for domain in table.allow.iter().flatten() {
        if Address::parse(&format!("name@{}", domain.get_ref())).is_err() {
            let message = format!("`{}` is not a domain.", domain.get_ref());
            error(findings, domain, message, "Use a domain such as contoso.example.");
        }
        allow.push(domain.get_ref().to_ascii_lowercase());
    }
    if let Some([]) = table.allow.as_deref() {
        error(
            findings,
            &table.field,
            "With an empty `allow`, no address is accepted.",
            "List a domain, or remove `allow`.",
        );
    }
    Some(Recipients::Field { pointer: table.field.get_ref().clone(), allow })
}

/// Whether every payload has a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    Optional,
}

fn address_field(pointer: &Spanned<String>, schema: &Schema, findings: &mut Findings) -> Option<Presence> {
    let Some((property, required)) = schema.property(pointer.get_ref()) else {
        let message = format!("The schema has no property at `{}`.", pointer.get_ref());
        error(findings, pointer, message, "Use a JSON Pointer such as \"/email\" to a property of the schema.");
        return None;
    };
    if !property.get("format").and_then(Value::as_str).is_some_and(|format| ADDRESS_FORMATS.contains(&format)) {
        let message = format!("The schema does not require an email address at `{}`.", pointer.get_ref());
        error(findings, pointer, message, "Add \"format\": \"email\" to the property.");
    }
    Some(if required { Presence::Required } else { Presence::Optional })
}

fn reply_to(table: &Spanned<ReplyToTable>, schema: &Schema, findings: &mut Findings) -> ReplyTo {
    let table = table.get_ref();
    address_field(&table.field, schema, findings);
    if let Some(name) = &table.name
        && schema.property(name.get_ref()).is_none()
    {
        let message = format!("The schema has no property at `{}`.", name.get_ref());
        error(findings, name, message, "Use a JSON Pointer such as \"/name\" to a property of the schema.");
    }
    ReplyTo { address: table.field.get_ref().clone(), name: table.name.as_ref().map(|name| name.get_ref().clone()) }
}
