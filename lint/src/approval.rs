//! Approvals: who approved what, identified by the hash of the content.
//!
//! `approvals.toml` names each template, each schema, the tables of senders and routes, and those of operations and
//! overflow if the policy has them:
//!
//! ```toml
//! ["templates/contact-notify"]
//! sha256 = "…"
//! approved_by = "web-team@contoso.example"
//! approved_on = 2026-03-31
//! ```

use std::collections::{BTreeMap, BTreeSet};

use postern::policy::{
    APPROVALS_FILE, Address, Diagnostic, Digest, Files, POLICY_FILE, Part, Place, TEMPLATES_FOLDER, Template,
};
use serde::Deserialize;
pub use toml_edit::{Date, Datetime};
use toml_edit::{DocumentMut, Item, Table, value};

const SCHEMAS_FOLDER: &str = "schemas/";

/// The tables of `postern.toml` that are approved separately.
const TABLES: [&str; 2] = ["routes", "senders"];

/// The tables that need no approval if the policy does not have them.
const OPTIONAL_TABLES: [&str; 2] = ["operations", "overflow"];

/// One approval.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The sha256 of the approved content, in hexadecimal digits.
    pub sha256: String,
    /// The address of the person who approved it.
    pub approved_by: String,
    /// When.
    pub approved_on: Datetime,
}

/// Something whose current content is not approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unapproved {
    /// Its name in `approvals.toml`.
    pub name: String,
    /// The last approval, of other content; `None` if there never was one.
    pub last: Option<Approval>,
}

/// The names of everything that needs approval, sorted.
pub fn names(files: &Files) -> BTreeSet<String> {
    let templates = files.paths().filter_map(|path| {
        let (name, _) = path.strip_prefix(TEMPLATES_FOLDER)?.split_once('/')?;
        Some(format!("{TEMPLATES_FOLDER}{name}"))
    });
    let schemas = files.paths().filter_map(|path| {
        let name = path.strip_prefix(SCHEMAS_FOLDER)?.strip_suffix(".json")?;
        (!name.contains('/')).then(|| format!("{SCHEMAS_FOLDER}{name}"))
    });
    let optional = OPTIONAL_TABLES.into_iter().filter(|table| normal(files, table).is_some());
    templates.chain(schemas).chain(TABLES.into_iter().chain(optional).map(str::to_owned)).collect()
}

/// The sha256 of what a name refers to in these files; `None` if it does not exist or cannot be read.
///
/// Comments, formatting and line endings do not count: a template counts as its texts and all layouts, a schema and a
/// table as their values.
pub fn digest(files: &Files, name: &str) -> Option<Digest> {
    if let Some(template) = name.strip_prefix(TEMPLATES_FOLDER) {
        let there = Part::ALL.iter().any(|part| files.text(&format!("{name}/{}", part.file())).is_some());
        return there.then(|| Template::digest_of(files, template));
    }
    Some(Digest::of([normal(files, name)?.to_string()]))
}

/// The value of a schema or a table, without its formatting.
fn normal(files: &Files, name: &str) -> Option<serde_json::Value> {
    if name.starts_with(SCHEMAS_FOLDER) {
        return serde_json::from_str(files.text(&format!("{name}.json"))?).ok();
    }
    let policy: toml::Table = toml::from_str(files.text(POLICY_FILE)?).ok()?;
    serde_json::to_value(policy.get(name)?).ok()
}

/// What a reviewer must read to approve a name: texts with their titles, layouts last.
pub fn texts(files: &Files, name: &str) -> Vec<(String, String)> {
    if let Some(template) = name.strip_prefix(TEMPLATES_FOLDER) {
        let text = |path: &str| (path.to_owned(), files.text(path).unwrap_or_default().to_owned());
        let mut texts: Vec<_> = Template::files(files, template).map(text).collect();
        texts.sort_by_key(|(path, _)| !path.starts_with(&format!("{name}/")));
        return texts;
    }
    let title =
        if name.starts_with(SCHEMAS_FOLDER) { format!("{name}.json") } else { format!("{POLICY_FILE} [{name}]") };
    let text = normal(files, name).and_then(|value| serde_json::to_string_pretty(&value).ok());
    text.map(|text| (title, format!("{text}\n"))).into_iter().collect()
}

/// The recorded approvals by name; none if there is no file.
///
/// # Errors
/// One finding, if `approvals.toml` does not have the format described above.
pub fn approvals(files: &Files) -> Result<BTreeMap<String, Approval>, Diagnostic> {
    let text = files.text(APPROVALS_FILE).unwrap_or_default();
    let help = "Let `postern approve` write this file.";
    let approvals: BTreeMap<String, Approval> = toml::from_str(text).map_err(|error| {
        let place = error.span().map_or(Place::File, Place::Span);
        Diagnostic::error(APPROVALS_FILE, place, format!("{}.", error.message().trim_end_matches('.')), help)
    })?;
    for (name, approval) in &approvals {
        let day = approval.approved_on.date.is_some() && approval.approved_on.time.is_none();
        if Address::parse(&approval.approved_by).is_err() || !day {
            let message = format!("The approval of `{name}` does not say who approved it and on which day.");
            return Err(Diagnostic::error(APPROVALS_FILE, entry(files, name), message, help));
        }
    }
    Ok(approvals)
}

