//! Example payloads of a schema: those it must accept, and those it must reject, with the reason in their names.

use postern::policy::{Files, Place, Route};
use postern::texts::Texts;
use postern::validate::{self, Violation};
use serde_json::Value;

use crate::Findings;

/// Validates `schemas/NAME.examples/{valid,invalid}/*.json`.
pub fn check(route: &Route, files: &Files, findings: &mut Findings) {
    let folder = format!("schemas/{}.examples/", route.schema_name);
    let (mut valid, mut invalid) = (0, 0);
    for path in files.paths().filter(|path| path.starts_with(&folder)) {
        match path
            .strip_prefix(&folder)
            .and_then(|rest| rest.strip_suffix(".json"))
            .and_then(|rest| rest.split_once('/'))
        {
            Some(("valid", _)) => {
                valid += 1;
                accepts(route, path, files, findings);
            }
            Some(("invalid", name)) => {
                invalid += 1;
                refuses(route, path, name, files, findings);
            }
            _ => findings.error(
                path,
                Place::File,
                "This file is not an example.",
                "Examples are named valid/NAME.json and invalid/KEYWORD-NAME.json.",
            ),
        }
    }
    for (count, kind) in [(valid, "valid"), (invalid, "invalid")] {
        if count == 0 {
            let message = format!("The schema `{}` has no {kind} example.", route.schema_name);
            let help = format!("Add one to {folder}{kind}/, to show what the schema is for and to test it.");
            findings.error(&format!("schemas/{}.json", route.schema_name), Place::File, message, help);
        }
    }
}

fn violations(route: &Route, path: &str, files: &Files, findings: &mut Findings) -> Option<Vec<Violation>> {
    match serde_json::from_str::<Value>(files.text(path).unwrap_or_default()) {
        Ok(example) => Some(validate::violations(&route.schema, &example, Texts::neutral())),
        Err(reason) => {
            let message = format!("This is not JSON: {reason}.");
            findings.error(path, Place::Line(reason.line()), message, "Fix the JSON syntax.");
            None
        }
    }
}

fn accepts(route: &Route, path: &str, files: &Files, findings: &mut Findings) {
    for violation in violations(route, path, files, findings).into_iter().flatten() {
        let message = format!(
            "The schema `{}` rejects this valid example at `{}`: {}",
            route.schema_name, violation.pointer, violation.detail
        );
        let help = "Fix the schema or the example.";
        findings.error(path, Place::Pointer(violation.pointer), message, help);
    }
}

fn refuses(route: &Route, path: &str, name: &str, files: &Files, findings: &mut Findings) {
    let Some(violations) = violations(route, path, files, findings) else { return };
    let keyword = name.split('-').next().unwrap_or_default();
    if violations.is_empty() {
        let message = format!("The schema `{}` accepts this invalid example.", route.schema_name);
        findings.error(path, Place::File, message, "Tighten the schema, or move the example to valid/.");
    } else if !violations.iter().any(|violation| violation.keyword == keyword) {
        let mut broken: Vec<_> = violations.iter().map(|violation| format!("`{}`", violation.keyword)).collect();
        broken.sort();
        broken.dedup();
        let message = format!("This example does not break `{keyword}`, as its name says, but {}.", broken.join(", "));
        findings.error(path, Place::File, message, "Name it after the keyword it breaks: KEYWORD-NAME.json.");
    }
}
