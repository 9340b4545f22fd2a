//! Every mail, tried with its template's sample.

use postern::policy::{Diagnostic, Files, Mail, POLICY_FILE, Place, Policy, Route, SAMPLE};
use postern::render::{self, Parts};
use postern::validate;
use serde_json::Value;

use crate::Findings;

/// Gives the sample, when the route would take it.
pub fn check(route: &Route, mail: &Mail, files: &Files, findings: &mut Findings) -> Option<Value> {
    let path = mail.template.path(SAMPLE);
    let sample: Value = match serde_json::from_str(files.text(&path)?) {
        Ok(sample) => sample,
        Err(reason) => {
            let message = format!("This is not JSON: {reason}.");
            findings.error(&path, Place::Line(reason.line()), message, "Correct the text.");
            return None;
        }
    };
    let violations = validate::violations(&route.schema, &sample);
    for violation in &violations {
        let message = format!("The sample does not fit the schema `{}`: {}", route.schema_name, violation.detail);
        let place = Place::Pointer(violation.pointer.clone());
        findings.error(&path, place, message, "Samples are payloads the route would accept.");
    }
    if !violations.is_empty() {
        return None;
    }
    if let Some(when) = &mail.when
        && !when.validator().is_valid(&sample)
    {
        let message = format!("The mail `{}` is not shown to be reachable: its condition rejects {path}.", mail.name);
        let help = "Correct the condition, or make the sample one that it accepts.";
        findings.error(POLICY_FILE, mail.place.clone(), message, help);
    }
    Some(sample)
}

/// What the sample becomes.
pub fn render(policy: &Policy, mail: &Mail, sample: &Value) -> Result<Parts, Diagnostic> {
    render::render_parts(policy.templates(), &mail.template, sample).map_err(|failure| failure.finding(&mail.template))
}
