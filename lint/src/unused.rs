//! Fields that a schema describes but no mail of the route uses.

use std::collections::BTreeSet;

use postern::pointer;
use postern::policy::{Diagnostic, Place, Route};

use crate::field::Field;
use crate::template::Report;

/// Reports every field that no template, recipient, reply address or condition uses.
pub fn notes(route: &Route, reports: &[Report<'_>]) -> Vec<Diagnostic> {
    let root = Field::root(route.schema.document());
    let mut used: BTreeSet<String> = reports.iter().flat_map(|report| report.used.iter().cloned()).collect();
    for mail in &route.mails {
        for pointer in mail.pointers() {
            add(&root, pointer, &mut used);
        }
        if let Some(when) = &mail.when {
            add_condition(&root, &Field::root(when.document()), &mut used);
        }
    }
    let note = |(name, pointer): (String, String)| {
        let file = format!("schemas/{}.json", route.schema_name);
        let message = format!("No mail of the route `{}` uses `{name}`.", route.name);
        Diagnostic::note(
            &file,
            Place::Pointer(pointer),
            message,
            "Keep it if only the check matters; otherwise remove it.",
        )
    };
    unused(&root, &used).into_iter().map(note).collect()
}

fn add(root: &Field<'_>, pointer: &str, used: &mut BTreeSet<String>) {
    let mut field = root.clone();
    for name in pointer::names(pointer) {
        let Some((member, _)) = field.property(&name) else { return };
        used.insert(member.pointer().to_owned());
        field = member;
    }
}

fn add_condition(field: &Field<'_>, condition: &Field<'_>, used: &mut BTreeSet<String>) {
    let mut names: Vec<_> = condition.names().collect();
    names.extend(condition.required());
    for name in names {
        let Some((member, _)) = field.property(name) else { continue };
        used.insert(member.pointer().to_owned());
        if let Some((below, _)) = condition.property(name) {
            add_condition(&member, &below, used);
        }
    }
}

/// Names and pointers of the outermost unused fields.
fn unused(root: &Field<'_>, used: &BTreeSet<String>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![(String::new(), root.clone())];
    while let Some((path, field)) = open.pop() {
        // A schema may refer to itself.
        if !seen.insert(field.pointer().to_owned()) {
            continue;
        }
        open.extend(field.item().map(|item| (format!("{path}[]"), item)));
        for name in field.names() {
            let Some((member, _)) = field.property(name) else { continue };
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            // A fixed value identifies the kind of payload; no mail needs to print it.
            if used.contains(member.pointer()) {
                open.push((path, member));
            } else if member.constant().is_none() {
                found.push((path, member.pointer().to_owned()));
            }
        }
    }
    found
}
