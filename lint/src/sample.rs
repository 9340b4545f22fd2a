//! Renders every mail with its template's sample.

use postern::policy::{Diagnostic, Files, Mail, POLICY_FILE, Place, Policy, Route, SAMPLE};
use postern::render::{self, Parts};
use postern::texts::Texts;
use postern::validate;
use serde_json::Value;

use crate::Findings;

/// The sample and its text, if the route would accept it.
pub fn check<'a>(route: &Route, mail: &Mail, files: &'a Files, findings: &mut Findings) -> Option<(Value, &'a str)> {
    let path = mail.template.path(SAMPLE);
    let text = files.text(&path)?;
    let sample: Value = match serde_json::from_str(text) {
        Ok(sample) => sample,
        Err(reason) => {
            let message = format!("This is not JSON: {reason}.");
            findings.error(&path, Place::Line(reason.line()), message, "Fix the JSON syntax.");
            return None;
        }
    };
    let violations = validate::violations(&route.schema, &sample, Texts::neutral());
    for violation in &violations {
        let message = format!("The sample does not match the schema `{}`: {}", route.schema_name, violation.detail);
        let place = Place::Pointer(violation.pointer.clone());
        findings.error(&path, place, message, "A sample must be a payload that the route accepts.");
    }
    if !violations.is_empty() {
        return None;
    }
    if let Some(when) = &mail.when
        && !when.validator().is_valid(&sample)
    {
        let message =
            format!("Nothing shows that the mail `{}` is ever sent: its condition rejects {path}.", mail.name);
        let help = "Fix the condition, or use a sample that it accepts.";
        findings.error(POLICY_FILE, mail.place.clone(), message, help);
    }
    Some((sample, text))
}

/// The mail that the sample becomes.
pub fn render(policy: &Policy, route: &Route, mail: &Mail, sample: &Value, text: &str) -> Result<Parts, Diagnostic> {
    render::render_sample(policy.templates(), route, mail, sample, text)
        .map_err(|failure| failure.finding(&mail.template))
}