/// Everything whose current content is not approved, sorted by name. Empty means that the policy may be sealed.
///
/// # Errors
/// As [`approvals`].
pub fn unapproved(files: &Files) -> Result<Vec<Unapproved>, Diagnostic> {
    let mut approvals = approvals(files)?;
    let open = names(files).into_iter().filter_map(|name| {
        let last = approvals.remove(&name);
        let now = digest(files, &name).map(|digest| digest.to_string());
        let approved = last.as_ref().is_some_and(|last| Some(&last.sha256) == now.as_ref());
        (!approved).then_some(Unapproved { name, last })
    });
    Ok(open.collect())
}

/// Approvals of things that no longer exist, sorted.
///
/// # Errors
/// As [`approvals`].
pub fn stale(files: &Files) -> Result<Vec<String>, Diagnostic> {
    let names = names(files);
    Ok(approvals(files)?.into_keys().filter(|name| !names.contains(name)).collect())
}

/// The same as findings. They are warnings, because the policy works; only `postern seal` refuses it.
pub fn findings(files: &Files) -> Vec<Diagnostic> {
    let checked = || {
        let open = unapproved(files)?.into_iter().map(|open| not_approved(files, &open));
        let gone = stale(files)?.into_iter().map(|name| {
            let message = format!("`{name}` is approved but no longer exists.");
            Diagnostic::warning(
                APPROVALS_FILE,
                entry(files, &name),
                message,
                "Remove it, or run `postern approve --all`.",
            )
        });
        Ok(open.chain(gone).collect())
    };
    checked().unwrap_or_else(|finding| vec![finding])
}

fn not_approved(files: &Files, open: &Unapproved) -> Diagnostic {
    let name = &open.name;
    let help =
        format!("Review it with `postern approve {name} --by YOU@YOUR-DOMAIN`; `postern seal` refuses it until then.");
    let Some(last) = &open.last else {
        let file = texts(files, name).into_iter().map(|(title, _)| title).find(|title| files.text(title).is_some());
        let file = file.unwrap_or_else(|| POLICY_FILE.to_owned());
        return Diagnostic::warning(&file, Place::File, format!("`{name}` is not approved."), help);
    };
    let message = format!("`{name}` has changed since {} approved it on {}.", last.approved_by, last.approved_on);
    Diagnostic::warning(APPROVALS_FILE, entry(files, name), message, help)
}

/// Where a name is in `approvals.toml`.
fn entry(files: &Files, name: &str) -> Place {
    let text = files.text(APPROVALS_FILE).unwrap_or_default();
    let heads = [format!("[\"{name}\"]"), format!("[{name}]")];
    let found = heads.iter().find_map(|head| Some((text.find(head.as_str())?, head.len())));
    found.map_or(Place::File, |(start, length)| Place::Span(start..start + length))
}

/// Why approvals could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The current `approvals.toml` is not valid TOML.
    #[error("approvals.toml cannot be read: {0}")]
    Unreadable(#[from] toml_edit::TomlError),
    /// Nothing has that name, or it cannot be read.
    #[error("there is no `{0}` to approve")]
    Unknown(String),
}

/// The text of `approvals.toml` with approvals for the current content of these names, sorted by name. Keeps other
/// entries and comments, and drops entries for things that no longer exist.
///
/// # Errors
/// If the current text is not valid TOML, or a name refers to nothing.
pub fn approve(files: &Files, approved: &[String], by: &Address, on: Date) -> Result<String, WriteError> {
    let mut document: DocumentMut = files.text(APPROVALS_FILE).unwrap_or_default().parse()?;
    for name in approved {
        let digest = digest(files, name).ok_or_else(|| WriteError::Unknown(name.clone()))?;
        let table = document.entry(name).or_insert(Item::Table(Table::new()));
        *table = Item::Table(filled(table, &digest, by, on));
    }
    let names = names(files);
    document.retain(|name, _| names.contains(name));
    document.sort_values();
    for (position, (_, item)) in document.iter_mut().enumerate() {
        if let Some(table) = item.as_table_mut() {
            table.set_position(Some(isize::try_from(position).unwrap_or(isize::MAX)));
        }
    }
    Ok(document.to_string())
}

fn filled(table: &Item, digest: &Digest, by: &Address, on: Date) -> Table {
    let mut table = table.as_table().cloned().unwrap_or_default();
    table.insert("sha256", value(digest.to_string()));
    table.insert("approved_by", value(by.as_str()));
    table.insert("approved_on", value(Datetime::from(on)));
    table
}
